"""The watersheds of all thresholds from one tree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.segmentation import watershed

from emseg.evaluation.metrics.basins import basin_tree


def objects(values, threshold, inside=None):
    """Objects of an image, shape (Y, X)."""
    values = np.asarray(values, dtype=np.uint8)
    inside = np.ones(values.shape, dtype=bool) if inside is None else inside
    tree = basin_tree(values, inside)
    return np.concatenate(([0], tree.objects(threshold)))[tree.basins]


@st.composite
def reliefs(draw):
    """Few levels, so that plateaus and equal passes come often, and pixels outside."""
    shape = draw(st.sampled_from([(1, 1), (1, 9), (5, 5), (7, 6)]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([(0,), (0, 255), (3, 4, 5, 6, 7, 8, 9), tuple(range(256))]))
    values = random.choice(levels, size=shape).astype(np.uint8)
    return values, random.random(shape) < draw(st.sampled_from([0.7, 1, 1]))


def best_passes(values, inside, seed):
    """How high the lowest pixel is on the best way from a seed to each pixel, -1 for no way."""
    levels = np.full(values.shape, -1)
    for level in np.unique(values):
        joined, _ = ndimage.label((values >= level) & inside)
        reached = np.isin(joined, np.unique(joined[seed & (joined > 0)]))
        levels[reached & (joined > 0)] = level
    return levels


def test_the_hills_of_the_drawing():
    line = [[9, 5, 8, 6, 7]]
    assert objects(line, 5).tolist() == [[1, 1, 1, 1, 1]]
    assert objects(line, 6)[0, [0, 2, 3, 4]].tolist() == [1, 2, 2, 2]
    assert objects(line, 7)[0, [0, 2, 4]].tolist() == [1, 2, 3]
    assert objects(line, 8)[0, [0, 2, 3, 4]].tolist() == [1, 2, 2, 2]
    assert objects(line, 9).tolist() == [[1, 1, 1, 1, 1]]
    assert objects(line, 10).tolist() == [[0, 0, 0, 0, 0]]


@given(reliefs())
@settings(deadline=None, max_examples=30)
def test_objects_are_the_components_grown_over_the_best_ways(case):
    values, inside = case
    if not inside.any():
        return
    tree = basin_tree(values, inside)
    for threshold in {1, 2, 4, 5, 8, 9, 128, 255, int(values.max()) or 1}:
        found = np.concatenate(([0], tree.objects(threshold)))[tree.basins]
        seeds, count = ndimage.label((values >= threshold) & inside)
        assert found.max(initial=0) == count
        assert not found[~inside].any()
        best = np.full(values.shape, -1)
        own = np.full(values.shape, -1)
        for seed in range(1, count + 1):
            (number,) = np.unique(found[seeds == seed])
            grown = found == number
            assert ndimage.label(grown)[1] == 1
            assert np.array_equal(grown & (seeds > 0), seeds == seed)
            passes = best_passes(values, inside, seeds == seed)
            best = np.maximum(best, passes)
            own[grown] = passes[grown]
        assert np.array_equal(own, best)


@given(reliefs())
@settings(deadline=None, max_examples=30)
def test_objects_change_where_the_tree_says_so_and_nowhere_else(case):
    values, inside = case
    if not inside.any():
        return
    tree = basin_tree(values, inside)
    for threshold in {2, 5, 100, 255, *(values.ravel()[:9].astype(int) + 1)} - {1, 256}:
        if threshold not in tree.changes:
            assert np.array_equal(tree.objects(threshold), tree.objects(threshold - 1))


@pytest.mark.parametrize("seed", range(5))
def test_two_levels_are_flooded_exactly_as_by_scikit_image(seed):
    random = np.random.default_rng(seed)
    values = np.where(random.random((40, 30)) < 0.3, 255, 0).astype(np.uint8)
    seeds, _ = ndimage.label(values == 255)
    assert np.array_equal(objects(values, 255), watershed(255 - values, seeds))


def test_nothing_grows_through_what_is_outside():
    inside = np.array([[True, True, False, True]])
    assert objects([[9, 1, 9, 1]], 5, inside).tolist() == [[1, 1, 0, 0]]
