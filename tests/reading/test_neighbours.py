"""Planes of a stack, read with those before and after them."""

import logging
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from emseg.pixels import LazyPixels
from emseg.reading import ReadOptions, list_planes, open_stack
from emseg.reading.stacks import stack


@pytest.fixture
def planes():
    return np.random.default_rng(0).integers(0, 255, (5, 40, 30), dtype=np.uint8)


@pytest.fixture
def file(planes, tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, planes, ome=True, metadata={"axes": "ZYX"})
    return path


def seen(micrograph):
    return np.concatenate([each.array for each in micrograph.slices])


@pytest.mark.parametrize("reach", [1, 2, 7])
def test_a_plane_comes_with_those_around_it_and_the_ends_are_repeated(file, planes, reach):
    for number, micrograph in enumerate(open_stack(file, ReadOptions(neighbours=reach))):
        around = [min(max(0, number + step), 4) for step in range(-reach, reach + 1)]
        np.testing.assert_array_equal(seen(micrograph), planes[around])
        assert [each.plane for each in micrograph.slices] == around
        np.testing.assert_array_equal(micrograph.array, planes[number : number + 1])


def test_neighbours_are_of_the_whole_stack_whatever_is_picked(file, planes):
    options = ReadOptions(neighbours=1, invert=True)
    (plane,) = list_planes([file], slices=slice(2, 3), options=options)
    np.testing.assert_array_equal(seen(plane.read()), 255 - planes[1:4])


def test_large_planes_are_read_when_they_are_sliced(file, planes):
    micrograph = open_stack(file, ReadOptions(neighbours=1)).plane(1, 3 * planes[0].nbytes - 1)
    assert all(isinstance(each.pixels, LazyPixels) for each in micrograph.slices)
    np.testing.assert_array_equal(seen(micrograph), planes[:3])
    fits = open_stack(file, ReadOptions(neighbours=1)).plane(1, 3 * planes[0].nbytes)
    assert all(isinstance(each.pixels, np.ndarray) for each in fits.slices)


def test_each_plane_is_read_once_on_the_way_through_the_stack(file, monkeypatch):
    read = []
    monkeypatch.setattr(
        stack, "rows_of", lambda *args, real=stack.rows_of: read.append(args[2]) or real(*args)
    )
    options = ReadOptions(neighbours=2, keep_bar=True)
    for _ in open_stack(file, options):
        pass
    assert read == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("axes", "around"), [("TZYX", [3, 3, 4]), ("ZTYX", [0, 3, 3]), ("TAYX", [3, 3, 4])]
)
def test_neighbours_lie_along_z_and_never_across_the_end_of_another_axis(tmp_path, axes, around):
    path = tmp_path / "series.npy"
    values = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1)
    np.save(path, np.broadcast_to(values, (2, 3, 4, 4)))
    micrograph = open_stack(path, ReadOptions(axes=axes, neighbours=1))[3]
    assert [int(each.array[0, 0, 0]) for each in micrograph.slices] == around


def test_the_bar_is_cut_off_all_slices(file, planes):
    cut = open_stack(file, ReadOptions(neighbours=1, crop="0:30,5:25"))[1].without_bar
    np.testing.assert_array_equal(seen(cut), planes[:3, :30, 5:25])


def test_what_is_no_stack_stands_for_its_neighbours_and_is_told_once(tmp_path, caplog):
    path = Path(tmp_path / "alone.png")
    iio.imwrite(path, np.eye(20, dtype=np.uint8))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            micrograph = open_stack(path, ReadOptions(neighbours=1))[0]
    np.testing.assert_array_equal(seen(micrograph), np.stack([np.eye(20, dtype=np.uint8)] * 3))
    assert caplog.text.count("alone.png is no stack") == 1
