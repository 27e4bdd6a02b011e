"""What is larger than memory is told in little of it: files of 10 GB that take no disk."""

import sys

import numpy as np
import pytest
import tifffile
import zarr

pytestmark = pytest.mark.long
SIDE, TILE = 100_352, 256


def contiguous(path):
    tifffile.memmap(path, shape=(SIDE, SIDE), dtype="u1", bigtiff=True, photometric="minisblack")


def tiled(path, side=SIDE, dtype="uint8"):
    tile = np.ones((TILE, TILE), dtype)
    tiles = iter([tile] + [None] * ((side // TILE) ** 2 - 1))  # all but the first are empty
    tifffile.imwrite(
        path, tiles, shape=(side, side), dtype=dtype, tile=(TILE, TILE), compression="zlib",
        bigtiff=True, photometric="minisblack",
    )  # fmt: skip


def pages(path):
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for _ in range(10_000):
            file.write(
                shape=(1000, 1000), dtype="u1", metadata=None, contiguous=False,
                photometric="minisblack",
            )  # fmt: skip


def chunked(path):
    zarr.create_array(path, shape=(1000, 4000, 2500), chunks=(1, 500, 500), dtype="uint8")


def npy(path):
    np.lib.format.open_memmap(path, "w+", np.uint16, (5, 32_000, 32_000))


@pytest.fixture
def peak_mb(peak_memory):
    """Largest resident memory of ``emseg info`` in MB."""

    def run(*arguments):
        peak, said = peak_memory("-m", "emseg", "info", "--quiet", *arguments)
        assert "uint" in said
        return peak / 1e6

    return run


@pytest.mark.skipif(sys.platform == "win32", reason="there is no resource module")
@pytest.mark.parametrize(
    ("write", "name"),
    [
        (contiguous, "a.tif"),
        (tiled, "a.tif"),
        (pages, "a.tif"),
        (chunked, "a.zarr"),
        (npy, "a.npy"),
    ],
)
def test_ten_gigabytes_are_told_in_300_megabytes(tmp_path, peak_mb, write, name):
    write(tmp_path / name)
    assert peak_mb(tmp_path / name) < 300


@pytest.mark.skipif(sys.platform == "win32", reason="there is no resource module")
def test_range_and_thumbnail_of_a_large_plane_take_little_memory(tmp_path, peak_mb):
    tiled(tmp_path / "a.tif", side=TILE * 64, dtype="uint16")
    peak = peak_mb(tmp_path / "a.tif", "--range", "--thumbnails", tmp_path / "out")
    assert peak < 300  # the plane has 537 MB
    assert (tmp_path / "out" / "a.png").is_file()
