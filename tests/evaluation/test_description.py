"""What is said of each number: between which values it lies, which are good, and who gives it."""

from math import inf

import numpy as np
import pytest

from emseg.calibration import ANY_SIZE, Distance
from emseg.evaluation import ClassifiedFile, classification_report
from emseg.evaluation.choice import GROUPS, MetricSettings
from emseg.evaluation.description import Better, Group, NumberScale, Style
from emseg.evaluation.file_scores import numbers_of_files
from emseg.evaluation.report import Number, plain_values

NAMES = ("matrix", "iou")  # a class may be called anything
HIGHER = {  # by their last words; they lie between 0 and 1, and 1 is perfect
    *("iou", "dice", "precision", "recall", "pixel_accuracy", "boundary_f1"),
    *("object_precision", "object_recall", "object_f1", "object_average_precision"),
    *("panoptic_quality", "adapted_rand_precision", "adapted_rand_recall", "v_rand", "v_info"),
    *("average_precision", "roc_auc", "accuracy", "balanced_accuracy", "macro_f1", "f1"),
    *("1", "2", "3"),  # k of the top-k accuracy
}
SCALES = {
    **dict.fromkeys(HIGHER, NumberScale(0, 1, Better.HIGHER)),
    "cohen_kappa": NumberScale(-1, 1, Better.HIGHER),
    "adapted_rand_error": NumberScale(0, 1, Better.LOWER),
    "calibration_error": NumberScale(0, 1, Better.LOWER),
    "brier_score": NumberScale(0, 2, Better.LOWER),
    "vi_split": NumberScale(0, inf, Better.LOWER),
    "vi_merge": NumberScale(0, inf, Better.LOWER),
    "hausdorff_95": NumberScale(0, inf, Better.LOWER),
    "surface_distance": NumberScale(0, inf, Better.LOWER),
    "size_distance": NumberScale(0, inf, Better.LOWER),
    "objects_reference": NumberScale(0, inf),
    "objects_prediction": NumberScale(0, inf),
    "mean_diameter": NumberScale(0, inf),
    "mean_diameter_reference": NumberScale(0, inf),
    "area_fraction": NumberScale(0, 1),
    "area_fraction_reference": NumberScale(0, 1),
    "area_fraction_error": NumberScale(-1, 1, Better.NEARER_ZERO),
    "count_error": NumberScale(-1, inf, Better.NEARER_ZERO),
    "mean_diameter_error": NumberScale(-inf, inf, Better.NEARER_ZERO),
}
TESTED = {
    *(("classes", "iou"), ("mean", "iou"), ("pixel_accuracy", "pixel_accuracy")),
    *(("mean", "boundary_f1"), ("mean", "object_f1"), ("classes", "surface_distance")),
    *(("classes", "adapted_rand_error"), ("classes", "v_rand"), ("brier_score", "brier_score")),
}


def described(unit):
    """What every metric says of its numbers, and the classifier of its own."""
    settings = MetricSettings(NAMES, NAMES[1:], Distance(2, unit), unit, ANY_SIZE)
    metrics = (metric for group in GROUPS.values() for metric in group(settings))
    found = [each for metric in metrics for each in metric.numbers.items()]
    return [*found, *numbers_of_files(NAMES, 3).items()]


def kind_of(key, said):
    return key[-1].removesuffix(f"_{said.unit}")


@pytest.mark.parametrize("unit", ["nm", "px"])
def test_each_number_says_where_it_lies_and_which_values_are_good(unit):
    found = {kind_of(key, said): said.scale for key, said in described(unit)}
    assert found == SCALES


@pytest.mark.parametrize("unit", ["nm", "px"])
def test_lengths_say_their_unit_and_a_score_is_best_at_one(unit):
    for key, said in described(unit):
        assert said.unit == (unit if key[-1].endswith(f"_{unit}") else ""), key
        assert (said.style in (Style.LENGTH, Style.DIFFERENCE)) == bool(said.unit), key
        assert said.is_score == (said.style is Style.SCORE), key


def test_one_number_of_each_kind_is_tested_and_has_a_direction_and_a_name():
    tested = [(key, said) for key, said in described("nm") if said.is_tested]
    assert {(key[0], kind_of(key, said)) for key, said in tested} == TESTED
    assert all(said.scale.better and said.heading for _, said in tested)


def test_an_error_is_of_two_numbers_that_exist():
    kinds = {key[-1]: said for key, said in described("px")}
    errors = [each.deviation for each in kinds.values() if each.deviation]
    assert len(errors) == 3
    for each in errors:
        assert kinds[each.reference].style is kinds[each.prediction].style


def test_the_difference_of_two_shares_lies_between_minus_one_and_one():
    assert NumberScale(0, 1, Better.HIGHER).of_difference == NumberScale(-1, 1, Better.HIGHER)
    assert NumberScale(-1, 1, Better.HIGHER).of_difference == NumberScale(-2, 2, Better.HIGHER)


def test_a_number_without_a_description_does_not_come_into_a_report():
    with pytest.raises(TypeError, match="description"):
        Number(("mean", "wombats"), 0.5)
    with pytest.raises(ValueError, match="longer"):  # a metric with more columns than numbers
        plain_values([("mean", "iou")], np.array([0.5, 0.7]))


def test_every_number_of_a_classifier_is_described():
    files = [ClassifiedFile("a", "matrix", (0.9, 0.1)), ClassifiedFile("b", "iou", (0.2, 0.8))]
    report = classification_report(NAMES, files)
    written = report.as_json()
    for each in report.numbers:
        value = written
        for part in each.key:
            value = value[part]
        assert value == each.value
    found = {each.key for each in report.numbers}
    assert {("classes", name, kind) for name in NAMES for kind in written["classes"][name]} == {
        *(key for key in found if key[0] == "classes"),
        *(("classes", name, "support") for name in NAMES),  # how many files, which is no score
    }
    assert set(report.intervals) < found
    assert report.numbers[0].description.group is Group.OVERLAP
