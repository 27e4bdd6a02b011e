"""Pixels that are read when they are sliced are, for any index, those of the array."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg import pixels as module
from emseg.pixels import (
    LazyPixels,
    Pixels,
    ReadPixels,
    in_memory,
    is_read,
    layered,
    mapped,
    row_bands,
    rows_together,
    window,
)

lengths = st.integers(1, 20)
slices = st.builds(
    slice,
    st.none() | st.integers(-25, 25),
    st.none() | st.integers(-25, 25),
    st.none() | st.sampled_from([1, 2, 3, 9, 11, -1, -2, -12]),
)
indices = st.lists(slices | st.integers(-20, 19), min_size=0, max_size=3).map(tuple)


def image(*shape: int, dtype: str = "uint16") -> np.ndarray:
    return np.arange(np.prod(shape), dtype=dtype).reshape(shape)


class Recorder:
    """Reads rows of an array, and notes which."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.read = array, list[tuple[int, int]]()

    def __call__(self, top: int, bottom: int) -> np.ndarray:
        self.read.append((top, bottom))
        assert 0 <= top < bottom <= self.array.shape[1]
        return self.array[:, top:bottom]

    def pixels(self, together: int = 1) -> ReadPixels:
        return ReadPixels(self, self.array.shape, self.array.dtype, together)


def same(lazy: Pixels, array: np.ndarray, index: object) -> None:
    try:
        expected = array[index]
    except IndexError:
        with pytest.raises(IndexError):
            lazy[index]
        return
    found = lazy[index]
    assert isinstance(found, type(expected))
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found, expected)


@given(st.tuples(st.integers(1, 3), lengths, lengths), lengths, st.lists(indices, max_size=4))
def test_every_index_means_what_it_means_to_numpy(shape, together, wanted) -> None:
    array = image(*shape)
    with mock.patch.multiple(module, _BAND=60, _KEPT=150):
        lazy = Recorder(array).pixels(together)
        for index in [*wanted, ..., (..., 0), (0, ...), 0, slice(None)]:
            same(lazy, array, index)


@given(st.tuples(st.integers(1, 3), lengths, lengths), slices, slices, indices)
def test_parts_and_functions_of_them_are_those_of_the_array(shape, rows, columns, index) -> None:
    array = image(*shape)
    part = array[:, rows, columns]
    lazy = window(Recorder(array).pixels(3), rows, columns)
    same(lazy, part, index)
    turned = mapped(lazy, lambda band: np.repeat(band[:1] + 0.5, 4, axis=0), 4, np.dtype(float))
    same(turned, np.repeat(part[:1] + 0.5, 4, axis=0), index)


@given(st.tuples(st.integers(1, 3), lengths, lengths), indices)
def test_layers_are_their_channels_one_behind_the_other(shape, index) -> None:
    arrays = [image(*shape), image(*shape) + 1000]
    lazy = layered([arrays[0], Recorder(arrays[1]).pixels(3), arrays[0]])
    same(lazy, np.concatenate([*arrays, arrays[0]]), index)


def test_layers_tell_what_they_hold_and_what_is_read() -> None:
    array, read = image(1, 4, 5), Recorder(image(1, 4, 5)).pixels(2)
    both = layered([array, read, array])
    assert [each is array for each in in_memory(both)] == [True, True]
    assert (is_read(both), is_read(layered([array, array])), rows_together(both)) == (
        True,
        False,
        2,
    )
    with pytest.raises(ValueError, match="one height"):
        layered([array, image(1, 5, 5)])


@pytest.mark.parametrize("index", [True, [0], None, "a", 1.0, (0, 0, 0, 0), (..., ...)])
def test_other_indices_are_refused(index) -> None:
    with pytest.raises(IndexError):
        Recorder(image(2, 3, 4)).pixels()[index]


def test_an_array_stays_one_and_its_parts_are_views() -> None:
    array = image(1, 6, 8)
    part = window(array, slice(1, 4), slice(2, 5))
    assert isinstance(part, np.ndarray)
    assert np.shares_memory(part, array)
    assert isinstance(mapped(array, np.negative, 1, array.dtype), np.ndarray)


def test_all_of_it_is_an_array_that_may_be_changed() -> None:
    array = image(1, 6, 8)
    lazy = Recorder(array).pixels()
    whole = np.asarray(lazy)
    whole[:] = 0
    np.testing.assert_array_equal(lazy[:], array)
    assert np.asarray(lazy, np.float32).dtype == np.float32


def test_rows_that_two_bands_share_are_read_once() -> None:
    """Tiles with a halo: each band begins some rows above the end of the last."""
    recorder = Recorder(image(1, 100, 4))
    lazy = recorder.pixels(together=16)
    for top in range(0, 100, 20):
        lazy[:, max(0, top - 10) : top + 30]
    rows = [row for start, stop in recorder.read for row in range(start, stop)]
    assert rows == list(range(100))
    assert all(start % 16 == 0 for start, _ in recorder.read)


def test_tiles_of_a_band_are_cut_from_what_was_read() -> None:
    recorder = Recorder(image(1, 64, 60))
    lazy = recorder.pixels(together=16)
    for left in range(0, 60, 10):
        same(lazy, recorder.array, (slice(None), slice(20, 40), slice(left, left + 14)))
    assert recorder.read == [(16, 48)]


def test_what_is_read_at_a_time_and_kept_is_bounded() -> None:
    array = image(1, 400, 50, dtype="uint8")
    with mock.patch.multiple(module, _BAND=1000, _KEPT=2000):
        recorder = Recorder(array)
        lazy = recorder.pixels(together=4)
        np.testing.assert_array_equal(lazy[:, 3:390], array[:, 3:390])
        assert max(stop - start for start, stop in recorder.read) == 20
        recorder.read.clear()
        same(lazy, array, np.s_[:, ::2, 1:])
        assert max(stop - start for start, stop in recorder.read) <= 40


def test_rows_far_apart_are_read_without_those_between() -> None:
    recorder = Recorder(image(1, 400, 5))
    same(recorder.pixels(), recorder.array, np.s_[:, ::50, ::2])
    assert recorder.read == [(row, row + 1) for row in range(0, 400, 50)]


@given(st.tuples(st.integers(1, 3), lengths, lengths), st.integers(1, 200))
def test_bands_are_the_plane_from_top_to_bottom(shape, most) -> None:
    array = image(*shape)
    bands = list(row_bands(Recorder(array).pixels(), most))
    np.testing.assert_array_equal(np.concatenate([band for _, band in bands], axis=1), array)
    heights = np.cumsum([0, *(band.shape[1] for _, band in bands)])
    assert [top for top, _ in bands] == heights[:-1].tolist()
    assert all(band.nbytes <= most or band.shape[1] == 1 for _, band in bands)


def test_lazy_pixels_have_the_form_of_an_array() -> None:
    lazy = Recorder(image(2, 6, 8)).pixels()
    assert isinstance(lazy, LazyPixels)
    assert (lazy.shape, lazy.ndim, len(lazy), lazy.dtype) == ((2, 6, 8), 3, 2, np.uint16)


def test_what_is_made_of_pixels_is_read_together_as_they_are():
    read = ReadPixels(
        lambda top, bottom: np.zeros((1, bottom - top, 5)), (1, 9, 5), np.dtype(float), 3
    )
    part = window(read, slice(1, 8), slice(None))
    assert [rows_together(each) for each in (read, part, np.zeros((1, 9, 5)))] == [3, 3, 1]
    assert rows_together(mapped(part, np.negative, 1, np.dtype(float))) == 3
