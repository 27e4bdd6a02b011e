"""Images that a program holds become micrographs with their axes and pixel sizes."""

from types import SimpleNamespace

import dask.array
import hyperspy.api as hs
import numpy as np
import pytest
import xarray

from emseg.errors import ContentError
from emseg.reading.options import ReadOptions
from emseg.reading.stacks.in_memory import HeldStack

PLANE = np.random.default_rng(0).integers(0, 4000, (30, 40)).astype(np.uint16)
STACK = np.stack([PLANE, PLANE[::-1], PLANE[:, ::-1]])


def sizes(micrograph):
    return micrograph.pixel_size.y_nm, micrograph.pixel_size.x_nm


@pytest.mark.parametrize("kind", [np.asarray, dask.array.from_array, lambda a: a.tolist()])
def test_an_array_is_one_plane_without_a_pixel_size(kind):
    (only,) = HeldStack(kind(PLANE))
    assert only.array.shape == (1, 30, 40)
    assert np.array_equal(only.array[0], PLANE)
    assert (only.plane, only.pixel_size, only.title) == (None, None, "image")


@pytest.mark.parametrize("order", ["<", ">"])
def test_pixels_are_in_the_byte_order_of_the_machine(order):
    (only,) = HeldStack(PLANE.astype(f"{order}u2"))
    assert only.array.dtype.isnative
    assert np.array_equal(only.array[0], PLANE)


def test_planes_and_channels_are_told_apart_by_their_number_or_by_name():
    planes = HeldStack(STACK)
    assert [each.title for each in planes] == ["image[0]", "image[1]", "image[2]"]
    assert np.array_equal(planes[1].array[0], STACK[1])
    assert [each.plane for each in planes[1:]] == [1, 2]
    (only,) = HeldStack(STACK, ReadOptions(axes="cyx"))
    assert np.array_equal(only.array, STACK)
    (colour,) = HeldStack(np.moveaxis(STACK, 0, -1).astype(np.uint8))
    assert colour.channels == ("red", "green", "blue")


def test_a_chunked_array_is_read_by_rows_of_chunks():
    read = []

    def block(values, block_info=None):
        read.append(block_info[0]["array-location"][0])
        return values

    lazy = dask.array.from_array(PLANE, chunks=(10, 40)).map_blocks(block, dtype=PLANE.dtype)
    (only,) = HeldStack(lazy)
    read.clear()
    assert np.array_equal(np.asarray(only.pixels[0, 12:15]), PLANE[12:15])
    assert read == [(10, 20)]


def test_a_signal_of_hyperspy_knows_its_pixel_size():
    signal = hs.signals.Signal2D(STACK)
    x, y = signal.axes_manager.signal_axes
    (x.scale, x.units), (y.scale, y.units) = (2, "nm"), (0.003, "um")
    planes = HeldStack(signal)
    assert len(planes) == 3
    assert sizes(planes[0]) == (3, 2)
    assert planes[0].pixel_size.source == "hyperspy"
    assert sizes(HeldStack(signal.as_lazy(), ReadOptions(pixel_size="5nm"))[0]) == (5, 5)
    with pytest.raises(ContentError, match="a signal of 1 dimension"):
        HeldStack(hs.signals.Signal1D(STACK))


def test_coordinates_of_xarray_are_a_pixel_size_where_they_are_even():
    rows = xarray.DataArray(np.arange(30) * 0.25, dims="y", attrs={"units": "um"})
    columns = xarray.DataArray(np.arange(40) * 400.0, dims="x", attrs={"units": "nm"})
    image = xarray.DataArray(PLANE.T, dims=("x", "y"), coords={"x": columns, "y": rows})
    (only,) = HeldStack(image)
    assert sizes(only) == pytest.approx((250, 400))
    assert np.array_equal(only.array[0], PLANE)
    uneven = image.assign_coords(y=xarray.DataArray(np.arange(30) ** 2, dims="y", attrs=rows.attrs))
    assert HeldStack(uneven)[0].pixel_size is None
    assert HeldStack(xarray.DataArray(PLANE))[0].pixel_size is None


def test_dark_and_bright_change_places_and_truth_values_are_bytes():
    (swapped,) = HeldStack(PLANE, ReadOptions(invert=True))
    assert np.array_equal(np.asarray(swapped.pixels)[0], ~PLANE)
    (mask,) = HeldStack(PLANE > 2000)
    assert mask.array.dtype == np.uint8


def test_neighbours_come_along():
    middle = HeldStack(STACK, ReadOptions(neighbours=1))[1]
    assert [each.plane for each in middle.neighbours] == [0, 2]


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros(5), "no image plane"),
        (np.zeros((4, 4), complex), "complex"),
        (np.array([["a", "b"], ["c", "d"]]), "no numbers"),
        (np.zeros((0, 5)), "is no image"),
        (SimpleNamespace(), "no image"),
    ],
)
def test_what_is_no_image_is_refused(image, said):
    with pytest.raises(ContentError, match=said):
        HeldStack(image)


def test_axes_that_do_not_fit_are_refused():
    with pytest.raises(ContentError, match="2 dimensions and the axes 'zyx' name 3"):
        HeldStack(PLANE, ReadOptions(axes="zyx"))
