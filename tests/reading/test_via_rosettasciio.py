"""Microscopes' own formats, written here byte by byte or by RosettaSciIO's own writers."""

import gc
import struct
import tracemalloc

import numpy as np
import pytest
import zarr

from emseg.errors import ContentError, UnreadableFileError
from emseg.reading import ReadOptions, describe, open_stack
from emseg.reading.formats import FORMATS
from emseg.reading.microscopes import via_rosettasciio

SUFFIXES = [
    each.removeprefix(".")
    for fmt in FORMATS
    if fmt.reader == "microscopes.via_rosettasciio"
    for each in fmt.suffixes
]


@pytest.fixture(autouse=True)
def _collect_what_plugins_leave_open():
    """RosettaSciIO leaves files open that it fails on; they are closed here, within the test."""
    yield
    gc.collect()


def write_mrc(path, shape, *, cell_angstrom, pixels=b""):
    """Write an MRC2014 file of 16-bit unsigned integers; without pixels it is a hole."""
    planes, height, width = shape
    header = bytearray(1024)
    struct.pack_into("<10i", header, 0, width, height, planes, 6, 0, 0, 0, width, height, planes)
    struct.pack_into("<3f", header, 40, *cell_angstrom)
    struct.pack_into("<3i", header, 64, 1, 2, 3)
    header[208:216] = b"MAP \x44\x44\0\0"
    with path.open("wb") as file:
        file.write(header + pixels)
        file.truncate(1024 + 2 * planes * height * width)


def test_mrc_planes_and_pixel_size(tmp_path):
    pixels = np.arange(2 * 6 * 8, dtype="<u2").reshape(2, 6, 8)
    write_mrc(tmp_path / "a.mrc", (2, 6, 8), cell_angstrom=(80, 90, 40), pixels=pixels.tobytes())
    stack = open_stack(tmp_path / "a.mrc")
    assert (len(stack), stack.size) == (2, (6, 8))
    assert (stack.pixel_size.y_nm, stack.pixel_size.x_nm) == pytest.approx((1.5, 1.0))
    assert stack.pixel_size.source == "the MRC header"
    np.testing.assert_array_equal(stack[1].pixels[0], pixels[1])


def test_a_movie_larger_than_memory_gives_one_plane(tmp_path):
    write_mrc(tmp_path / "big.mrc", (2000, 2048, 2048), cell_angstrom=(1, 1, 1))  # 17 GB hole
    stack = open_stack(tmp_path / "big.mrc")
    tracemalloc.start()
    plane = stack[1999].pixels
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert plane.shape == (1, 2048, 2048)
    assert peak < 5 * plane.nbytes


def hyperspy_signal(data, steps, *, shown="yx", units="µm", **more):
    """Lay out a signal as HyperSpy does; the axes that are not shown count planes."""
    axes = [
        {"_type": "UniformDataAxis", "name": name, "size": size, "scale": scale, "offset": 0.0,
         "units": units, "navigate": name not in shown} | more.get(name, {})
        for (name, scale), size in zip(steps.items(), data.shape, strict=True)
    ]  # fmt: skip
    return {
        "data": data, "axes": axes, "metadata": {"General": {"title": "tilt"}, "Signal": {}},
        "original_metadata": {}, "attributes": {"_lazy": False, "ragged": False},
        "package_info": {"package": "hyperspy", "package_version": "2.3"},
        "tmp_parameters": {}, "learning_results": {}, "models": {},
    }  # fmt: skip


def write_hspy(path, said):
    from rsciio.hspy import file_writer

    file_writer(str(path), said)
    return path


def write_zspy(path, said):
    """Write HyperSpy's Zarr by hand, since its writer needs an older zarr-python."""
    store = zarr.open_group(path, mode="w", zarr_format=2)
    store.attrs.update({"file_format": "ZSpy", "file_format_version": "3.1"})
    group = store.create_group("Experiments/tilt")
    group.attrs.update(said["package_info"] | {"ragged": False})
    group.create_array("data", data=said["data"])
    for at, axis in enumerate(said["axes"]):
        group.create_group(f"axis-{at}").attrs.update(axis | {"is_binned": False})
    for name in ("General", "Signal"):
        group.create_group(f"metadata/{name}").attrs.update(said["metadata"][name])
    group.create_group("original_metadata")
    group.create_group("learning_results")
    return path


VOLUME = np.random.default_rng(0).random((3, 20, 30), dtype=np.float32)


@pytest.mark.parametrize("order", ["zyx", "zxy", "xyz", "yxz"])
@pytest.mark.parametrize(("suffix", "save"), [("hspy", write_hspy), ("zspy", write_zspy)])
@pytest.mark.parametrize("shown", ["yx", "zyx"])
def test_the_names_of_hyperspy_say_which_axis_is_which(tmp_path, order, suffix, save, shown):
    steps = {name: {"z": 0.05, "y": 0.002, "x": 0.001}[name] for name in order}
    said = hyperspy_signal(
        VOLUME.transpose(["zyx".index(each) for each in order]), steps, shown=shown
    )
    stack = open_stack(save(tmp_path / f"a.{suffix}", said))
    np.testing.assert_array_equal([each.pixels[0] for each in stack], VOLUME)
    size = stack.pixel_size
    assert (size.y_nm, size.x_nm, size.z_nm) == pytest.approx((2.0, 1.0, 50.0))
    assert (size.source, describe(tmp_path / f"a.{suffix}")[0].name) == (
        "the HyperSpy axes",
        "tilt",
    )


def test_a_dataset_of_hyperspy_is_read_by_its_path_as_the_file_is(tmp_path):
    said = hyperspy_signal(VOLUME[0].T.copy(), {"x": 0.001, "y": 0.002})
    path = write_hspy(tmp_path / "a.hspy", said)
    for each in (path, f"{path}:/Experiments/tilt/data"):
        stack = open_stack(each)
        np.testing.assert_array_equal(stack[0].pixels[0], VOLUME[0])
        assert (stack.pixel_size.y_nm, stack.pixel_size.x_nm) == pytest.approx((2.0, 1.0))


@pytest.mark.parametrize(
    "said", [{"axis": np.geomspace(1, 1000, 30)}, {"expression": "x**2", "x": {"size": 30}}]
)
def test_an_axis_of_hyperspy_that_is_not_even_is_named(tmp_path, said, caplog, monkeypatch):
    signal = hyperspy_signal(VOLUME[0], {"y": 0.002, "x": 0.001}, x=said)
    del signal["axes"][1]["scale"]
    monkeypatch.setattr(via_rosettasciio, "file_reader", lambda _: lambda *_, **__: [signal])
    (tmp_path / "a.zspy").mkdir()
    assert open_stack(tmp_path / "a.zspy").pixel_size is None
    assert "tilt: samples along x are not evenly spaced" in caplog.text


def test_an_axis_of_hyperspy_that_lists_even_places_is_a_length(tmp_path):
    places = {"_type": "DataAxis", "axis": np.arange(30) * 0.001}
    signal = hyperspy_signal(VOLUME[0], {"y": 0.002, "x": 0.001}, x=places)
    size = open_stack(write_hspy(tmp_path / "a.hspy", signal)).pixel_size
    assert (size.y_nm, size.x_nm) == pytest.approx((2.0, 1.0))


@pytest.mark.parametrize("order", ["yx", "xy"])
def test_rows_that_hyperspy_calls_signals_are_an_image_by_their_names(tmp_path, order):
    plane = VOLUME[0] if order == "yx" else VOLUME[0].T.copy()
    steps = {name: {"y": 0.002, "x": 0.001}[name] for name in order}
    stack = open_stack(write_hspy(tmp_path / "a.hspy", hyperspy_signal(plane, steps, shown="x")))
    np.testing.assert_array_equal(stack[0].pixels[0], VOLUME[0])
    assert (stack.pixel_size.y_nm, stack.pixel_size.x_nm) == pytest.approx((2.0, 1.0))


def test_a_spectrum_along_a_line_is_no_image_though_its_energies_are_called_x(tmp_path):
    said = hyperspy_signal(VOLUME[0], {"y": 0.002, "x": 0.01}, shown="x", x={"units": "keV"})
    with pytest.raises(ContentError, match="a spectrum along x at each of 20 points"):
        open_stack(write_hspy(tmp_path / "a.hspy", said))


def test_a_map_of_spectra_whose_columns_are_stored_first(tmp_path):
    counts = np.random.default_rng(1).integers(0, 9, (12, 14, 40)).astype(np.uint16)
    steps = {"x": 0.003, "y": 0.002, "Energy": 0.1}
    said = hyperspy_signal(
        counts.transpose(1, 0, 2).copy(), steps, shown=("Energy",), Energy={"units": "keV"}
    )
    path = write_hspy(tmp_path / "a.hspy", said)
    stack = open_stack(path, ReadOptions(channels="bins=2"))
    sums = counts.reshape(12, 14, 2, 20).sum(3).transpose(2, 0, 1)
    np.testing.assert_array_equal(stack[0].pixels, sums)
    assert (stack.pixel_size.y_nm, stack.pixel_size.x_nm) == pytest.approx((2.0, 3.0))


@pytest.mark.parametrize("units", ["µm", "px"])
@pytest.mark.parametrize("detector", [("ky", "kx"), ("dy", "dx")])
def test_a_scan_of_hyperspy_is_no_stack(tmp_path, units, detector):
    steps = dict.fromkeys(("y", "x", *detector), 1.0)
    said = hyperspy_signal(np.zeros((4, 5, 8, 9)), steps, shown=detector, units=units)
    with pytest.raises(ContentError, match="a diffraction pattern at each of 4 x 5 points"):
        open_stack(write_hspy(tmp_path / "a.hspy", said))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # see the fixture
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"these are notes, not pixels\n" * 40, b"\0" * 20, b""])
def test_a_file_that_is_not_what_its_name_says(tmp_path, capfd, suffix, content):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    with pytest.raises((UnreadableFileError, ContentError), match=f"a.{suffix}") as caught:
        open_stack(path)[0]
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
