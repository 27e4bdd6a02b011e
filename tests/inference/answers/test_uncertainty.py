"""Entropy of probabilities: 0 is certain, 1 is any class."""

import numpy as np
import pytest
from scipy.stats import entropy as by_scipy

from emseg.inference.answers.uncertainty import entropy


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_it_is_that_of_scipy_over_the_logarithm_of_the_classes(classes):
    rng = np.random.default_rng(classes)
    probabilities = rng.dirichlet(np.full(classes, 0.3), (5, 4)).astype(np.float32)
    found = entropy(np.moveaxis(probabilities, -1, 0))
    assert found.dtype == np.float32
    assert found.shape == (5, 4)
    expected = by_scipy(probabilities.astype(np.float64), axis=-1) / np.log(classes)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(entropy(probabilities, axis=-1), found)


def test_certain_is_0_and_any_class_is_1():
    probabilities = np.array([[1, 0.25], [0, 0.25], [0, 0.25], [0, 0.25]], np.float32)
    assert entropy(probabilities).tolist() == [0, 1]


def test_no_number_stays_none():
    assert np.isnan(entropy(np.array([[np.nan], [0.5]], np.float32))).all()
