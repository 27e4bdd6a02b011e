"""Objects of one class as partitions: adapted Rand error and variation of information."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label
from skimage.metrics import adapted_rand_error, variation_of_information

from emseg.errors import UnknownNameError
from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.metrics.contingency import count_overlaps
from emseg.evaluation.metrics.partitions import PartitionScores, partition_sums
from emseg.micrograph import LabelClass, LabelImage

CLASSES = (LabelClass("boundary", (0, 0, 0)), LabelClass("grain", (0, 0, 0)))
B, G, U = 0, 1, 255
METRIC = PartitionScores("grain")


def pair(prediction, reference):
    images = (
        LabelImage(np.array(pixels, dtype=np.uint8), CLASSES, "a")
        for pixels in (prediction, reference)
    )
    return ComparedPair("a", *images)


def scores(prediction, reference):
    """Error, precision, recall, split and merge of one image."""
    return METRIC.scores([METRIC.look(pair(prediction, reference))], np.ones((1, 1)))[0]


def of_partitions(prediction, reference):
    """The same of segments that are numbered already, all of which count."""
    return METRIC.of_sums(partition_sums(count_overlaps(prediction, reference))[None])[0]


@st.composite
def images(draw):
    """Two classes and unlabelled pixels; empty, one class and one pixel come often."""
    shape = draw(st.sampled_from([(1, 1), (1, 7), (6, 6), (9, 14)]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = draw(st.sampled_from([(B,), (G,), (B, G), (B, G, G, G), (B, G, G, U)]))
    return random.choice(values, size=shape)


@st.composite
def image_pairs(draw):
    reference = draw(images())
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    flipped = random.random(reference.shape) < draw(st.sampled_from([0, 0.1, 0.5, 1]))
    return np.where(flipped, random.choice((B, G, U), size=reference.shape), reference), reference


def test_the_keys_name_the_class():
    assert tuple(METRIC.numbers) == (
        ("classes", "grain", "adapted_rand_error"),
        ("classes", "grain", "adapted_rand_precision"),
        ("classes", "grain", "adapted_rand_recall"),
        ("classes", "grain", "vi_split"),
        ("classes", "grain", "vi_merge"),
    )


def test_two_grains_that_a_gap_joins_are_merged():
    reference = [[G, G, B, G, G], [G, G, B, G, G]]
    prediction = [[G, G, B, G, G], [G, G, G, G, G]]
    # of 8 pixels 2 x 4^2 / 2 pairs belong together, and 8^2 / 2 are put together
    precision = (2 * 4**2 - 8) / (8**2 - 8)
    expected = [1 - 2 * precision / (1 + precision), precision, 1, 0, 1]
    assert scores(prediction, reference) == pytest.approx(expected)


def test_a_grain_that_is_cut_is_split():
    reference = [[G, G, G, G, G]]
    prediction = [[G, G, B, G, G]]
    error, precision, recall, split, merge = scores(prediction, reference)
    # segments of 2, 1 and 2 pixels; the one of the boundary is a segment of its own
    assert recall == pytest.approx((2 * 2**2 + 1 - 5) / (5**2 - 5))
    assert precision == 1
    assert merge == pytest.approx(0)
    assert split == pytest.approx(np.log2(5) - 2 * 2 / 5)
    assert error == pytest.approx(1 - 2 * recall / (1 + recall))


def test_corners_do_not_join():
    diagonal = [[G, B], [B, G]]
    assert scores([[G, G], [B, G]], diagonal)[4] == pytest.approx(1)
    assert scores(diagonal, diagonal)[4] == 0


@given(image_pairs())
@settings(deadline=None, max_examples=40)
@pytest.mark.filterwarnings(
    # scikit-image divides by the pairs of objects of one pixel, of which there are none
    "ignore:(invalid value|divide by zero) encountered:RuntimeWarning"
)
def test_the_numbers_are_those_of_scikit_image(case):
    prediction, reference = case
    found = scores(prediction, reference)
    true = label((reference == G), connectivity=1)
    if not true.any():
        assert np.isnan(found).all()
        return
    predicted = label((prediction == G) & (reference != U), connectivity=1)
    split, merge = variation_of_information(true, predicted, ignore_labels=(0,))
    assert found[3:] == pytest.approx([split, merge], abs=1e-6)
    # scikit-image 0.26 divides by the pairs of the reference for its precision, not as it says
    error, recall, precision = adapted_rand_error(true, predicted, ignore_labels=(0,))
    for ours, theirs in zip(found[:3], (error, precision, recall), strict=True):
        assert np.isnan(theirs) or ours == pytest.approx(theirs, abs=1e-6)


@given(image_pairs())
@settings(deadline=None, max_examples=40)
def test_precision_and_recall_count_pairs_of_pixels(case):
    prediction, reference = case
    counted = reference == G
    predicted = label((prediction == G) & (reference != U), connectivity=1)[counted].tolist()
    true = label(counted, connectivity=1)[counted].tolist()
    if not true:
        return
    together = Counter(
        (a[0] == b[0], a[1] == b[1]) for a, b in combinations(zip(predicted, true, strict=True), 2)
    )
    both, merged, split = together[True, True], together[True, False], together[False, True]
    error, precision, recall = scores(prediction, reference)[:3]
    assert error == pytest.approx((merged + split) / max(1, 2 * both + merged + split), abs=1e-9)
    if both + merged:
        assert precision == pytest.approx(both / (both + merged), abs=1e-9)
    if both + split:
        assert recall == pytest.approx(both / (both + split), abs=1e-9)


@given(images())
@settings(deadline=None, max_examples=30)
def test_an_image_is_perfect_against_itself(image):
    found = scores(image, image)
    if (image == G).any():
        assert found == pytest.approx([0, 1, 1, 0, 0], abs=1e-9)
    else:
        assert np.isnan(found).all()


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=40))
@settings(deadline=None, max_examples=40)
def test_exchanging_the_sides_exchanges_split_and_merge(pixels):
    a, b = np.array(pixels).T
    error, precision, recall, split, merge = of_partitions(a, b)
    assert of_partitions(b, a) == pytest.approx([error, recall, precision, merge, split])
    renumbered = of_partitions(np.array([0, 9, 1, 7, 3])[a], np.array([0, 2, 8, 1, 5])[b])
    assert renumbered == pytest.approx([error, precision, recall, split, merge])


def test_the_degenerate_images():
    empty, one, full = [[B, B]], [[G, B]], [[G, G]]
    assert np.isnan(scores(full, empty)).all()
    assert np.isnan(scores(full, [[U, U]])).all()
    assert scores(empty, one).tolist() == [0, 1, 1, 0, 0]  # one pixel is with itself in any case
    assert scores([[G]], [[G]]).tolist() == [0, 1, 1, 0, 0]
    assert scores(full, full).tolist() == [0, 1, 1, 0, 0]
    assert scores([[G, G, G]], [[G, B, G]]) == pytest.approx([1, 0, 0, 0, 1])


def test_what_connects_where_nobody_knows_the_truth_does_not():
    assert scores([[G, G, G]], [[G, U, G]]).tolist() == [0, 1, 1, 0, 0]


def test_objects_of_different_images_are_different_objects():
    first, second = ([[G, B, G, G]], [[G, G, G, G]]), ([[G, G, B, G]], [[G, B, B, G]])
    seen = [METRIC.look(pair(*each)) for each in (first, second)]
    found = METRIC.scores(seen, np.array([[1.0, 1.0], [2.0, 1.0]]))
    gap = ([[B] * 4], [[B] * 4])
    for row, parts in zip(found, ((first, second), (first, first, second)), strict=True):
        rows = [each for part in parts for each in (part, gap)]
        apart = [np.concatenate([each[side] for each in rows]) for side in (0, 1)]
        # all missed pixels of one image are one segment, and pixels of two images are two
        predicted = label(apart[0] == G, connectivity=1)
        image = np.arange(len(rows))[:, None] + 100
        expected = of_partitions(
            np.where(predicted > 0, predicted, image), label(apart[1] == G, connectivity=1)
        )
        assert row == pytest.approx(expected)


def test_a_class_that_is_not_there_is_refused():
    with pytest.raises(UnknownNameError, match="no class 'grains'; did you mean 'grain'"):
        PartitionScores("grains").look(pair([[G]], [[G]]))
