"""Holes, small objects and numbers are those of the whole plane, whatever its bands were."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from emseg.measuring.fragments import FragmentCollector
from emseg.measuring.joining import drop_small, fill_holes, number_objects

CORNERS = np.ones((3, 3))
PLANES = arrays(
    np.uint8,
    st.tuples(st.integers(1, 10), st.integers(1, 10)),
    elements=st.sampled_from([0, 0, 1, 1, 2, 255]),
)
HEIGHTS = st.lists(st.integers(1, 4), max_size=5)


def changed(plane, heights, change):
    """A plane whose fragments were changed, painted anew."""
    collector = FragmentCollector(plane.shape[1])
    covers, top = [], 0
    for height in [*heights, len(plane)]:
        covers += collector.add(plane[top : top + height])
        top += height
    by_fragment = change(collector.finish())
    return np.concatenate([cover.painted(by_fragment) for cover in covers])


def filled(plane, values=(1, 2), most=10**6, heights=()):
    return changed(plane, heights, lambda f: fill_holes(f, values, most).value)


def dropped(plane, values=(1, 2), smallest=1, heights=(), **settings):
    return changed(plane, heights, lambda f: drop_small(f, values, smallest, **settings).value)


def drawn(text):
    signs = {".": 0, "1": 1, "2": 2, "?": 255}
    return np.array([[signs[each] for each in line] for line in text.split()], np.uint8)


def whole_filled(plane, values, most):
    """What fills holes with the whole plane at hand."""
    result, size = plane.copy(), np.zeros(plane.shape, int)
    for value in values:
        regions, count = ndimage.label(plane != value)
        edge = set(np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]]))
        for index in set(range(1, count + 1)) - edge:
            hole = regions == index
            if hole.sum() <= most:
                takes = hole & (size < hole.sum())
                result[takes], size[takes] = value, hole.sum()
    return result


def whole_dropped(plane, values, smallest, outside):
    """What drops small objects with the whole plane at hand, pixel by pixel."""
    small = np.zeros(plane.shape, bool)
    for value in values:
        objects, _ = ndimage.label(plane == value, CORNERS)
        small |= (np.bincount(objects.ravel()) < smallest)[objects] & (plane == value)
    groups, count = ndimage.label(small)
    result = plane.copy()
    for group in range(1, count + 1):
        around = {}
        for y, x in np.argwhere(groups == group):
            for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                inside = 0 <= j < plane.shape[0] and 0 <= i < plane.shape[1]
                if inside and not small[j, i]:
                    around[int(plane[j, i])] = around.get(int(plane[j, i]), 0) + 1
        if around.keys() > {outside}:
            del around[outside]
        result[groups == group] = max(sorted(around), key=around.get, default=0)
    return result


@settings(deadline=None, max_examples=200)
@given(PLANES, HEIGHTS, st.integers(1, 12))
def test_holes_are_those_of_the_whole_plane(plane, heights, most):
    expected = whole_filled(plane, (1, 2), most)
    np.testing.assert_array_equal(filled(plane, (1, 2), most, heights), expected)


@settings(deadline=None, max_examples=100)
@given(arrays(bool, st.tuples(st.integers(1, 10), st.integers(1, 10))), HEIGHTS)
def test_all_holes_of_one_class_are_those_of_scipy(mask, heights):
    found = filled(mask.astype(np.uint8), (1,), mask.size, heights)
    np.testing.assert_array_equal(found == 1, ndimage.binary_fill_holes(mask))


@settings(deadline=None, max_examples=200)
@given(PLANES, HEIGHTS, st.integers(1, 8), st.sampled_from([None, 255]))
def test_small_objects_are_those_of_the_whole_plane(plane, heights, smallest, outside):
    expected = whole_dropped(plane, (1, 2), smallest, outside)
    found = dropped(plane, (1, 2), smallest, heights, outside=outside)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(dropped(found, (1, 2), smallest), found)  # none is left


@settings(deadline=None, max_examples=100)
@given(PLANES, HEIGHTS)
def test_numbers_are_in_reading_order_over_all_classes(plane, heights):
    objects = None

    def number(fragments):
        nonlocal objects
        numbers, objects = number_objects(fragments, (1, 2))
        return numbers

    found = changed(plane, heights, number)
    masks = []
    for value in (1, 2):
        labelled, count = ndimage.label(plane == value, CORNERS)
        masks += [(labelled == index, value) for index in range(1, count + 1)]
    masks.sort(key=lambda each: np.flatnonzero(each[0])[0])
    assert len(objects) == len(masks)
    for index, (mask, value) in enumerate(masks):
        np.testing.assert_array_equal(found == index + 1, mask)
        rows, columns = np.nonzero(mask)
        assert objects.value[index] == value
        assert objects.pixels[index] == mask.sum()
        np.testing.assert_allclose(objects.row[index], rows.mean())
        np.testing.assert_allclose(objects.column[index], columns.mean())
        assert objects.box[index].tolist() == [
            rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
        ]  # fmt: skip
    assert np.isnan(objects.score).all()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (".11. 1..1 .11.", ".11. 1111 .11."),  # corners close it
        ("111 1.. 111", "111 1.. 111"),  # open to the border
        ("1111 1.21 1111", "1111 1111 1111"),  # what lies in it goes with it
        ("1111 1?21 1111", "1111 1111 1111"),
        ("22222 21112 21.12 21112 22222", "22222 22222 22222 22222 22222"),  # the largest hole
    ],
)
def test_a_hole_is_closed_on_all_sides(before, after):
    np.testing.assert_array_equal(filled(drawn(before)), drawn(after))


def test_a_larger_hole_stays():
    plane = drawn("1111 1..1 1111")
    np.testing.assert_array_equal(filled(plane, most=1), plane)
    assert (filled(plane, most=2) == 1).all()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("..... ..1.. ..... .111.", "..... ..... ..... .111."),
        ("..... .1... ..1.. .1...", "..... .1... ..1.. .1..."),  # three pixels by their corners
        ("11111 11211 11111 .....", "11111 11111 11111 ....."),
    ],
)
def test_an_object_of_fewer_than_three_pixels_goes_to_what_is_around_it(before, after):
    np.testing.assert_array_equal(dropped(drawn(before), smallest=3), drawn(after))


def test_small_objects_side_by_side_go_together_to_where_they_share_most_sides():
    before = drawn("222222 222222 .12... ......")
    np.testing.assert_array_equal(dropped(before, smallest=3), drawn("222222 222222 ..2... ......"))
    alone = drawn("12 21")
    np.testing.assert_array_equal(dropped(alone, smallest=3), drawn(".. .."))
