"""A plane is taken band by band, and what is known of its fragments is that of the whole plane."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emseg.measuring.fragments import FragmentCollector
from emseg.measuring.joining import number_objects, summed

PLANES = arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2)
)


def collected(plane, heights, probabilities=None):
    """Fragments of a plane that comes in bands of these heights, and its covers."""
    collector = FragmentCollector(
        plane.shape[1], 0 if probabilities is None else len(probabilities)
    )
    covers, top = [], 0
    for height in [*heights, len(plane)]:
        rows = slice(top, top + height)
        given_ = None if probabilities is None else probabilities[:, rows]
        covers += collector.add(plane[rows], given_)
        top += height
    return collector.finish(), covers


def painted(covers, by_fragment):
    return np.concatenate([cover.painted(by_fragment) for cover in covers])


HEIGHTS = st.lists(st.integers(1, 4), max_size=5)


@settings(deadline=None)
@given(PLANES, HEIGHTS)
def test_a_band_is_painted_as_it_came(plane, heights):
    fragments, covers = collected(plane, heights)
    assert fragments.size == plane.shape
    np.testing.assert_array_equal(painted(covers, fragments.value), plane)


@settings(deadline=None)
@given(PLANES, HEIGHTS)
def test_fragments_share_as_many_sides_as_their_pixels_do(plane, heights):
    fragments, covers = collected(plane, heights)
    owner = painted(covers, np.arange(len(fragments)))
    expected = {}
    for (y, x), one in np.ndenumerate(owner):
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
            if y + down < owner.shape[0] and 0 <= x + right < owner.shape[1]:
                other = owner[y + down, x + right]
                if one != other:
                    pair = min(one, other), max(one, other)
                    expected[pair] = expected.get(pair, 0) + (down + abs(right) == 1)
    found = {}
    for one, other, sides in zip(fragments.one, fragments.other, fragments.sides, strict=True):
        found[one, other] = found.get((one, other), 0) + sides
    assert found == expected


@settings(deadline=None)
@given(PLANES, HEIGHTS, st.integers(0, 99))
def test_what_is_known_of_fragments_is_what_their_pixels_say(plane, heights, seed):
    shares = np.random.default_rng(seed).random((3, *plane.shape)).astype(np.float32)
    fragments, covers = collected(plane, heights, shares)
    owner = painted(covers, np.arange(len(fragments)))
    for index in range(len(fragments)):
        rows, columns = np.nonzero(owner == index)
        assert fragments.pixels[index] == len(rows)
        assert fragments.first[index] == np.flatnonzero(owner == index)[0]
        assert fragments.row_sum[index] == rows.sum()
        assert fragments.column_sum[index] == columns.sum()
        assert fragments.box[index].tolist() == [
            rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
        ]  # fmt: skip
        expected = shares[:, rows, columns].astype(np.float64).sum(axis=1)
        np.testing.assert_allclose(fragments.shares[index], expected)
        at_edge = (rows == 0) | (rows == len(plane) - 1)
        at_edge |= (columns == 0) | (columns == plane.shape[1] - 1)
        assert fragments.on_border[index] == at_edge.any()


def test_a_band_of_many_millions_of_pixels_is_looked_at_in_parts(monkeypatch):
    monkeypatch.setattr("emseg.measuring.fragments.bands", _of_two_rows)
    plane = np.random.default_rng(1).integers(0, 3, (9, 7))
    fragments, covers = collected(plane, [])
    assert [cover.shape for cover in covers] == [(2, 7)] * 4 + [(1, 7)]
    one, _ = number_objects(fragments, (1, 2))
    whole, parts = collected(plane, [4])
    np.testing.assert_array_equal(
        painted(covers, one), painted(parts, number_objects(whole, (1, 2))[0])
    )


def _of_two_rows(size):
    return (slice(top, min(top + 2, size[0])) for top in range(0, size[0], 2))


@pytest.mark.parametrize("bands", [0, 2])
def test_an_empty_plane_has_no_fragments(bands):
    collector = FragmentCollector(5, 2)
    for _ in range(bands):
        assert not collector.add(np.zeros((0, 5), np.uint8), np.zeros((2, 0, 5), np.float32))
    fragments = collector.finish()
    assert len(fragments) == 0
    assert fragments.size == (0, 5)
    assert len(summed(fragments, np.zeros(0, np.int64), np.zeros(0, np.int64))) == 0
