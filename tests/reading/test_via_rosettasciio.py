"""Microscopes' own formats, written here byte by byte or by RosettaSciIO's own writers."""

import gc
import struct
import tracemalloc

import numpy as np
import pytest

from emseg.errors import ContentError, UnreadableFileError
from emseg.reading import describe, open_stack
from emseg.reading.formats import FORMATS

SUFFIXES = [
    each.removeprefix(".")
    for fmt in FORMATS
    if fmt.reader == "via_rosettasciio"
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


def test_hyperspy_files_keep_units_and_dtype(tmp_path):
    from rsciio.hspy import file_writer

    data = np.arange(48, dtype="float32").reshape(2, 4, 6)
    steps = {"z": (2, 0.05), "y": (4, 0.002), "x": (6, 0.001)}
    axes = [
        {"name": name, "size": size, "scale": scale, "offset": 0.0, "units": "µm",
         "navigate": name == "z"}
        for name, (size, scale) in steps.items()
    ]  # fmt: skip
    signal = {
        "data": data, "axes": axes, "metadata": {"General": {"title": "tilt"}, "Signal": {}},
        "original_metadata": {}, "attributes": {"_lazy": False, "ragged": False},
        "package_info": {"package": "hyperspy", "package_version": "2.3"},
        "tmp_parameters": {}, "learning_results": {}, "models": {},
    }  # fmt: skip
    file_writer(str(tmp_path / "a.hspy"), signal)
    stack = open_stack(tmp_path / "a.hspy")
    size = stack.pixel_size
    assert (size.y_nm, size.x_nm, size.z_nm) == pytest.approx((2.0, 1.0, 50.0))
    assert describe(tmp_path / "a.hspy")[0].name == "tilt"
    np.testing.assert_array_equal(stack[1].pixels, data[1:])
    assert stack[1].pixels.dtype == np.float32


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
