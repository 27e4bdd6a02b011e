"""What a user measures, in the prediction and in the reference."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from emseg.calibration import PixelSize, Smallest
from emseg.errors import MismatchError
from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.metrics.quantities import MeasuredQuantities
from emseg.micrograph import LabelClass, LabelImage

NAMES = ("matrix", "particle")
NM = PixelSize(2.0, 0.5, "a test")


def pair(prediction, reference, pixel_size=NM, name="a"):
    classes = tuple(LabelClass(each, (0, 0, 0)) for each in NAMES)
    sides = (
        LabelImage(np.asarray(each, np.uint8), classes, name, pixel_size=pixel_size)
        for each in (prediction, reference)
    )
    return ComparedPair(name, *sides)


def squares(*sides, size=64):
    """One square a side, in a row of cells that never touch."""
    image = np.zeros((size, size * len(sides) or size), np.uint8)
    for place, side in enumerate(sides):
        image[4 : 4 + side, place * size + 4 : place * size + 4 + side] = 1
    return image


def numbers(metric, pairs, weights=None):
    seen = [metric.look(each) for each in pairs]
    weights = np.ones((1, len(pairs))) if weights is None else np.asarray(weights, float)
    return [
        {key[1:]: value for key, value in zip(metric.numbers, row, strict=True)}
        for row in metric.scores(seen, weights)
    ]


def diameters(*sides):
    return [np.sqrt(4 * side * side / np.pi) for side in sides]  # a pixel has an area of 1 nm2


def test_quantities_of_squares_worked_out_by_hand():
    metric = MeasuredQuantities(NAMES, ("particle",), "nm")
    (found,) = numbers(metric, [pair(squares(10, 20, 5), squares(10, 22, 0))])
    assert found["particle", "area_fraction"] == pytest.approx(525 / (64 * 192))
    assert found["particle", "area_fraction_reference"] == pytest.approx(584 / (64 * 192))
    assert found["particle", "area_fraction_error"] == pytest.approx(-59 / (64 * 192))
    assert found["matrix", "area_fraction_error"] == pytest.approx(59 / (64 * 192))
    assert found["particle", "count_error"] == pytest.approx(0.5)
    mean, true = np.mean(diameters(10, 20, 5)), np.mean(diameters(10, 22))
    assert found["particle", "mean_diameter_nm"] == pytest.approx(mean)
    assert found["particle", "mean_diameter_reference_nm"] == pytest.approx(true)
    assert found["particle", "mean_diameter_error_nm"] == pytest.approx(mean - true)
    expected = wasserstein_distance(diameters(10, 20, 5), diameters(10, 22))
    assert found["particle", "size_distance_nm"] == pytest.approx(expected)


def test_mixtures_of_images_weigh_their_objects():
    metric = MeasuredQuantities(NAMES, ("particle",), "nm")
    rng = np.random.default_rng(0)
    sides = [rng.integers(1, 40, (2, count)) for count in (3, 1, 5)]
    pairs = [pair(squares(*found), squares(*true)) for found, true in sides]
    mixtures = [[1, 1, 1], [0, 2, 1], [3, 0, 0]]
    for mixture, found in zip(mixtures, numbers(metric, pairs, mixtures), strict=True):
        repeated = [np.repeat(diameters(*s[0]), w) for s, w in zip(sides, mixture, strict=True)]
        true = [np.repeat(diameters(*s[1]), w) for s, w in zip(sides, mixture, strict=True)]
        expected = wasserstein_distance(np.concatenate(repeated), np.concatenate(true))
        assert found["particle", "size_distance_nm"] == pytest.approx(expected, abs=1e-9)


def test_specks_are_left_out_on_both_sides():
    metric = MeasuredQuantities(NAMES, ("particle",), "nm", Smallest(100))
    (found,) = numbers(metric, [pair(squares(10, 20, 9), squares(10, 20, 3))])
    assert found["particle", "count_error"] == 0
    assert found["particle", "size_distance_nm"] == 0
    assert found["particle", "area_fraction"] == pytest.approx((500 + 81) / (64 * 192))


def test_what_the_reference_leaves_unlabelled_is_not_measured():
    prediction, reference = squares(10, 20), squares(10, 20)
    reference[:, 64:] = 255
    (found,) = numbers(
        MeasuredQuantities(NAMES, ("particle",), "nm"), [pair(prediction, reference)]
    )
    assert found["particle", "area_fraction"] == found["particle", "area_fraction_reference"]
    assert found["particle", "count_error"] == 0
    assert found["particle", "mean_diameter_nm"] == pytest.approx(diameters(10)[0])


@pytest.mark.parametrize(
    ("prediction", "reference", "defined"),
    [
        (squares(), squares(), set()),
        (squares(9), squares(), {"mean_diameter_nm"}),
        (squares(), squares(9), {"mean_diameter_reference_nm", "count_error"}),
    ],
)
def test_without_objects_there_is_no_size(prediction, reference, defined):
    (found,) = numbers(
        MeasuredQuantities(NAMES, ("particle",), "nm"), [pair(prediction, reference)]
    )
    of_objects = {key[1] for key, value in found.items() if not np.isnan(value)}
    assert (
        of_objects
        - {
            "area_fraction",
            "area_fraction_reference",
            "area_fraction_error",
        }
        == defined
    )


def test_pixels_and_nanometres_are_never_mixed():
    metric = MeasuredQuantities(NAMES, ("particle",), "nm")
    with pytest.raises(MismatchError, match=r"b has no pixel size.*--distance 2px"):
        metric.look(pair(squares(3), squares(3), None, "b"))
    (found,) = numbers(
        MeasuredQuantities(NAMES, ("particle",), "px"), [pair(squares(10), squares(10))]
    )
    assert found["particle", "mean_diameter_px"] == pytest.approx(np.sqrt(400 / np.pi))
