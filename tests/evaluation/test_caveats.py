"""What a reader of a mean is told."""

import numpy as np
import pytest

from emseg.evaluation import ClassifiedFile, classification_report
from emseg.evaluation.caveats import Counts, caveats, of_pixels

NAMES = ("a", "b", "c")


def counted(*rows, scores, missed=(0, 0, 0)):
    return Counts(NAMES, np.array(rows), np.array(missed), scores)


def test_a_class_that_only_the_predictions_hold():
    found = counted([880, 0, 20], [0, 100, 0], [0, 0, 0], scores=(0.8, 0.9, 0.0))
    assert list(caveats(found)) == [
        "c is in the predictions only (20 pixels, 2.0 %): its IoU of 0 counts in the mean IoU, "
        "which is 0.567 with it and 0.850 without"
    ]
    assert found.as_json() == {
        "only_predicted": {"pixels": {"c": 20}, "mean_without": pytest.approx(0.85)}
    }


def test_classes_that_no_prediction_shows():
    found = counted([800, 0, 0], [60, 0, 0], [0, 0, 0], scores=(0.8, 0, 0), missed=(0, 40, 100))
    assert list(caveats(found)) == [
        "b, c are in the masks only (200 pixels, 20.0 %): their IoU of 0 counts in the mean IoU, "
        "which is 0.267 with them and 0.800 without"
    ]
    assert found.as_json()["never_predicted"]["pixels"] == {"b": 100, "c": 100}


def test_exchanged_classes_are_one_caveat():
    found = counted([0, 50, 0], [50, 0, 0], [0, 0, 9], scores=(0, 0, 1))
    assert list(caveats(found, lambda _: "add --this")) == [
        "classes look exchanged: the mean IoU is 0.333, and 1.000 where what the predictions call "
        "a is taken as b and b as a; if that is what they mean, add --this"
    ]
    assert found.as_json() == {"exchanged": {"taken": {"a": "b", "b": "a"}, "mean": 1.0}}


def test_nothing_is_said_of_what_both_hold_or_neither():
    assert not list(caveats(counted([9, 1, 0], [1, 9, 0], [0, 0, 0], scores=(0.8, 0.8, None))))


def test_a_classifier_too():
    files = [
        ClassifiedFile("1", "a", (0.9, 0.1, 0)),
        ClassifiedFile("2", "a", (0.9, 0.1, 0)),
        ClassifiedFile("3", "b", (0.2, 0.8, 0)),
        ClassifiedFile("4", "b", (0.2, 0, 0.8)),
    ]
    report = classification_report(NAMES, files)
    (said,) = report.caveats
    assert said.startswith("c is in the predictions only (1 image, 25.0 %): its F1 of 0 counts")
    assert report.as_json()["only_predicted"]["images"] == {"c": 1}


@pytest.mark.parametrize(
    ("labelled", "missed", "said"),
    [
        ({"a": 4, "b": 4}, 0, []),
        ({"a": 0, "b": 4, "c": 0}, 1, [
            "2 of 3 images have no labelled pixel and count in no number (a, c)",
            "25.0 % of the labelled pixels got no class; they count as missed",
        ]),
        ({"a": 0}, 0, [
            "no pixel of the masks is labelled, so that nothing is scored; check --unlabelled"
        ]),
    ],
)  # fmt: skip
def test_pixels_without_a_class_on_either_side(labelled, missed, said):
    assert list(of_pixels(labelled, missed)) == said
