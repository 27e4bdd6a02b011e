"""Means over fields of view with their intervals."""

import numpy as np
import pytest
from scipy import stats

from emseg.measuring import area_fraction, number_density


def test_the_interval_of_equal_fields_is_that_of_astm_e562():
    fractions = np.array([0.21, 0.25, 0.19, 0.23, 0.27])
    found = area_fraction(fractions)
    interval = stats.t.interval(0.95, 4, fractions.mean(), stats.sem(fractions))
    assert found.mean == pytest.approx(fractions.mean())
    assert (found.low, found.high) == pytest.approx(interval)
    assert found.std == pytest.approx(fractions.std(ddof=1))
    half = (interval[1] - interval[0]) / 2
    assert found.relative_accuracy == pytest.approx(100 * half / fractions.mean())
    assert (found.fields, found.few) == (5, True)
    assert area_fraction(fractions, areas=np.full(5, 3e6)).low == pytest.approx(found.low)
    assert area_fraction(fractions, level=0.99).low < found.low


def test_fields_of_other_sizes_count_by_their_area():
    found = area_fraction([0.1, 0.4], areas=[300, 100])
    assert found.mean == pytest.approx(70 / 400)
    # the jackknife of two: each is left out once
    error = np.sqrt(1 / 2 * 2 * 0.15**2)
    assert found.relative_accuracy == pytest.approx(
        100 * stats.t.ppf(0.975, 1) * error / found.mean
    )


def test_an_interval_stays_between_0_and_1():
    found = area_fraction([0.0, 0.9])
    assert (found.low, found.high) == (0, 1)


def test_one_field_has_no_interval_and_none_no_mean():
    one = area_fraction([0.3])
    assert (one.mean, one.low, one.high, one.std, one.fields) == (0.3, None, None, None, 1)
    none = area_fraction([])
    assert (none.mean, none.fields, none.few) == (None, 0, True)


def test_fields_without_labels_are_left_out():
    found = area_fraction([0.2, np.nan, 0.4], areas=[10, 0, 10])
    assert found.mean == pytest.approx(0.3)
    assert found.fields == 2


def test_a_class_that_is_nowhere_has_the_fraction_0():
    found = area_fraction([0.0] * 12)
    assert (found.mean, found.low, found.high, found.relative_accuracy) == (0, 0, 0, None)
    assert not found.few


def test_number_density_is_of_all_the_area():
    found = number_density([10, 20, 30], [1e6, 1e6, 2e6])
    assert found.mean == pytest.approx(60 / 4e6)
    assert found.std == pytest.approx(np.std([10e-6, 20e-6, 15e-6], ddof=1))
    assert number_density([4], [2.0]).low is None
    assert number_density([4], [2.0]).mean == 2


def test_the_interval_of_a_density_holds_the_true_one():
    rng = np.random.default_rng(9)
    held = 0
    for _ in range(500):
        areas = rng.uniform(1, 3, 15)
        found = number_density(rng.poisson(40 * areas), areas)
        held += found.low <= 40 <= found.high
    assert 0.92 < held / 500 < 0.98
