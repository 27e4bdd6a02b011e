"""Range and direction of numbers, by their names."""

from math import inf

import pytest

from emseg.evaluation.confidence import Better, NumberScale, scale_of


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (("classes", "small", "iou"), NumberScale(0, 1, Better.HIGHER)),
        (("mean", "boundary_f1"), NumberScale(0, 1, Better.HIGHER)),
        (("top_k", "5"), NumberScale(0, 1, Better.HIGHER)),
        (("cohen_kappa",), NumberScale(-1, 1, Better.HIGHER)),
        (("brier_score",), NumberScale(0, 2, Better.LOWER)),
        (("classes", "cell", "adapted_rand_error"), NumberScale(0, 1, Better.LOWER)),
        (("classes", "cell", "adapted_rand_recall"), NumberScale(0, 1, Better.HIGHER)),
        (("classes", "cell", "vi_split"), NumberScale(0, inf, Better.LOWER)),
        (("classes", "cell", "hausdorff_95_nm"), NumberScale(0, inf, Better.LOWER)),
        (("calibration_error",), NumberScale(0, 1, Better.LOWER)),
        (("classes", "gold", "area_fraction"), NumberScale(0, 1, None)),
        (("classes", "gold", "area_fraction_error"), NumberScale(-inf, inf, Better.NEARER_ZERO)),
        (("classes", "gold", "mean_diameter_nm"), NumberScale(0, inf, None)),
        (("classes", "gold", "objects_reference"), NumberScale(0, inf, None)),
        (("wombats",), NumberScale(-inf, inf, None)),
    ],
)
def test_a_name_says_range_and_direction(key, expected):
    assert scale_of(key) == expected


def test_the_name_of_a_class_says_nothing():
    assert scale_of(("classes", "iou", "wombats")) == NumberScale()


def test_the_difference_of_two_shares_lies_between_minus_one_and_one():
    assert scale_of(("mean", "iou")).of_difference == NumberScale(-1, 1, Better.HIGHER)
    assert scale_of(("kappa",)).of_difference == NumberScale(-2, 2, Better.HIGHER)
