"""V_rand and V_info of cells that membranes separate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.segmentation import watershed

from emseg.errors import ContentError, UnknownNameError
from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.metrics.basins import basin_tree
from emseg.evaluation.metrics.membranes import MembraneScores
from emseg.micrograph import LabelClass, LabelImage

CLASSES = (LabelClass("membrane", (0, 0, 0)), LabelClass("cell", (0, 0, 0)))
M, C, U = 0, 1, 255
METRIC = MembraneScores("cell")
ANYWHERE = 1e-2  # by how much a score may differ where floods break ties in another way


def pair(prediction, reference, levels=None):
    """A pair, with probabilities of the cell where levels of 8 bits are given."""
    prediction, reference = (
        LabelImage(np.array(pixels, dtype=np.uint8), CLASSES, "a")
        for pixels in (prediction, reference)
    )
    if levels is None:
        return ComparedPair("a", prediction, reference)
    p = np.array(levels) / 255
    return ComparedPair("a", prediction, reference, np.stack((1 - p, p)))


def scores(*pairs):
    """V_rand and V_info of slices, pooled."""
    return METRIC.scores([METRIC.look(each) for each in pairs], np.ones((1, len(pairs))))[0]


def by_the_formula(objects, true):
    """Both scores of one slice, written down as they are defined."""
    there = true > 0
    joint = np.zeros((objects.max() + 1, true.max() + 1))
    np.add.at(joint, (objects[there], true[there]), 1)
    s, t, n = joint.sum(axis=1), joint.sum(axis=0), there.sum()
    v_rand = (joint**2).sum() / ((s**2).sum() / 2 + (t**2).sum() / 2)
    h_s, h_t, h_st = (
        -sum(p * np.log2(p) for p in (sizes / n).ravel() if p) for sizes in (s, t, joint)
    )
    return v_rand, 2 * (h_s + h_t - h_st) / (h_s + h_t) if h_s + h_t > 1e-9 else 1.0


def flooded_anew(levels, reference):
    """Both scores at each of the 255 thresholds, each with a flood of its own, shape (255, 2)."""
    levels, true = np.asarray(levels, dtype=np.uint8), ndimage.label(np.asarray(reference) == C)[0]
    found = []
    for t in range(1, 256):
        seeds, count = ndimage.label(levels >= t)
        grown = watershed(255 - levels, seeds)
        found.append(by_the_formula(grown, true) if count else (0.0, 0.0))
    return np.array(found)


def predicted_cells(seed, noise, side=64):
    """A pair of cells between membranes, the levels of its prediction, and its reference."""
    random = np.random.default_rng(seed)
    field, error = (
        ndimage.gaussian_filter(random.standard_normal((side, side)), s) for s in (5, 2)
    )
    field, error = field / field.std(), error / error.std()
    reference = np.where(np.abs(field) > 0.25, C, M)
    smooth = 255 / (1 + np.exp(2.5 - 6 * np.abs(field + 0.2 * error)))
    levels = np.clip(smooth + noise * random.standard_normal(field.shape), 0, 255).astype(np.uint8)
    return pair(reference, reference, levels), levels, reference


@st.composite
def label_pairs(draw):
    shape = draw(st.sampled_from([(1, 1), (1, 8), (6, 6), (12, 9)]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = draw(st.sampled_from([(M,), (C,), (M, C), (M, C, C, C)]))
    return random.choice(values, size=shape), random.choice((M, C, C), size=shape)


def test_the_keys_name_the_class():
    assert tuple(METRIC.numbers) == (("classes", "cell", "v_rand"), ("classes", "cell", "v_info"))


def test_a_gap_joins_two_cells_of_four_pixels():
    reference = [[C, C, M, C, C], [C, C, M, C, C]]
    joined = [[C, C, M, C, C], [C, C, C, C, C]]
    assert scores(pair(reference, reference)).tolist() == [1, 1]
    assert scores(pair(joined, reference)) == pytest.approx([32 / (64 / 2 + 32 / 2), 0])


def test_cells_that_are_too_small_grow_back():
    reference = np.array([[C] * 5 + [M] + [C] * 5] * 5)
    small = np.full_like(reference, M)
    small[2, [2, 8]] = C
    assert scores(pair(small, reference)).tolist() == [1, 1]


@given(label_pairs())
@settings(deadline=None, max_examples=60)
def test_label_images_score_as_the_formula_and_the_watershed_of_scikit_image_say(case):
    prediction, reference = case
    found = scores(pair(prediction, reference))
    true, cells_there = ndimage.label(reference == C)
    seeds, count = ndimage.label(prediction == C)
    if not cells_there:
        assert np.isnan(found).all()
    elif not count:
        assert found.tolist() == [0, 0]
    else:
        levels = np.where(prediction == C, 255, 0).astype(np.uint8)
        expected = by_the_formula(watershed(255 - levels, seeds), true)
        assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("seed", "noise"), [(0, 0), (1, 10), (2, 60)])
def test_each_threshold_scores_as_the_formula_and_a_flood_of_its_own_say(seed, noise):
    one, levels, reference = predicted_cells(seed, noise)
    expected, seen = flooded_anew(levels, reference), METRIC.look(one)
    curves = METRIC.curves(seen[None])[0].T
    assert curves == pytest.approx(expected, abs=1e-9)
    assert scores(one) == pytest.approx(expected.max(axis=0), abs=1e-9)
    best = np.argmax(np.round(expected, 12), axis=0) + 1
    assert METRIC.best_threshold([seen]) == tuple(best)


def test_above_128_pixels_the_best_thresholds_are_flooded_and_the_others_differ_in_ties():
    one, levels, reference = predicted_cells(4, 60, side=160)
    expected, seen = flooded_anew(levels, reference), METRIC.look(one)
    curves = METRIC.curves(seen[None])[0].T
    assert curves == pytest.approx(expected, abs=ANYWHERE)
    assert np.abs(curves - expected).max() > 0  # or the tree was not tried
    assert scores(one) == pytest.approx(expected.max(axis=0), abs=1e-9)


def test_without_time_for_floods_the_tree_gives_what_the_formula_gives_of_its_objects():
    metric = MembraneScores("cell", flooded=1)
    one, levels, reference = predicted_cells(4, 20)
    true, tree = ndimage.label(reference == C)[0], basin_tree(levels, one.counted)
    expected = []
    for t in range(1, 256):
        objects = np.concatenate(([0], tree.objects(t)))[tree.basins]
        expected.append(by_the_formula(objects, true) if objects.any() else (0, 0))
    curves = metric.curves(metric.look(one)[None])[0].T
    differ = np.abs(curves - expected).max(axis=1) > 1e-9
    assert np.count_nonzero(differ) <= 1  # one threshold is always flooded


def test_the_search_finds_the_one_threshold_of_255_at_which_the_cells_come_apart():
    reference = np.array([[C] * 6 + [M] + [C] * 6] * 5)
    levels = np.where(reference == C, 140, 136)
    levels[:, [2, 10]] = 139  # dark lines within the cells
    levels[0, 6] = 137  # a gap in the membrane
    one = pair(reference, reference, levels)
    seen = METRIC.look(one)
    found = flooded_anew(levels, reference)
    assert scores(one) == pytest.approx(found.max(axis=0), abs=1e-12)
    assert scores(one).tolist() == [1, 1]
    assert METRIC.best_threshold([seen]) == (138, 138)
    assert np.flatnonzero(found[:, 0] == 1).tolist() == [138 - 1, 139 - 1]
    grid = found[::10]  # t = 1, 11, ..., 131, 141
    assert grid.max() < 0.7


def test_slices_are_pooled_before_the_best_threshold_is_taken():
    reference = [[C, C, M, C, C]]
    early = pair(reference, reference, [[255, 255, 90, 255, 255]])  # apart above 90
    late = pair(reference, reference, [[80, 80, 0, 80, 80]])  # there up to 80
    assert scores(early).tolist() == scores(late).tolist() == [1, 1]
    # up to 80: a merged and a perfect slice; above 90: a perfect slice and one without objects
    merged, perfect, missed = np.array([8, 16, 8]), np.array([8, 8, 8]), np.array([0, 0, 8])
    v_rand = [2 * s[0] / (s[1] + s[2]) for s in (merged + perfect, perfect + missed)]
    assert scores(early, late)[0] == pytest.approx(max(v_rand))
    assert METRIC.best_threshold([METRIC.look(early), METRIC.look(late)]) == (1, 1)


def test_pooled_v_info_counts_slices_without_objects_as_one_that_says_nothing():
    reference = [[C, C, M, C, C]]
    found = scores(pair(reference, reference), pair([[M] * 5], reference))
    # S has objects of 2, 2 and the 4 pixels of no object; T four objects of 2
    h_s, h_t = 1.5, 2.0
    assert found[1] == pytest.approx(2 * h_s / (h_s + h_t))
    assert found[0] == pytest.approx(2 * 8 / (8 + 16))


def test_the_degenerate_images():
    empty, one = [[M, M]], [[C, C]]
    assert np.isnan(scores(pair(one, empty))).all()
    assert np.isnan(scores(pair(one, [[U, U]]))).all()
    assert METRIC.best_threshold([METRIC.look(pair(one, empty))]) is None
    assert scores(pair(empty, one)).tolist() == [0, 0]
    assert scores(pair([[U, U]], one)).tolist() == [0, 0]
    assert scores(pair(empty, one, [[0, 0]])).tolist() == [0, 0]
    assert scores(pair(one, one)).tolist() == [1, 1]
    assert scores(pair([[C]], [[C]])).tolist() == [1, 1]
    assert scores(pair(one, one), pair(one, empty)).tolist() == [1, 1]


def test_unlabelled_pixels_join_nothing_and_do_not_count():
    assert scores(pair([[C, C, C]], [[C, U, C]])).tolist() == [1, 1]
    half = scores(pair([[C, C, U, M]], [[C, C, U, C]]))
    assert half[0] == pytest.approx(2 * 4 / (4 + 4 + 1))  # the last pixel is of no object


def test_probabilities_are_rounded_to_8_bits():
    reference = [[C, M, C]]
    p = np.array([[[0.5, 0.4975, 0.5]]])  # 127.5 rounds to 128, 126.86 to 127
    one = pair(reference, reference)
    seen = METRIC.look(ComparedPair("a", one.prediction, one.reference, np.concatenate((1 - p, p))))
    assert METRIC.best_threshold([seen]) == (128, 128)
    bytes_ = (255 * np.concatenate((1 - p, p))).round().astype(np.uint8)
    assert np.array_equal(
        METRIC.look(ComparedPair("a", one.prediction, one.reference, bytes_)), seen
    )


def test_a_probability_that_is_none_is_refused_where_it_counts():
    levels = np.array([[255, np.nan, 255]])
    with pytest.raises(ContentError, match=r"^a has 1 pixels whose probability of cell is not"):
        METRIC.look(pair([[C, M, C]], [[C, M, C]], levels))
    assert scores(pair([[C, M, C]], [[C, U, C]], levels)).tolist() == [1, 1]


def test_a_class_that_is_not_there_is_refused():
    with pytest.raises(UnknownNameError, match="no class 'cells'; did you mean 'cell'"):
        MembraneScores("cells").look(pair([[C]], [[C]]))


@given(label_pairs(), st.sampled_from([np.fliplr, np.flipud]))
@settings(deadline=None, max_examples=20)
def test_scores_of_labels_do_not_depend_on_the_numbers_of_the_objects(case, mirrored):
    reference = case[1]
    if (reference == C).any():
        assert scores(pair(reference, reference)) == pytest.approx([1, 1])
        assert scores(pair(mirrored(reference), mirrored(reference))) == pytest.approx([1, 1])
