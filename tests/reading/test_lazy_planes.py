"""Planes that are read when they are sliced are those that are read at once."""

from concurrent.futures import ThreadPoolExecutor

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile
import zarr

from emseg.pixels import LazyPixels
from emseg.reading import ReadOptions, open_stack
from emseg.synthesis.information_bar import information_bar

GREY = np.random.default_rng(0).integers(0, 60000, (3, 150, 70)).astype(np.uint16)
COLOUR = np.random.default_rng(1).integers(0, 256, (150, 70, 4)).astype(np.uint8)
TILES = {"tile": (16, 32)}
Z = {"photometric": "minisblack"}


def tiff(name, pixels, **way):
    def write(folder):
        tifffile.imwrite(folder / name, pixels, **way)
        return folder / name

    return pytest.param(write, id=name)


def store(name, writer):
    def write(folder):
        writer(folder / name)
        return folder / name

    return pytest.param(write, id=name)


def in_hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("raw", data=GREY, chunks=(1, 32, 32), compression="gzip")


def in_mrc(path):
    with mrcfile.new(path) as file:
        file.set_data(GREY.astype(np.float32))


def in_zarr(path):
    zarr.create_array(path, data=GREY, chunks=(1, 32, 32))


FILES = [
    tiff("tiles.tif", GREY, **Z, compression="zlib", predictor=True, **TILES),
    tiff("big.btf", GREY, **Z, bigtiff=True, **TILES),
    tiff("lzw.tif", GREY[0], compression="lzw", rowsperstrip=7),
    tiff("strips.tif", GREY, **Z, rowsperstrip=7),
    tiff("other_end.tif", GREY, **Z, byteorder=">", compression="zlib", **TILES),
    tiff("floats.tif", GREY.astype(np.float32), **Z, **TILES),
    tiff("channels.tif", GREY, planarconfig="separate", photometric="minisblack", **TILES),
    tiff("colours.tif", COLOUR[..., :3], photometric="rgb", **TILES),
    tiff("alpha.tif", COLOUR, photometric="rgb", extrasamples=["unassalpha"], **TILES),
    tiff("grey.tif", np.repeat(COLOUR[..., :1], 3, -1), photometric="rgb", **TILES),
    tiff("upside.tif", GREY[0], extratags=[(274, 3, 1, 3, True)], **TILES),
    tiff("mirrored.tif", GREY[0], extratags=[(274, 3, 1, 2, True)], compression="zlib", **TILES),
    tiff("white_is_0.tif", GREY[0], photometric="miniswhite", **TILES),
    tiff("bits.tif", GREY[0] > 30000, compression="zlib", rowsperstrip=8),
    store("a.h5", in_hdf5),
    store("a.mrc", in_mrc),
    store("a.zarr", in_zarr),
    store("a.npy", lambda path: np.save(path, GREY)),
]


def alike(lazy, whole):
    for name in ("size", "title", "pixel_size", "channels", "specimen", "is_grey_in_colour"):
        assert getattr(lazy, name) == getattr(whole, name)
    assert lazy.pixels.dtype == whole.pixels.dtype
    assert lazy.pixels.shape == whole.pixels.shape
    height = whole.size[0]
    for index in (np.s_[:, 20:40], np.s_[..., ::3, ::2], np.s_[0, height - 3, :], np.s_[:]):
        np.testing.assert_array_equal(lazy.pixels[index], whole.pixels[index])


@pytest.mark.parametrize("write", FILES)
@pytest.mark.parametrize("invert", [False, True])
def test_slices_of_a_plane_are_those_of_the_file(tmp_path, write, invert):
    stack = open_stack(write(tmp_path), ReadOptions(invert=invert))
    for at in (len(stack) - 1, 0):
        lazy = stack.plane(at, at_most=0)
        assert isinstance(lazy.pixels, LazyPixels)
        alike(lazy, stack[at])


@pytest.mark.parametrize(
    "write",
    [
        tiff("one_strip.tif", GREY[0], compression="zlib"),
        tiff("on_its_side.tif", GREY[0], extratags=[(274, 3, 1, 6, True)], **TILES),
    ],
)
def test_what_gives_no_rows_by_themselves_is_read_at_once(tmp_path, write):
    stack = open_stack(write(tmp_path))
    assert isinstance(stack.plane(0, at_most=0).pixels, np.ndarray)


@pytest.mark.parametrize("channels", ["2,0", "0,fine.tif"])
def test_channels_that_are_named_are_read_by_rows(tmp_path, channels):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, planarconfig="separate", metadata={"axes": "CYX"}, **Z, **TILES)
    fine = GREY[0].repeat(2, 0).repeat(2, 1)
    tifffile.imwrite(tmp_path / "fine.tif", fine, compression="zlib", **TILES)
    stack = open_stack(path, ReadOptions(channels=channels))
    lazy = stack.plane(0, at_most=0)
    assert isinstance(lazy.pixels, LazyPixels)
    alike(lazy, stack[0])


def test_small_planes_are_arrays(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY, **Z, **TILES)
    stack = open_stack(tmp_path / "a.tif")
    assert isinstance(stack.plane(0).pixels, np.ndarray)
    assert isinstance(stack.plane(0, at_most=GREY[0].nbytes).pixels, np.ndarray)
    assert isinstance(stack.plane(0, at_most=GREY[0].nbytes - 1).pixels, LazyPixels)


def test_no_tile_is_decoded_twice_and_none_for_nothing(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", GREY[0], compression="zlib", **TILES)
    stack = open_stack(tmp_path / "a.tif", ReadOptions(keep_bar=True))
    pixels = stack.plane(0, at_most=0).pixels
    decoded = []
    read = tifffile.FileHandle.read_segments

    def recorded(self, *args, **kwargs):
        decoded.extend(kwargs["indices"])
        return read(self, *args, **kwargs)

    monkeypatch.setattr(tifffile.FileHandle, "read_segments", recorded)
    for top in range(30, 120, 30):
        np.testing.assert_array_equal(pixels[0, top - 10 : top + 30], GREY[0, top - 10 : top + 30])
    assert decoded == list(range(3, 24))


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_a_bar_is_seen_in_what_is_read_by_rows(tmp_path, orientation):
    noise = np.random.default_rng(1).normal(120, 30, (300, 400)).clip(0, 255).astype(np.uint8)
    bar = information_bar((32, 400), 5.0)
    pixels, way = np.vstack([noise, bar]), [(274, 3, 1, orientation, True)]
    tifffile.imwrite(tmp_path / "b.tif", pixels, extratags=way, **TILES)
    lazy, whole = (open_stack(tmp_path / "b.tif").plane(0, at_most) for at_most in (0, None))
    assert whole.specimen is not None
    alike(lazy, whole)
    shown = lazy.without_bar
    assert isinstance(shown.pixels, LazyPixels)
    np.testing.assert_array_equal(shown.array, whole.without_bar.array)


def test_real_files_give_the_same_slices(real_data):
    seen = set()
    for path in sorted(real_data("microscope_files").rglob("*")):
        try:
            stack = open_stack(path)
        except Exception:
            continue
        stack._rows_together = 1  # they are small, and many a chunk is the whole plane
        lazy = stack.plane(len(stack) // 2, at_most=0)
        if isinstance(lazy.pixels, LazyPixels):
            alike(lazy, stack[len(stack) // 2])
            seen.add(path.suffix)
    assert {".tif", ".mrc", ".hspy", ".emd", ".dm3", ".dm4", ".ser", ".hdf5"} <= seen


def test_threads_read_one_plane_at_the_same_time(tmp_path):
    """One measures a plane while another predicts it; each has the file open for itself."""
    tifffile.imwrite(tmp_path / "a.tif", GREY[0], compression="zlib", **TILES)
    pixels = open_stack(tmp_path / "a.tif").plane(0, at_most=0).pixels

    def agrees(top):
        return np.array_equal(pixels[0, top : top + 25], GREY[0, top : top + 25])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(agrees, [*range(0, 150, 9), *range(140, 0, -7)]))
