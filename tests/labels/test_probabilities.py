"""Probabilities are told from labels."""

import numpy as np
import pytest

from emseg.errors import LabelError
from emseg.labels import refuse_probabilities
from emseg.labels.masks import mask_plane
from emseg.labels.probabilities import probabilities_in
from emseg.micrograph import Micrograph

RNG = np.random.default_rng(0)
ONE = RNG.random((1, 20, 30)).astype(np.float32)
THREE = RNG.dirichlet((1, 1, 1), (20, 30)).transpose(2, 0, 1)


def scaled(values, most, dtype):
    return np.round(values * most).astype(dtype)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (ONE, r"probabilities \(float32, 0\.0\d+ to 1\)"),
        (ONE.astype(np.float16), r"probabilities \(float16, "),
        (THREE, r"probabilities of 3 classes \(float64, "),
        (
            scaled(THREE, 255, np.uint8),
            r"probabilities of 3 classes \(uint8, which add up to 255\)",
        ),
        (
            scaled(THREE, 65535, np.uint16),
            r"probabilities of 3 classes \(uint16, which add up to 65535\)",
        ),
    ],
)
def test_probabilities_are_known(pixels, said):
    with pytest.raises(LabelError, match=rf"^the prediction p holds {said}.* and no labels"):
        refuse_probabilities(Micrograph(pixels, "p"), "the prediction")


@pytest.mark.parametrize(
    "pixels",
    [
        np.array([[[0.0, 1.0, 1.0]]]),
        np.array([[[0.0, 2.5]]]),
        np.array([[[np.nan, 0.5]]]),
        np.array([[[0, 100, 255]]], np.uint8),
        scaled(RNG.random((3, 20, 30)), 255, np.uint8),  # a colour picture
        np.array([[[255, 0, 0]], [[0, 255, 0]], [[0, 0, 255]]], np.uint8),  # a colour mask
        np.zeros((1, 0, 0), np.float32),
    ],
)
def test_other_numbers_are_none(pixels):
    assert probabilities_in(pixels) is None


def test_no_mask_is_made_of_probabilities():
    with pytest.raises(LabelError, match="arg-max over the classes"):
        mask_plane(Micrograph(ONE, "p"))
