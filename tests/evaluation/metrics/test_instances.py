"""Scores of objects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from skimage.measure import label

from emseg.calibration import Smallest
from emseg.errors import UnknownNameError
from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.metrics.instances import IOU_THRESHOLDS, ObjectScores
from emseg.micrograph import LabelClass, LabelImage

NAMES = ("matrix", "particle", "pore")
OBJECTS = ("particle", "pore")
UNSCORED = 255
SHARES = (
    "object_precision",
    "object_recall",
    "object_f1",
    "object_average_precision",
    "panoptic_quality",
)
COUNTS = ("objects_reference", "objects_prediction")


def pair(prediction, reference, names=NAMES):
    classes = tuple(LabelClass(each, (0, 0, 0)) for each in names)
    images = [
        LabelImage(np.array(each, np.uint8), classes, "a") for each in (prediction, reference)
    ]
    return ComparedPair("a", *images)


def scores_of(*pairs, names=NAMES, objects=OBJECTS, smallest=1):
    """Every number of the images pooled, by key."""
    metric = ObjectScores(names, objects, Smallest(smallest))
    values = metric.scores([metric.look(each) for each in pairs], np.ones((1, len(pairs))))
    return dict(zip(metric.numbers, values[0], strict=True))


def particles(*pairs, smallest=1):
    """Numbers of the class "particle" by kind."""
    scores = scores_of(*pairs, smallest=smallest)
    return {key[-1]: value for key, value in scores.items() if key[:2] == ("classes", "particle")}


def parts(pixels, value, counted, smallest):
    """Objects as sets of flat indices."""
    labels = label((pixels == value) & counted, connectivity=2).ravel()
    objects = [set(np.flatnonzero(labels == each)) for each in range(1, labels.max(initial=0) + 1)]
    return [each for each in objects if len(each) >= smallest]


def brute_force(pairs, value, smallest=1):
    """The seven numbers of a class from sets of pixels, with the best assignment there is."""
    n_found, n_true, overlap, tp = 0, 0, 0.0, np.zeros(10)
    for each in pairs:
        prediction, reference = each.prediction.pixels, each.reference.pixels
        counted = reference != UNSCORED
        scored, everywhere = set(np.flatnonzero(counted)), np.ones_like(counted)
        found = parts(prediction, value, counted, smallest)
        true = parts(reference, value, counted, smallest)
        iou = np.array([[len(t & f) / len(t | f) for f in found] for t in true])
        iou = iou.reshape(len(true), len(found))
        for index, threshold in enumerate(IOU_THRESHOLDS):
            enough = iou >= threshold
            tp[index] += enough[linear_sum_assignment(enough, maximize=True)].sum()
        overlap += iou[iou > 0.5].sum()
        wholes = parts(prediction, value, everywhere, 1)
        hidden = [
            next(len(whole - scored) * 2 > len(whole) for whole in wholes if part <= whole)
            for part in found
        ]
        lonely = ~(iou >= 0.5).any(axis=0)
        n_found += len(found) - int((lonely & np.array(hidden, bool)).sum())
        n_true += len(true)
    if n_found + n_true == 0:
        return [np.nan] * 5 + [0, 0]
    fp, fn = n_found - tp, n_true - tp
    return [
        tp[0] / (tp[0] + fp[0]) if n_found else 0,
        tp[0] / (tp[0] + fn[0]) if n_true else 0,
        2 * tp[0] / (2 * tp[0] + fp[0] + fn[0]),
        np.mean(tp / (tp + fp + fn)),
        overlap / (tp[0] + fp[0] / 2 + fn[0] / 2),
        n_true,
        n_found,
    ]


@st.composite
def label_planes(draw, unscored=True):
    """A reference of blocks, and a prediction that differs in some pixels and by a shift."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width, block = (draw(st.integers(1, each)) for each in (5, 5, 4))
    coarse = random.choice(3, p=(0.6, 0.3, 0.1), size=(height, width))
    reference = np.kron(coarse, np.ones((block, block), int))
    noise = random.random(reference.shape) < draw(st.sampled_from([0, 0.05, 0.2, 1]))
    prediction = np.where(noise, random.integers(0, 3, reference.shape), reference)
    prediction = np.roll(prediction, draw(st.integers(0, 1)), axis=1)
    if unscored:
        hidden = random.random(reference.shape) < draw(st.sampled_from([0, 0.1, 0.5, 1]))
        reference = np.where(hidden, UNSCORED, reference)
        missing = random.random(reference.shape) < draw(st.sampled_from([0, 0.1]))
        prediction = np.where(missing, UNSCORED, prediction)
    return prediction, reference


def test_two_objects_worked_out_by_hand():
    reference = [[1, 1, 1, 0, 1], [1, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    prediction = [[1, 1, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0]]
    assert particles(pair(prediction, reference)) == {
        "object_precision": 0.5,
        "object_recall": 0.5,
        "object_f1": 0.5,
        "object_average_precision": pytest.approx(6 / 10 / 3),  # one of three, at 0.5 ... 0.75
        "panoptic_quality": 0.75 / 2,
        "objects_reference": 2,
        "objects_prediction": 2,
    }


@pytest.mark.parametrize("found", range(8, 21))
def test_an_iou_equal_to_a_threshold_is_enough(found):
    """The reference is 20 pixels long; the last threshold that ``found`` of them pass is exact."""
    prediction = [[1] * found + [0] * (20 - found)]
    scores = particles(pair(prediction, [[1] * 20]))
    passed = max(0, min(10, found - 9))
    assert scores["object_average_precision"] == pytest.approx(passed / 10)
    assert scores["object_f1"] == (1 if found >= 10 else 0)
    assert scores["panoptic_quality"] == (found / 20 if found > 10 else 0)


def test_pixels_that_meet_at_a_corner_are_one_object():
    scores = particles(pair([[1, 0], [0, 1]], [[1, 0], [0, 1]]))
    assert scores["objects_reference"] == scores["objects_prediction"] == 1


def test_one_object_found_as_two_halves_is_one_miss_and_two_inventions():
    scores = particles(pair([[1, 1, 0, 1, 1]], [[1, 1, 1, 1, 1]]))
    assert (scores["objects_reference"], scores["objects_prediction"]) == (1, 2)
    assert scores["object_f1"] == scores["object_average_precision"] == 0


def test_a_class_with_objects_on_one_side_only_scores_0_and_an_absent_one_has_no_score():
    empty, single = [[0, 0, 0]], [[0, 1, 0]]
    missed, invented = particles(pair(empty, single)), particles(pair(single, empty))
    assert [missed[kind] for kind in SHARES + COUNTS] == [0, 0, 0, 0, 0, 1, 0]
    assert [invented[kind] for kind in SHARES + COUNTS] == [0, 0, 0, 0, 0, 0, 1]
    both = scores_of(pair(single, single))
    assert all(both["classes", "particle", kind] == 1 for kind in SHARES + COUNTS)
    assert all(np.isnan(both["classes", "pore", kind]) for kind in SHARES)
    assert all(both["classes", "pore", kind] == 0 for kind in COUNTS)
    assert both["mean", "panoptic_quality"] == both["mean", "object_average_precision"] == 1


def test_means_are_over_the_object_classes():
    scores = scores_of(pair([[1, 0, 2, 0, 0]], [[1, 0, 2, 0, 2]]))
    assert scores["classes", "pore", "object_f1"] == pytest.approx(2 / 3)
    assert scores["mean", "object_f1"] == pytest.approx((1 + 2 / 3) / 2)
    assert scores["mean", "panoptic_quality"] == pytest.approx((1 + 2 / 3) / 2)


def test_images_are_pooled_object_by_object():
    right, wrong = pair([[1, 0, 1, 0, 1]], [[1, 0, 1, 0, 1]]), pair([[0]], [[1]])
    scores = particles(right, wrong)
    assert scores["object_recall"] == 3 / 4
    assert scores["object_average_precision"] == pytest.approx(3 / 4)
    assert scores["panoptic_quality"] == pytest.approx(6 / 7)
    assert scores["objects_reference"] == 4


def test_an_unlabelled_line_cuts_the_objects_of_both():
    scores = particles(pair([[1, 1, 1, 1, 1]], [[1, 1, UNSCORED, 1, 1]]))
    assert (scores["objects_reference"], scores["objects_prediction"]) == (2, 2)
    assert scores["object_f1"] == scores["panoptic_quality"] == 1


@pytest.mark.parametrize(("unscored", "counted"), [(1, 1), (2, 1), (3, 0)])
def test_an_invention_that_lies_mostly_where_nothing_is_scored_is_no_mistake(unscored, counted):
    """Two pixels of the predicted object are scored, and they are wrong."""
    prediction = [[0, 1, 1] + [1] * unscored]
    reference = [[0, 0, 0] + [UNSCORED] * unscored]
    assert particles(pair(prediction, reference))["objects_prediction"] == counted


def test_a_match_counts_although_the_object_goes_on_where_nothing_is_scored():
    prediction = [[0, 1, 1, 1, 1, 1]]
    reference = [[0, 1, 1, UNSCORED, UNSCORED, UNSCORED]]
    scores = particles(pair(prediction, reference))
    assert scores["object_f1"] == scores["panoptic_quality"] == 1


def test_objects_that_are_too_small_are_overlooked_on_both_sides():
    one = pair([[1, 0, 1, 1, 0, 0, 0]], [[0, 0, 1, 1, 0, 1, 0]])
    assert particles(one)["object_f1"] == 0.5
    assert particles(one, smallest=2)["object_f1"] == 1
    assert particles(one, smallest=2)["objects_reference"] == 1
    assert particles(one, smallest=3)["objects_reference"] == 0
    assert np.isnan(particles(one, smallest=3)["object_f1"])


@given(st.lists(label_planes(), min_size=1, max_size=2), st.sampled_from([1, 1, 2, 5]))
@settings(deadline=None, max_examples=100)
def test_scores_agree_with_sets_of_pixels_and_the_best_assignment(planes, smallest):
    pairs = [pair(*each) for each in planes]
    scores = scores_of(*pairs, smallest=smallest)
    for value, name in enumerate(NAMES):
        if name in OBJECTS:
            mine = [scores["classes", name, kind] for kind in SHARES + COUNTS]
            assert mine == pytest.approx(brute_force(pairs, value, smallest), abs=1e-9, nan_ok=True)


@given(label_planes())
@settings(deadline=None, max_examples=30)
def test_a_label_image_agrees_with_itself(planes):
    _, reference = planes
    for key, value in scores_of(pair(reference, reference)).items():
        if key[-1] in SHARES:
            assert value == 1 or np.isnan(value)


@given(label_planes(unscored=False))
@settings(deadline=None, max_examples=30)
def test_precision_and_recall_change_places_with_prediction_and_reference(planes):
    one, other = planes
    there, back = particles(pair(one, other)), particles(pair(other, one))
    partners = {"object_precision": "object_recall", "objects_reference": "objects_prediction"}
    for kind in SHARES + COUNTS:
        swapped = {**partners, **{b: a for a, b in partners.items()}}.get(kind, kind)
        assert there[kind] == pytest.approx(back[swapped], nan_ok=True)


@given(label_planes(), st.permutations(range(3)))
@settings(deadline=None, max_examples=30)
def test_the_order_of_the_classes_does_not_matter(planes, order):
    to = np.arange(256)
    to[list(order)] = range(3)
    names = tuple(NAMES[each] for each in order)
    before = scores_of(pair(*planes))
    after = scores_of(pair(*(to[each] for each in planes), names=names), names=names)
    assert after == pytest.approx(before, nan_ok=True)


@given(label_planes(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_what_is_predicted_where_nothing_is_scored_does_not_matter(planes, seed):
    """Unless it touches a scored object: that may then be no invention, and nothing else."""
    prediction, reference = planes
    wider = np.pad(reference, 3, constant_values=UNSCORED)
    garbage = np.random.default_rng(seed).integers(0, 3, wider.shape)
    garbage[2:-2, 2:-2] = np.pad(prediction, 1)
    before, after = scores_of(pair(prediction, reference)), scores_of(pair(garbage, wider))
    assert after == pytest.approx(before, nan_ok=True)
    alone = particles(pair(prediction, reference))
    touched = particles(pair(np.pad(prediction, 3, constant_values=1), wider))
    assert touched["objects_reference"] == alone["objects_reference"]
    assert touched["objects_prediction"] <= alone["objects_prediction"]
    if alone["objects_reference"]:
        assert touched["object_recall"] == alone["object_recall"]


def test_no_object_class_leaves_means_of_nothing():
    scores = scores_of(pair([[0, 1]], [[0, 1]]), objects=())
    assert list(scores) == [("mean", kind) for kind in SHARES[2:]]
    assert all(np.isnan(value) for value in scores.values())


def test_an_object_class_that_does_not_exist_is_refused():
    with pytest.raises(UnknownNameError, match="no class 'particles'; did you mean 'particle'"):
        ObjectScores(NAMES, ("particles",))
