"""Objects are what a file numbers, or what hangs together."""

import numpy as np
import pytest

from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.metrics.instances import ObjectScores
from emseg.evaluation.metrics.pieces import pieces
from emseg.micrograph import LabelClass, LabelImage

CLASSES = tuple(LabelClass(each, (0, 0, 0)) for each in ("background", "cell"))
TOUCHING = np.array([[0, 7, 7, 90000, 90000], [0, 7, 7, 90000, 90000], [0, 0, 0, 0, 0]])


def pair(prediction, reference, *, numbered=(True, True)):
    sides = [
        LabelImage((np.asarray(each) > 0).astype(np.uint8), CLASSES, "a")
        for each in (prediction, reference)
    ]
    numbers = [
        np.asarray(each) if own else None
        for each, own in zip((prediction, reference), numbered, strict=True)
    ]
    return ComparedPair("a", *sides, objects=tuple(numbers))


@pytest.mark.parametrize("largest", [90000, 1 << 40])
def test_touching_objects_stay_apart_where_the_file_numbers_them(largest):
    numbers = np.where(TOUCHING == 90000, largest, TOUCHING)
    found = pieces(pair(numbers, numbers), "prediction", 1, connectivity=8)
    assert found.tolist() == [[0, 1, 1, 2, 2], [0, 1, 1, 2, 2], [0, 0, 0, 0, 0]]


def test_what_hangs_together_is_one_object_where_it_does_not():
    found = pieces(
        pair(TOUCHING, TOUCHING, numbered=(False, True)), "prediction", 1, connectivity=4
    )
    assert found.max() == 1
    corners = np.array([[1, 0], [0, 1]])
    without = pair(corners, corners, numbered=(False, False))
    assert pieces(without, "reference", 1, connectivity=4).max() == 2
    assert pieces(without, "reference", 1, connectivity=8).max() == 1


def test_a_merged_pair_of_cells_is_found_only_where_objects_are_numbered():
    metric = ObjectScores(("background", "cell"), ("cell",))
    merged = (TOUCHING > 0).astype(int)

    def scores(given):
        (row,) = metric.scores([metric.look(given)], np.ones((1, 1)))
        return {
            key[-1]: value
            for key, value in zip(metric.numbers, row, strict=True)
            if key[0] != "mean"
        }

    alike = scores(pair(merged, TOUCHING, numbered=(False, False)))
    assert (alike["object_f1"], alike["objects_reference"]) == (1.0, 1)
    told = scores(pair(merged, TOUCHING))
    assert (told["objects_reference"], told["objects_prediction"]) == (2, 1)
    # half of the merged object is each cell, an IoU of 0.5: it is found as one of the two
    assert (told["object_recall"], told["object_precision"]) == (0.5, 1.0)
