"""Scores of label images."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    jaccard_score,
    precision_score,
    recall_score,
)

from emseg.evaluation import (
    Compared,
    Confusion,
    MetricSelection,
    segmentation_scores,
)
from emseg.evaluation.confidence import UnitSource
from emseg.evaluation.scoring import score
from emseg.micrograph import LabelClass, LabelImage, unlabelled_value


def segmentation_report(*given, **how):
    return score(*given, **how).report()


NAMES = ("matrix", "small", "large")


def scored(prediction, reference, names=NAMES):
    classes = tuple(LabelClass(each, (0, 0, 0)) for each in names)
    dtype = np.uint8 if len(names) <= 254 else np.uint16
    confusion = Confusion(names)
    confusion.update(
        LabelImage(np.array(prediction, dtype=dtype), classes, "prediction"),
        LabelImage(np.array(reference, dtype=dtype), classes, "reference"),
    )
    return segmentation_scores(confusion)


@st.composite
def index_pairs(draw):
    """Class indices of two images; degenerate ones (empty, one class, one pixel) come often."""
    classes = draw(st.sampled_from([1, 2, 3, 6, 300]))
    used = draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=4))
    values = st.sampled_from([*used, unlabelled_value(classes)])
    pixels = draw(st.lists(st.tuples(values, values), min_size=1, max_size=60))
    prediction, reference = np.array(pixels).T[:, None]
    return classes, prediction, reference


def test_the_scores_of_a_4_x_4_image_worked_out_by_hand():
    prediction = [
        [0, 0, 0, 1],
        [0, 0, 2, 1],
        [1, 1, 2, 2],
        [0, 255, 2, 2],
    ]
    reference = [
        [0, 0, 0, 0],
        [0, 0, 2, 2],
        [1, 1, 2, 2],
        [1, 1, 255, 255],
    ]
    scores = scored(prediction, reference)
    # matrix: 5 right, 6 predicted, 6 true. small: 2 right, 4 predicted, 4 true.
    # large: 3 right, 3 predicted (two more stand where the reference says nothing), 4 true.
    assert {name: each.iou for name, each in scores.classes.items()} == {
        "matrix": pytest.approx(5 / 7),
        "small": pytest.approx(2 / 6),
        "large": pytest.approx(3 / 4),
    }
    assert {name: each.dice for name, each in scores.classes.items()} == {
        "matrix": pytest.approx(10 / 12),
        "small": pytest.approx(4 / 8),
        "large": pytest.approx(6 / 7),
    }
    large = scores.classes["large"]
    assert (large.precision, large.recall) == (1.0, 0.75)
    assert (large.pixels_prediction, large.pixels_reference) == (3, 4)
    assert scores.mean_iou == pytest.approx(
        float(Fraction(5, 7) + Fraction(1, 3) + Fraction(3, 4)) / 3
    )
    assert scores.mean_dice == pytest.approx((10 / 12 + 4 / 8 + 6 / 7) / 3)
    assert scores.pixel_accuracy == pytest.approx(10 / 14)
    assert scores.pixels == 14


@given(index_pairs())
@settings(deadline=None, max_examples=150)
def test_scores_agree_with_scikit_learn(pair):
    classes, prediction, reference = pair
    names = tuple(f"class {index}" for index in range(classes))
    scores = scored(prediction, reference, names)
    unlabelled = unlabelled_value(classes)
    kept = reference != unlabelled
    true, predicted = reference[kept], prediction[kept]
    if true.size == 0:
        assert scores.pixel_accuracy is scores.mean_iou is scores.mean_dice is None
        assert scores.absent == names
        return
    assert scores.pixel_accuracy == pytest.approx(accuracy_score(true, predicted), abs=1e-12)
    present = sorted((set(true.tolist()) | set(predicted.tolist())) - {unlabelled})
    options = {"labels": present, "average": None, "zero_division": 0}
    for index, *expected in zip(
        present,
        jaccard_score(true, predicted, **options),
        f1_score(true, predicted, **options),
        precision_score(true, predicted, **options),
        recall_score(true, predicted, **options),
        strict=True,
    ):
        found = scores.classes[names[index]]
        assert [found.iou, found.dice, found.precision, found.recall] == pytest.approx(
            expected, abs=1e-12
        )
    assert set(scores.absent) == {name for i, name in enumerate(names) if i not in present}
    options["average"] = "macro"
    assert scores.mean_iou == pytest.approx(jaccard_score(true, predicted, **options), abs=1e-12)
    assert scores.mean_dice == pytest.approx(f1_score(true, predicted, **options), abs=1e-12)


@given(index_pairs())
@settings(deadline=None)
def test_iou_and_dice_do_not_ask_which_side_is_the_reference(pair):
    classes, prediction, reference = pair
    labelled = (prediction != unlabelled_value(classes)) & (reference != unlabelled_value(classes))
    first, second = prediction[labelled][None], reference[labelled][None]
    names = tuple(f"class {index}" for index in range(classes))
    there, back = scored(first, second, names), scored(second, first, names)
    for name in names:
        assert there.classes[name].iou == back.classes[name].iou
        assert there.classes[name].dice == back.classes[name].dice
        assert there.classes[name].precision == back.classes[name].recall
    assert there.pixel_accuracy == back.pixel_accuracy


@given(index_pairs())
@settings(deadline=None)
def test_an_image_against_itself_is_perfect(pair):
    classes, image, _ = pair
    names = tuple(f"class {index}" for index in range(classes))
    scores = scored(image, image, names)
    if (image == unlabelled_value(classes)).all():
        assert scores.mean_iou is None
    else:
        assert scores.mean_iou == scores.mean_dice == scores.pixel_accuracy == 1.0


def test_a_class_that_neither_side_holds_is_null_and_left_out_of_the_mean():
    scores = scored([[0, 0, 1, 1]], [[0, 1, 1, 1]])
    assert scores.classes["large"].iou is None
    assert scores.absent == ("large",)
    assert scores.mean_iou == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize(
    ("prediction", "reference"), [([[0, 0, 1]], [[0, 0, 0]]), ([[0, 0, 0]], [[0, 0, 1]])]
)
def test_a_class_that_only_one_side_holds_scores_zero_and_counts_in_the_mean(prediction, reference):
    scores = scored(prediction, reference)
    small = scores.classes["small"]
    assert [small.iou, small.dice, small.precision, small.recall] == [0.0, 0.0, 0.0, 0.0]
    assert scores.mean_iou == pytest.approx((2 / 3 + 0) / 2)


def test_where_the_prediction_says_nothing_it_is_wrong():
    scores = scored([[255, 255, 0, 1]], [[0, 0, 0, 1]])
    assert scores.classes["matrix"].recall == pytest.approx(1 / 3)
    assert scores.classes["matrix"].precision == 1.0
    assert scores.classes["small"].iou == 1.0
    assert scores.pixel_accuracy == 0.5


def test_where_the_reference_says_nothing_nothing_is_scored():
    scores = scored([[0, 1, 2, 2]], [[0, 1, 255, 255]])
    assert scores.mean_iou == scores.pixel_accuracy == 1.0
    assert scores.absent == ("large",)
    assert scores.pixels == 2


def small_report():
    classes = tuple(LabelClass(each, (0, 0, 0)) for each in NAMES)

    def compared(name, prediction, reference):
        images = (
            LabelImage(np.array(pixels, np.uint8), classes, name)
            for pixels in (prediction, reference)
        )
        return Compared(UnitSource(name, Path(f"{name}.tif")), *images)

    images = [compared("1", [[0, 0, 1, 1]], [[0, 1, 1, 1]]), compared("2", [[0]], [[255]])]
    return segmentation_report(NAMES, images, MetricSelection(metrics=("overlap",)))


def test_json_has_the_keys_of_metrics_json_and_null_for_what_is_absent():
    found = json.loads(json.dumps(small_report().as_json(), allow_nan=False))
    absent = {"iou": None, "dice": None, "precision": None, "recall": None}
    matrix = {"iou": 0.5, "dice": 2 / 3, "precision": 0.5, "recall": 1.0}
    small = {"iou": 2 / 3, "dice": 0.8, "precision": 1.0, "recall": 2 / 3}
    pooled = {
        "classes": {"matrix": matrix, "small": small, "large": absent},
        "mean": {"iou": pytest.approx(7 / 12), "dice": pytest.approx(11 / 15)},
        "pixel_accuracy": 0.75,
        "absent": ["large"],
    }
    nothing = {
        "classes": dict.fromkeys(NAMES, absent),
        "mean": {"iou": None, "dice": None},
        "pixel_accuracy": None,
        "absent": list(NAMES),
    }
    images = [{"name": "1", "pixels": 4, **pooled}, {"name": "2", "pixels": 0, **nothing}]
    assert found == {
        **pooled,
        "caveats": ["1 of 2 images has no labelled pixel and counts in no number (2)"],
        "confusion": {
            "names": list(NAMES),
            "pixels": [[1, 0, 0], [1, 2, 0], [0, 0, 0]],
            "missed": [0, 0, 0],
        },
        "intervals": None,  # one image has labels
        "settings": {"distance": "2 px"},
        "images": images,
    }


def test_rows_have_one_column_a_score_and_one_row_an_image():
    first, second = small_report().as_rows()
    assert first["image"] == "1"
    assert first["small.recall"] == pytest.approx(2 / 3)
    assert first["mean.iou"] == pytest.approx(7 / 12)
    assert second["pixel_accuracy"] is None
    assert list(first) == list(second)
