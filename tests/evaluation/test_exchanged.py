"""Classes that look exchanged, and what is typed then."""

import numpy as np
import pytest

from emseg.evaluation.exchanged import Exchange, advice, exchange_of
from emseg.evaluation.meaning import MaskClasses
from emseg.micrograph import LabelClass

NAMES = ("a", "b", "c", "d")
NONE = np.zeros(4, np.int64)


def looked_at(*rows, missed=NONE, dice=False):
    return exchange_of(NAMES, np.array(rows), missed, dice=dice)


def test_two_classes_exchanged():
    found = looked_at([90, 0, 0, 0], [0, 1, 49, 0], [0, 50, 0, 0], [0, 0, 0, 0])
    assert found == Exchange(
        {"a": "a", "b": "c", "c": "b", "d": "d"},
        ("b", "c"),
        pytest.approx((1 + 49 / 50 + 50 / 51) / 3),
    )
    assert found.in_words == "b is taken as c and c as b"


def test_values_that_begin_at_one_and_not_at_zero():
    found = looked_at([0, 90, 0, 0], [0, 0, 50, 0], [0, 0, 0, 40], [0, 0, 0, 0])
    assert found.in_words == "b is taken as a, c as b and d as c"
    assert found.taken["a"] == "d"
    assert found.score == 1


def test_a_class_under_another_name():
    found = looked_at([90, 0, 0, 0], [0, 0, 0, 30], [0, 0, 20, 0], [0, 0, 0, 0])
    assert (found.in_words, found.score) == ("d is taken as b", 1)


@pytest.mark.parametrize(
    "counts",
    [
        [[90, 5, 0, 0], [9, 40, 0, 0], [0, 0, 9, 0], [0, 0, 0, 0]],  # as it should be
        [[0, 90, 0, 0], [0, 10, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],  # all is called b
        [[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]],  # all is called d
        [[25, 25, 25, 25]] * 4,  # chance
        [[90, 0, 0, 0], [0, 30, 20, 0], [0, 20, 30, 0], [0, 0, 0, 0]],  # confused, not exchanged
        [[0] * 4] * 4,
    ],
)
def test_poor_results_are_not_exchanged(counts):
    assert looked_at(*counts) is None


def test_more_classes_than_orders_can_be_tried():
    names = tuple(map(str, range(12)))
    counts = np.roll(np.eye(12, dtype=np.int64) * 10, 5, axis=1)
    found = exchange_of(names, counts, np.zeros(12, np.int64), dice=True)
    assert found.score == 1
    assert found.taken == {str((k + 5) % 12): str(k) for k in range(12)}


CLASSES = (LabelClass("a", (0, 0, 0), (0,)), LabelClass("b", (0, 0, 0), (255,)))
SWAPPED = Exchange({"a": "b", "b": "a"}, ("a", "b"), 1.0)


def test_what_is_typed():
    true = MaskClasses(CLASSES)
    assert advice(true)(SWAPPED) == "add --labels 0=b,255=a"
    own = MaskClasses((CLASSES[0], LabelClass("b", (0, 0, 0), (1,))), unlabelled=9)
    assert advice(own, true)(SWAPPED) == (
        "add --labels 0=a,1=b --prediction-labels 0=b,255=a --unlabelled 9"
    )
    folders = MaskClasses(CLASSES, per_class=True)
    assert advice(folders, true)(SWAPPED) == "add --prediction-labels 0=b,255=a"
    assert advice(folders)(SWAPPED).startswith("exchange the names in --masks")
    painted = MaskClasses((LabelClass("a", (0, 0, 0), (0x6DA34D,)), CLASSES[1]))
    assert advice(painted)(SWAPPED) == "add --labels '255=a,#6da34d=b'"
