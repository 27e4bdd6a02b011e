"""Numbers that stand for several objects far apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as hypothesis_arrays
from skimage.measure import label

from emseg.measuring import find_pieces


def cells(count, dtype=np.uint16):
    """Squares of 3 pixels, 40 in a row, numbered one after the other."""
    plane = np.zeros((count // 40 * 5 + 5, 200), np.int64)
    for n in range(count):
        y, x = divmod(n, 40)
        plane[5 * y + 1 : 5 * y + 4, 5 * x + 1 : 5 * x + 4] = n + 1
    return plane.astype(dtype)


def test_numbers_that_began_again_behind_8_bits():
    pieces = find_pieces(cells(300, np.uint8))
    assert pieces.count == 44  # 1 to 44; 256 became 0
    assert pieces.numbers[pieces.scattered].tolist() == list(range(1, 45))
    assert pieces.painted().max() == 299
    assert pieces.begins_again_at == 256
    assert pieces.in_words == (
        "44 of 255 numbers lie in several pieces far apart, as those of more than 255 objects "
        "saved with 8 bits do"
    )
    assert pieces.remedy == "save the objects with 16 bits"


@pytest.mark.parametrize("dtype", [np.uint16, np.int64, np.uint64])
def test_whole_objects_are_not_scattered_however_large_their_numbers(dtype):
    plane = cells(120, dtype)
    plane[plane > 0] += 60_000
    assert find_pieces(plane).count == 0


def test_crumbs_and_pieces_close_by_belong_to_their_object():
    plane = np.zeros((40, 80), np.uint8)
    plane[5:15, 5:15] = plane[5:15, 17:27] = 3  # 2 pixels apart
    plane[25:35, 5:15] = 7
    plane[30, 75] = 7
    pieces = find_pieces(plane)
    assert not pieces.scattered.any()
    assert (pieces.heights.tolist(), pieces.widths.tolist()) == ([10, 10], [10, 10])
    assert pieces.painted().max() == 4


@given(hypothesis_arrays(np.uint8, st.tuples(*[st.integers(1, 9)] * 2), elements=st.integers(0, 3)))
def test_pieces_are_those_of_an_independent_labelling(plane):
    found, true = find_pieces(plane).painted(), label(plane, background=0, connectivity=2)
    pairs = set(zip(found.ravel().tolist(), true.ravel().tolist(), strict=True))
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
    first = [np.flatnonzero(found == number)[0] for number in range(1, found.max() + 1)]
    assert first == sorted(first)


def test_few_numbers_far_apart_are_told_without_a_reason():
    plane = np.zeros((40, 80), np.int32)
    plane[5:15, 5:15] = plane[25:35, 65:75] = 9
    pieces = find_pieces(plane)
    assert pieces.in_words == "1 of 1 numbers lies in several pieces far apart"
    assert pieces.remedy == "give each object a number of its own"


def test_an_empty_plane_has_no_pieces():
    pieces = find_pieces(np.zeros((4, 5), np.uint8))
    assert (pieces.count, len(pieces.numbers), pieces.begins_again_at) == (0, 0, None)
