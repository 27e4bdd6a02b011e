"""Extremes of the values of a file."""

import numpy as np
import pytest
import tifffile

from emseg.reading import ranges, value_ranges


def test_the_range_of_integers_is_exact(tmp_path):
    pixels = np.array([[[1, 2**31]], [[7, 3]]], np.uint32).repeat(2, axis=1)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    (found,) = value_ranges(tmp_path / "a.tif")
    assert (found.low, found.high, found.is_sampled) == (1, 2**31, False)


def test_nan_and_infinity_are_left_out(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[np.nan, -1.5], [np.inf, 4.0]]))
    (found,) = value_ranges(tmp_path / "a.npy")
    assert (found.low, found.high) == (-1.5, 4.0)


@pytest.mark.parametrize("array", [np.full((4, 4), np.nan), np.zeros(9)])
def test_nothing_finite_and_no_image_have_no_range(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    assert value_ranges(tmp_path / "a.npy") == (None,)


def test_a_large_stack_is_sampled_from_end_to_end(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.arange(10)[:, None, None] * np.ones((10, 4, 4)))
    monkeypatch.setattr(ranges, "_MANY", 3 * 16)
    (found,) = value_ranges(tmp_path / "a.npy")
    assert (found.low, found.high) == (0, 9)
    assert (found.planes_read, found.planes, found.is_sampled) == (3, 10, True)


def test_a_plane_too_large_is_not_looked_at(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.ones((4, 4)))
    monkeypatch.setattr(ranges, "_MOST", 15)
    assert value_ranges(tmp_path / "a.npy") == (None,)
