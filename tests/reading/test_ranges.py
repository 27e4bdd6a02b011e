"""Extremes of the values of a file, read some rows at a time."""

import numpy as np
import pytest
import tifffile

from emseg.reading import look_into
from emseg.reading.signals import bands


def ranges_of(path):
    return [each and (each.low, each.high) for each in look_into(path, with_ranges=True).ranges]


def test_nothing_is_read_unless_asked(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(12.0).reshape(3, 4))
    assert look_into(tmp_path / "a.npy").ranges == (None,)


def test_the_range_of_integers_is_exact(tmp_path):
    pixels = np.array([[[1, 2**63]], [[7, 3]]], np.uint64).repeat(2, axis=1)
    np.save(tmp_path / "a.npy", pixels)
    assert ranges_of(tmp_path / "a.npy") == [(1, 2**63)]


def test_nan_and_infinity_are_left_out(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[np.nan, -1.5], [np.inf, 4.0]]))
    assert ranges_of(tmp_path / "a.npy") == [(-1.5, 4.0)]


@pytest.mark.parametrize("array", [np.full((4, 4), np.nan), np.zeros(9)])
def test_nothing_finite_and_no_image_have_no_range(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    assert ranges_of(tmp_path / "a.npy") == [None]


@pytest.mark.parametrize("where", [(0, 0, 0), (1, 16, 3), (2, 36, 39)])
def test_every_value_counts_wherever_the_bands_end(tmp_path, monkeypatch, where):
    monkeypatch.setattr(bands, "_BAND", 5 * 40 * 2)
    pixels = np.full((3, 37, 40), 100, ">u2")
    pixels[where] = 4000
    tifffile.imwrite(
        tmp_path / "a.tif", pixels, photometric="minisblack", tile=(16, 16), compression="zlib"
    )
    np.save(tmp_path / "a.npy", pixels)
    assert ranges_of(tmp_path / "a.tif") == ranges_of(tmp_path / "a.npy") == [(100, 4000)]
