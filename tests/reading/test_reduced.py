"""A large plane in small has the means of its blocks and the size of their pixels."""

import numpy as np
import pytest
import tifffile

from emseg.reading import ReadOptions
from emseg.reading.signals import bands
from emseg.reading.stacks import reduced
from emseg.reading.stacks.reduced import read_reduced


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch):
    monkeypatch.setattr(reduced, "_SMALL", 100)
    monkeypatch.setattr(bands, "_BAND", 4000)


def test_blocks_are_averaged_and_so_is_the_pixel_size(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 9999, (3, 90, 124)).astype(">u2")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", tile=(16, 16))
    small = read_reduced(tmp_path / "a.tif", ReadOptions(pixel_size="2nm,3nm"), 31)
    means = pixels[1, :88].reshape(22, 4, 31, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(small.pixels[0], means)
    assert small.plane == 1
    assert small.pixel_size is not None
    assert (small.pixel_size.y_nm, small.pixel_size.x_nm) == (8, 12)


def test_classes_are_picked_and_not_averaged(tmp_path):
    pixels = np.random.default_rng(0).choice([0, 7, 255], (60, 80)).astype("uint8")
    np.save(tmp_path / "a.npy", pixels)
    small = read_reduced(tmp_path / "a.npy", ReadOptions(), 20, average=False)
    assert small.pixels.dtype == np.uint8
    assert np.array_equal(small.pixels[0], pixels[::4, ::4])


def test_a_colour_image_stays_coloured_without_alpha(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 4)).astype("uint8")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
    assert read_reduced(tmp_path / "a.tif", ReadOptions(), 20).pixels.shape == (3, 15, 20)


def test_a_ribbon_keeps_its_rows(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (3, 9000)).astype("uint8")
    np.save(tmp_path / "a.npy", pixels)
    small = read_reduced(tmp_path / "a.npy", ReadOptions(), 100)
    np.testing.assert_allclose(small.pixels[0, 0], pixels.reshape(3, 3000, 3).mean(axis=(0, 2)))
