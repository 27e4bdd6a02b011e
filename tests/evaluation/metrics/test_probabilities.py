"""Calibration, Brier score, average precision and ROC of probabilities."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from emseg.errors import ContentError
from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.metrics.calibration import BinnedCalibration, calibration_sums
from emseg.evaluation.metrics.probabilities import ProbabilityScores, summarise_probabilities
from emseg.micrograph import LabelClass, LabelImage

NAMES = ("matrix", "small", "large")
METRIC = ProbabilityScores(NAMES)
STEPS = 4335  # probabilities are rounded to multiples of 1 / 4335
U = 255


def pair(probabilities, reference, names=NAMES):
    classes = tuple(LabelClass(each, (0, 0, 0)) for each in names)
    reference = np.array(reference, dtype=np.uint8)
    true = LabelImage(reference, classes, "a")
    predicted = LabelImage(np.zeros_like(reference), classes, "a")
    return ComparedPair("a", predicted, true, probabilities)


def scores(*pairs, metric=METRIC):
    seen = [metric.look(each) for each in pairs]
    return dict(zip(metric.numbers, metric.scores(seen, np.ones((1, len(seen))))[0], strict=True))


def calibration_error(confidence, right):
    """Guo's formula, written down bin by bin."""
    edges, rounding = np.arange(16) / 15, 1e-6 / 15
    error = 0.0
    for low, high in pairwise(edges):
        inside = (confidence > low + rounding) & (confidence <= high + rounding)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


def check(found, probabilities, truth, tolerance, names=NAMES):
    """Compare with scikit-learn and the formulae: (n, K) probabilities of n pixels."""
    right = probabilities.argmax(axis=1) == truth
    expected = calibration_error(probabilities.max(axis=1), right)
    assert found["calibration_error",] == pytest.approx(expected, abs=1e-6)
    squares = (probabilities - np.eye(len(names))[truth]) ** 2
    assert found["brier_score",] == pytest.approx(squares.sum(axis=1).mean(), abs=1e-6)
    for index, name in enumerate(names):
        of_class = truth == index
        precision, area = (
            found["classes", name, each] for each in ("average_precision", "roc_auc")
        )
        if not of_class.any():
            assert np.isnan(precision)
        else:
            ranked = average_precision_score(of_class, probabilities[:, index])
            assert precision == pytest.approx(ranked, abs=tolerance)
        if of_class.all() or not of_class.any():
            assert np.isnan(area)
        else:
            ranked = roc_auc_score(of_class, probabilities[:, index])
            assert area == pytest.approx(ranked, abs=tolerance)


@st.composite
def predicted(draw, steps):
    """Probabilities in steps, or continuous ones for None; one pixel and one class come often."""
    size = draw(st.sampled_from([1, 2, 30, 300]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sharpness = draw(st.sampled_from([0.2, 1, 5]))
    values = random.dirichlet(np.full(len(NAMES), sharpness), size=size)
    if steps:
        values = np.rint(values * steps) / steps
    return values, random.integers(0, draw(st.integers(1, len(NAMES))), size=size)


def as_image(probabilities, truth):
    return pair(probabilities.T[:, None], truth[None])


def test_the_keys_are_those_of_all_classes_and_of_each():
    assert tuple(METRIC.numbers)[:4] == (
        ("calibration_error",),
        ("brier_score",),
        ("classes", "matrix", "average_precision"),
        ("classes", "matrix", "roc_auc"),
    )
    assert len(METRIC.numbers) == 8


def test_three_pixels_worked_out_by_hand():
    probabilities = np.array([[[0.75, 0.75, 0.0]], [[0.25, 0.25, 1.0]]])
    two = NAMES[:2]
    found = scores(pair(probabilities, [[0, 1, 1]], two), metric=ProbabilityScores(two))
    assert found["calibration_error",] == pytest.approx(2 / 3 * 0.25)
    assert found["brier_score",] == pytest.approx((2 * 0.25**2 + 2 * 0.75**2) / 3)
    assert found["classes", "small", "average_precision"] == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)
    assert found["classes", "small", "roc_auc"] == pytest.approx(0.75)


@given(predicted(steps=255))
@settings(deadline=None, max_examples=10)
def test_probabilities_of_8_bits_score_exactly_as_scikit_learn_says(case):
    probabilities, truth = case
    check(scores(as_image(*case)), probabilities, truth, 1e-6)
    levels = np.rint(255 * probabilities).astype(np.uint8)
    check(scores(as_image(levels, truth)), probabilities, truth, 1e-6)
    check(scores(as_image(probabilities.astype(np.float32), truth)), probabilities, truth, 1e-6)


@given(predicted(steps=STEPS))
@settings(deadline=None, max_examples=10)
def test_multiples_of_the_step_score_exactly_as_scikit_learn_says(case):
    check(scores(as_image(*case)), *case, 1e-6)


@pytest.mark.parametrize(("seed", "sharpness"), [(0, 2), (1, 1), (2, 0.2)])
def test_probabilities_of_few_pixels_score_exactly_and_of_many_within_a_thousandth(seed, sharpness):
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet((sharpness, sharpness, 0.3), size=70_000)
    truth = (random.random((70_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    check(scores(as_image(probabilities, truth)), probabilities, truth, 1e-3)
    few = slice(0, 5_000)
    check(scores(as_image(probabilities[few], truth[few])), probabilities[few], truth[few], 1e-9)


@pytest.mark.parametrize("sharpness", [4, 12, 40])
def test_a_network_that_is_nearly_certain_everywhere_is_ranked_within_a_thousandth(sharpness):
    random = np.random.default_rng(5)
    margin = sharpness * random.standard_normal(70_000) - sharpness
    p = 1 / (1 + np.exp(-margin))
    truth = (margin / sharpness + random.standard_normal(70_000) > 0).astype(np.int64)
    two, probabilities = NAMES[:2], np.stack((1 - p, p), axis=1)
    one = pair(probabilities.T[:, None], truth[None], two)
    found = scores(one, metric=ProbabilityScores(two))
    area = roc_auc_score(truth, p)
    assert found["classes", "small", "roc_auc"] == pytest.approx(area, abs=1e-3)
    ranked = average_precision_score(truth, p)
    assert found["classes", "small", "average_precision"] == pytest.approx(ranked, abs=1e-3)


def test_mixtures_of_images_are_ranked_as_if_they_came_so_often():
    random = np.random.default_rng(6)
    cases = [(random.dirichlet((1, 1, 1), size=n), random.integers(0, 3, n)) for n in (40, 60)]
    seen = [METRIC.look(as_image(*case)) for case in cases]
    found = METRIC.scores(seen, np.array([[2.0, 1.0]]))[0]
    twice = [cases[0], cases[0], cases[1]]
    p, truth = (np.concatenate(each) for each in zip(*twice, strict=True))
    check(dict(zip(METRIC.numbers, found, strict=True)), p, truth, 1e-9)


@given(predicted(steps=None))
@settings(deadline=None, max_examples=15)
def test_files_are_scored_without_rounding(case):
    probabilities, truth = case
    found = summarise_probabilities(probabilities, truth)
    ranks = zip(found.average_precision, found.roc_auc, strict=True)
    numbers = [
        found.calibration.error,
        found.brier_score,
        *(each for pair in ranks for each in pair),
    ]
    as_numbers = [np.nan if each is None else each for each in numbers]
    check(dict(zip(METRIC.numbers, as_numbers, strict=True)), probabilities, truth, 1e-9)


def test_certain_and_right_is_perfect_and_certain_and_wrong_is_the_worst():
    truth = np.array([[0, 1, 2, 0]])
    certain = np.eye(3)[truth].transpose(2, 0, 1)
    assert list(scores(pair(certain, truth)).values()) == [0, 0, 1, 1, 1, 1, 1, 1]
    wrong = scores(pair(certain[[1, 2, 0]], truth))
    assert wrong["calibration_error",] == 1
    assert wrong["brier_score",] == 2


def test_pixels_of_all_images_are_pooled_and_weighted():
    random = np.random.default_rng(0)
    images = [
        (np.rint(255 * random.dirichlet((1, 1, 1), size=n)) / 255, random.integers(0, 3, size=n))
        for n in (50, 9)
    ]
    seen = [METRIC.look(as_image(*each)) for each in images]
    found = METRIC.scores(seen, np.array([[1.0, 1.0], [2.0, 1.0], [0.0, 1.0]]))
    for row, chosen in zip(found, ((0, 1), (0, 0, 1), (1,)), strict=True):
        probabilities, truth = (np.concatenate([images[i][k] for i in chosen]) for k in (0, 1))
        check(dict(zip(METRIC.numbers, row, strict=True)), probabilities, truth, 1e-6)


def test_many_mixtures_are_computed_a_few_at_a_time_and_stay_in_order():
    seen = [METRIC.look(as_image(np.eye(3)[[k]], np.array([0]))) for k in (0, 1)]
    shares = np.linspace(0, 1, 150)
    found = METRIC.scores(seen, np.column_stack((shares, 1 - shares)))
    assert found[:, 1] == pytest.approx(2 * (1 - shares))


def test_only_labelled_pixels_count():
    random = np.random.default_rng(1)
    probabilities = random.dirichlet((1, 1, 1), size=40)
    truth = random.integers(0, 3, size=40)
    image = as_image(probabilities, np.where(np.arange(40) < 30, truth, U))
    image.probabilities[:, 0, 35] = np.nan
    assert scores(image) == scores(as_image(probabilities[:30], truth[:30]))


@pytest.mark.parametrize("missing", ["labels", "probabilities"])
def test_nothing_to_score_has_no_numbers_and_does_not_count(missing):
    some = as_image(np.full((4, 3), 1 / 3), np.array([0, 1, 2, 2]))
    if missing == "labels":
        nothing = as_image(np.full((2, 3), 1 / 3), np.array([U, U]))
    else:
        nothing = pair(None, [[0, 1]])
    assert np.isnan(list(scores(nothing).values())).all()
    assert scores(some, nothing) == scores(some)


def test_the_diagram_has_a_point_for_each_bin_that_is_not_empty():
    probabilities = np.array([[0.6, 0.4, 0], [0.6, 0.4, 0], [0.3, 0.7, 0]])
    seen = METRIC.look(as_image(probabilities, np.array([0, 1, 1])))
    diagram = METRIC.calibration([seen, seen])
    assert diagram.count.tolist() == [0] * 8 + [4, 0, 2, 0, 0, 0, 0]
    assert diagram.confidence[[8, 10]] == pytest.approx([0.6, 0.7])
    assert diagram.accuracy[[8, 10]].tolist() == [0.5, 1]
    assert np.isnan(diagram.accuracy[9])
    assert diagram.error == pytest.approx((4 * 0.1 + 2 * 0.3) / 6)
    assert diagram.as_json()["accuracy"][7:11] == [None, 0.5, None, 1]


def test_a_confidence_on_the_edge_of_two_bins_is_in_the_lower_one():
    edges = np.arange(1, 16) / 15
    assert calibration_sums(edges, edges > 0)[0].tolist() == [1] * 15
    assert calibration_sums(np.zeros(1), np.ones(1, dtype=bool))[0, 0] == 1
    assert BinnedCalibration.from_sums(np.zeros((3, 15))).error is None


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.1, 1.1])
def test_a_probability_that_is_none_is_refused_by_image_and_class(wrong):
    probabilities = np.full((3, 1, 4), 1 / 3)
    probabilities[1, 0, 2] = wrong
    with pytest.raises(ContentError, match=r"^a has 1 pixels whose probability of small is not"):
        METRIC.look(pair(probabilities, [[0, 1, 2, 0]]))


@pytest.mark.parametrize("shape", [(2, 1, 4), (3, 4, 1), (3, 4)])
def test_probabilities_of_another_shape_are_refused(shape):
    with pytest.raises(ContentError, match=r"^a needs probabilities of the shape \(3, 1, 4\)"):
        METRIC.look(pair(np.zeros(shape), [[0, 1, 2, 0]]))
