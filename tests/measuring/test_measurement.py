"""Every property of an object, against scikit-image, SciPy and the formulae themselves."""

import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist
from skimage.draw import ellipse
from skimage.measure import regionprops_table

from emseg.calibration import PixelSize
from emseg.errors import LabelError, MismatchError
from emseg.measuring import measure_objects
from emseg.measuring.runs import bands

PIXELS = st.sampled_from([None, PixelSize(1, 1, "test"), PixelSize(0.5, 2, "test")])
SMALL = arrays(
    np.int64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3)
)


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(7)
    smooth = ndimage.gaussian_filter(rng.normal(size=(240, 300)), 3)
    labels = ndimage.label(smooth > 0.05)[0]
    labels[labels == 5] = 0  # a gap in the numbers
    assert len(np.unique(labels)) > 40
    return labels


@pytest.fixture(scope="module")
def intensities():
    return np.random.default_rng(8).normal(100, 20, (2, 240, 300)).astype(np.float32)


def box_corners(mask, pixel):
    """Corners of all pixels of a mask, in the unit of the pixel."""
    rows, columns = np.nonzero(mask)
    corners = np.concatenate([np.stack([rows + i, columns + j], 1) for i in (0, 1) for j in (0, 1)])
    return corners * np.array(pixel)


def width_of_hull(points):
    """Smallest distance of two parallel lines around points, one of them along a side."""
    hull = ConvexHull(points)
    return np.ptp(hull.equations[:, :2] @ points[hull.vertices].T, axis=1).min()


def pixel_of(size):
    return (size.y_nm, size.x_nm) if size else (1.0, 1.0)


def test_properties_are_those_of_scikit_image(blobs, intensities):
    table = measure_objects(blobs, None, intensities=intensities, channels=("BSE", "SE"))
    asked = ("label", "area", "centroid", "bbox", "perimeter_crofton", "equivalent_diameter_area",
             "inertia_tensor_eigvals", "orientation", "intensity_mean")  # fmt: skip
    channels = np.moveaxis(intensities, 0, -1).astype(float)  # it adds up in the type of the file
    theirs = regionprops_table(blobs, channels, properties=asked)
    assert table.label.tolist() == theirs["label"].tolist()
    for ours, name in (
        (table.area, "area"),
        (table.diameter, "equivalent_diameter_area"),
        (table.perimeter, "perimeter_crofton"),
        (table.centroid_row, "centroid-0"),
        (table.centroid_column, "centroid-1"),
        (table.mean_intensity[:, 0], "intensity_mean-0"),
        (table.mean_intensity[:, 1], "intensity_mean-1"),
    ):
        np.testing.assert_allclose(ours, theirs[name], rtol=1e-6, err_msg=name)
    np.testing.assert_array_equal(table.box_height, theirs["bbox-2"] - theirs["bbox-0"])
    np.testing.assert_array_equal(table.box_width, theirs["bbox-3"] - theirs["bbox-1"])
    # a pixel is a square there is a point: of area 1/12 in the second moments
    major, minor = (theirs[f"inertia_tensor_eigvals-{i}"] + 1 / 12 for i in (0, 1))
    np.testing.assert_allclose(table.aspect_ratio, np.sqrt(major / minor), rtol=1e-9)
    long = table.aspect_ratio > 1.001
    turned = np.degrees(theirs["orientation"]) + 90 - table.orientation  # from rows to x
    assert np.abs((turned[long] + 90) % 180 - 90).max() < 1e-6
    assert table.unit == "px"


def test_anisotropic_pixels_give_the_moments_of_scikit_image(blobs):
    table = measure_objects(blobs, PixelSize(1, 2, "test"))
    asked = ("area", "centroid", "equivalent_diameter_area", "inertia_tensor")
    theirs = regionprops_table(blobs, spacing=(1, 2), properties=asked)
    np.testing.assert_allclose(table.area, theirs["area"])
    np.testing.assert_allclose(table.diameter, theirs["equivalent_diameter_area"])
    np.testing.assert_allclose(table.centroid_y, theirs["centroid-0"])
    np.testing.assert_allclose(table.centroid_x, theirs["centroid-1"])
    tensors = np.empty((len(table), 2, 2))
    for i, j in np.ndindex(2, 2):
        tensors[:, i, j] = theirs[f"inertia_tensor-{i}-{j}"]
    minor, major = np.linalg.eigvalsh(tensors + np.diag([4, 1]) / 12).T
    np.testing.assert_allclose(table.aspect_ratio, np.sqrt(major / minor), rtol=1e-9)
    assert table.unit == "nm"


@settings(deadline=None, max_examples=50)
@given(SMALL, PIXELS)
def test_feret_diameters_are_those_of_the_hull_of_all_corners(labels, size):
    table = measure_objects(labels, size)
    for number, largest, smallest in zip(
        table.label, table.feret_max, table.feret_min, strict=True
    ):
        corners = box_corners(labels == number, pixel_of(size))
        assert largest == pytest.approx(pdist(corners).max(), rel=1e-9)
        assert smallest == pytest.approx(width_of_hull(corners), rel=1e-9)


def test_feret_diameters_of_large_objects(blobs):
    table = measure_objects(blobs, PixelSize(3, 1.5, "test"))
    for number, largest, smallest in zip(
        table.label, table.feret_max, table.feret_min, strict=True
    ):
        corners = box_corners(blobs == number, (3, 1.5))
        hull = corners[ConvexHull(corners).vertices]
        assert largest == pytest.approx(pdist(hull).max(), rel=1e-9)
        assert smallest == pytest.approx(width_of_hull(corners), rel=1e-9)


@settings(deadline=None, max_examples=50)
@given(SMALL, PIXELS)
def test_neighbours_and_the_nearest_object(labels, size):
    table = measure_objects(labels, size)
    grown = {
        number: ndimage.binary_dilation(labels == number, np.ones((3, 3))) for number in table.label
    }
    centres = {
        number: np.argwhere(labels == number).mean(axis=0) * pixel_of(size)
        for number in table.label
    }
    for position, number in enumerate(table.label):
        others = [each for each in table.label if each != number]
        touching = [each for each in others if (grown[number] & (labels == each)).any()]
        assert table.neighbours[position] == len(touching)
        rows, columns = np.nonzero(labels == number)
        edges = (rows.min(), columns.min(), *(labels.shape - np.array([rows.max(), columns.max()])))
        assert table.touches_border[position] == (min(edges[:2]) == 0 or min(edges[2:]) == 1)
        if not others:
            assert np.isnan(table.nearest_distance[position])
            assert table.nearest[position] == 0
            continue
        distance = {each: np.linalg.norm(centres[each] - centres[number]) for each in others}
        assert table.nearest_distance[position] == pytest.approx(min(distance.values()))
        named = table.nearest[position]
        assert distance[named] == pytest.approx(min(distance.values()))


def test_three_objects_on_one_centre_have_another_as_the_nearest():
    labels = np.zeros((9, 9), int)
    for number, edge in enumerate((0, 2, 4), start=1):
        labels[edge : 9 - edge, edge : 9 - edge] = number
    table = measure_objects(labels, None)
    assert table.nearest_distance.tolist() == [0, 0, 0]
    assert (table.nearest != table.label).all()
    assert table.neighbours.tolist() == [1, 2, 1]


@settings(deadline=None, max_examples=50)
@given(SMALL)
def test_a_turned_picture_measures_the_same(labels):
    """Rows become columns and pixels turn with them."""
    size, turned = PixelSize(0.5, 2, "test"), PixelSize(2, 0.5, "test")
    table, other = measure_objects(labels, size), measure_objects(np.rot90(labels), turned)
    for column in ("area", "perimeter", "feret_max", "feret_min", "aspect_ratio", "neighbours"):
        np.testing.assert_allclose(getattr(table, column), getattr(other, column), rtol=1e-9)
    np.testing.assert_array_equal(table.touches_border, other.touches_border)
    difference = (table.orientation + 90 - other.orientation) % 180
    difference = difference[np.isfinite(difference)]
    assert np.minimum(difference, 180 - difference).max(initial=0) < 1e-6


@pytest.mark.parametrize("pixel", [(1, 1), (1, 2), (3, 1), (0.7, 1.1)])
def test_the_perimeter_of_a_disc_is_pi_times_its_diameter(pixel):
    rng = np.random.default_rng(3)
    ratios = []
    for _ in range(20):
        radius = rng.uniform(15, 40) * max(pixel)
        shape = np.ceil(2.2 * radius / np.array(pixel)).astype(int) + 3
        rows, columns = np.indices(shape)
        y, x = (shape * pixel) / 2 + rng.uniform(-1, 1, 2) * pixel / np.array(2)
        disc = (rows * pixel[0] - y) ** 2 + (columns * pixel[1] - x) ** 2 <= radius**2
        table = measure_objects(disc, PixelSize(*pixel, "test"))
        ratios.append(table.perimeter[0] / (2 * np.pi * radius))
        assert table.circularity[0] == pytest.approx(1, abs=0.05)
    assert np.mean(ratios) == pytest.approx(1, abs=0.01)
    assert np.abs(np.array(ratios) - 1).max() < 0.02


@pytest.mark.parametrize("pixel", [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("angle", [0, 30, 90, 135, 170])
def test_orientation_is_what_one_sees_in_the_picture(pixel, angle):
    """An ellipse of 60 x 20 nm, turned counter-clockwise from the x axis."""
    shape = np.array([140, 140]) // np.array(pixel)
    y, x = (np.indices(shape) * np.reshape(pixel, (2, 1, 1))) - 70.4
    turn = np.radians(angle)
    along, across = x * np.cos(turn) - y * np.sin(turn), -x * np.sin(turn) - y * np.cos(turn)
    table = measure_objects((along / 60) ** 2 + (across / 20) ** 2 <= 1, PixelSize(*pixel, "test"))
    assert (table.orientation[0] - angle + 90) % 180 - 90 == pytest.approx(0, abs=0.5)
    assert 0 <= table.orientation[0] < 180
    assert table.aspect_ratio[0] == pytest.approx(3, rel=0.01)
    assert table.feret_max[0] == pytest.approx(120, rel=0.03)
    assert table.feret_min[0] == pytest.approx(40, rel=0.05)


def test_one_pixel():
    labels = np.zeros((5, 7), np.uint8)
    labels[2, 3] = 9
    (row,) = measure_objects(labels, PixelSize(3, 4, "test")).rows()
    assert row["label"] == 9
    assert row["area_nm2"] == 12
    assert row["feret_max_nm"] == 5
    assert row["feret_min_nm"] == 3
    assert row["aspect_ratio"] == pytest.approx(4 / 3)
    assert row["orientation_deg"] == 0
    assert (row["centroid_x_nm"], row["centroid_y_nm"]) == (12, 6)
    assert (row["centroid_column"], row["centroid_row"]) == (3, 2)
    assert row["touches_border"] is False
    assert row["nearest_distance_nm"] is None
    assert row["neighbours"] == 0


def test_a_square_pixel_has_no_orientation():
    (row,) = measure_objects(np.ones((1, 1), bool), None).rows()
    assert row["orientation_deg"] is None
    assert row["aspect_ratio"] == pytest.approx(1)
    assert row["touches_border"] is True


def test_a_line_of_pixels():
    labels = np.zeros((3, 12), int)
    labels[1, 1:11] = 1
    table = measure_objects(labels, None)
    assert table.feret_max[0] == pytest.approx(np.hypot(10, 1))
    assert table.feret_min[0] == 1
    assert table.aspect_ratio[0] == pytest.approx(10)
    assert table.orientation[0] == 0


def test_an_object_that_fills_the_image():
    table = measure_objects(np.ones((30, 40), bool), PixelSize(2, 1, "test"))
    assert table.area[0] == 2400
    assert table.feret_max[0] == pytest.approx(np.hypot(60, 40))
    assert table.feret_min[0] == 40
    assert (table.box_height[0], table.box_width[0]) == (60, 40)
    assert table.touches_border[0]


@pytest.mark.parametrize("shape", [(6, 8), (0, 0), (0, 5), (5, 0)])
def test_no_object(shape):
    table = measure_objects(np.zeros(shape, np.int32), None, intensities=np.zeros((2, *shape)))
    assert len(table) == 0
    assert table.rows() == []
    assert table.mean_intensity.shape == (0, 2)
    assert list(table.columns())[-2:] == ["mean_intensity_1", "mean_intensity_2"]


def test_labels_may_have_gaps_and_be_large():
    labels = np.zeros((6, 6), np.int64)
    labels[1:3, 1:3], labels[4, 4] = 7, 2**40
    table = measure_objects(labels, None)
    assert table.label.tolist() == [7, 2**40]
    assert table.area.tolist() == [4, 1]
    assert table.nearest.tolist() == [2**40, 7]


@pytest.mark.parametrize("dtype", ["u1", "i2", ">i4", "u8", "i8"])
def test_any_whole_type_and_layout_measures_the_same(blobs, intensities, dtype):
    few = np.where(blobs <= 100, blobs, 0)
    expected = measure_objects(few, None, intensities=intensities)
    spread = np.zeros((480, 600), dtype)[::2, ::2]
    spread[:] = few
    spread.flags.writeable = False
    swapped = np.asfortranarray(intensities).astype(">f8")
    swapped.flags.writeable = False
    table = measure_objects(spread, None, intensities=swapped)
    for name, column in expected.columns().items():
        np.testing.assert_array_equal(table.columns()[name], column, err_msg=name)


def test_the_bands_make_no_difference(blobs, intensities, monkeypatch):
    expected = measure_objects(blobs, None, intensities=intensities)
    for room in ("runs", "transitions", "intensities"):
        monkeypatch.setattr(f"emseg.measuring.{room}.bands", lambda size: bands(size, 900))
    table = measure_objects(blobs, None, intensities=intensities)
    for name, column in expected.columns().items():
        np.testing.assert_array_equal(table.columns()[name], column, err_msg=name)


def test_a_small_object_far_from_the_origin_keeps_its_shape():
    labels = np.zeros((4000, 30), bool)
    labels[3990, 5:8] = True
    assert measure_objects(labels.T, None).aspect_ratio[0] == pytest.approx(3, rel=1e-12)


def test_intensities_that_are_not_numbers_stay_with_their_object():
    labels = np.array([[1, 1, 0, 2]])
    table = measure_objects(labels, None, intensities=np.array([[[1, np.nan, 5, 3]]]))
    assert np.isnan(table.mean_intensity[0, 0])
    assert table.mean_intensity[1, 0] == 3


def test_units_are_in_the_names_and_never_mixed():
    labels = np.eye(4, dtype=int)
    in_nm = measure_objects(labels, PixelSize(1, 1, "test"))
    in_px = measure_objects(labels, None)
    assert not [name for name in in_nm.columns() if "px" in name]
    assert not [name for name in in_px.columns() if "nm" in name]
    assert "diameter_px" in in_px.rows()[0]
    assert "area_px2" in in_px.rows()[0]
    assert in_px.perimeter_estimator == "Crofton, 4 directions"


def test_memory_is_a_fraction_of_the_image():
    labels = np.zeros((2048, 2048), np.int32)
    starts = np.arange(0, 2048, 64)
    for number, (top, left) in enumerate(((t, s) for t in starts for s in starts), start=1):
        rows, columns = ellipse(top + 32, left + 32, 25, 25)
        labels[rows, columns] = number
    tracemalloc.start()
    table = measure_objects(labels, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table) == 1024
    assert peak < 1.5 * labels.nbytes, peak


def test_every_pair_of_touching_objects_counts_once():
    labels = np.arange(1, 10).reshape(3, 3)
    assert measure_objects(labels, None).neighbours.tolist() == [3, 5, 3, 5, 8, 5, 3, 5, 3]
    counted = sum(
        1
        for one, other in combinations(np.ndindex(3, 3), 2)
        if np.abs(np.subtract(one, other)).max() == 1
    )
    assert measure_objects(labels, None).neighbours.sum() == 2 * counted


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        (np.zeros((2, 3, 4), int), "(2, 3, 4)"),
        (np.zeros((3, 4)), "float64"),
        (np.full((3, 4), -2), "-2"),
        (np.full((3, 4), 2**63, np.uint64), "9223372036854775808"),
        (np.full((3, 4), 2**64 - 1, ">u8"), "18446744073709551615"),
    ],
)
def test_what_is_no_label_image_is_refused(labels, named):
    with pytest.raises(LabelError) as refusal:
        measure_objects(labels, None)
    assert named in str(refusal.value)


def test_intensities_of_another_picture_are_refused():
    labels = np.ones((3, 4), int)
    with pytest.raises(MismatchError, match=r"\(1, 4, 3\)"):
        measure_objects(labels, None, intensities=np.zeros((1, 4, 3)))
    with pytest.raises(MismatchError, match="BSE, SE"):
        measure_objects(labels, None, intensities=np.zeros((1, 3, 4)), channels=("BSE", "SE"))


def test_channels_of_one_name_are_numbered():
    table = measure_objects(
        np.ones((3, 4), int), None, intensities=np.zeros((2, 3, 4)), channels=("a", "a")
    )
    assert table.channels == ("1", "2")
