"""Predictions that lie the wrong way round."""

import numpy as np
import pytest

from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.turned import find_turned, of_turned
from emseg.micrograph import LabelClass, LabelImage

CLASSES = (LabelClass("a", (0, 0, 0)), LabelClass("b", (0, 0, 0)))


def pair(found, true):
    images = (LabelImage(each.astype(np.uint8), CLASSES, "x") for each in (found, true))
    return ComparedPair("x", *images)


def scene(height, width):
    """An L and a spot, which look alike in no other orientation; a corner is unlabelled."""
    plane = np.zeros((height, width), np.uint8)
    plane[5:30, 6:10] = plane[26:30, 6:20] = plane[40:46, 33:50] = 1
    plane[-9:, -9:] = 255
    return plane


@pytest.mark.parametrize(
    ("turn", "how"),
    [
        (lambda each: each[:, ::-1], "mirrored left to right"),
        (lambda each: each[::-1], "mirrored top to bottom"),
        (lambda each: each[::-1, ::-1], "turned by 180°"),
        (lambda each: each.T, "transposed, rows for columns"),
        (lambda each: np.rot90(each), "turned by 90° clockwise"),
        (lambda each: np.rot90(each, -1), "turned by 90° anticlockwise"),
        (lambda each: np.rot90(each.T, 2), "mirrored about the other diagonal"),
    ],
)
@pytest.mark.parametrize("size", [60, 407])
def test_every_way_round_is_found(turn, how, size):
    plane = scene(size, size) if size < 99 else np.kron(scene(60, 60), np.ones((7, 7)))[:407, :407]
    found = find_turned(pair(turn(np.where(plane == 255, 0, plane)), plane))
    assert found.how == how
    assert found.mean_iou < 0.6
    assert found.turned_mean_iou > 0.9


def test_planes_that_are_not_square_are_turned_by_half_only():
    plane = scene(60, 80)
    assert find_turned(pair(plane[::-1, ::-1], plane)).how == "turned by 180°"


def test_good_and_poor_predictions_lie_as_they_should():
    plane = scene(60, 60)
    noise = np.random.default_rng(0).integers(0, 2, plane.shape)
    for found in (plane, np.roll(plane, 6, axis=1), noise, np.zeros((60, 60))):
        assert find_turned(pair(found, plane)) is None
    assert find_turned(pair(plane[:20, :20].T, plane[:20, :20])) is None  # too small to tell
    assert find_turned(pair(plane, np.full((60, 60), 255))) is None


def test_it_is_said_of_how_many_images():
    plane = scene(60, 60)
    (said,) = of_turned([find_turned(pair(plane.T, plane))], 3)
    assert said.startswith("predictions look turned in 1 of 3 images (x): their mean IoU is about ")
    assert said.endswith(
        "1.00 where the prediction is transposed, rows for columns; save predictions and masks the "
        "same way round"
    )
    assert not list(of_turned([], 3))
