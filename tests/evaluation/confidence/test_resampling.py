"""Weights of units, and what leaving one out does."""

import numpy as np
import pytest
from scipy import stats

from emseg.evaluation.confidence import resampling
from emseg.evaluation.confidence.resampling import Jackknife, check_membership, resamples
from emseg.evaluation.confidence.resampling import statistic_of as statistic

from .conftest import Mean, Ratio, seen_of_mean, seen_of_ratio


def test_the_draws_do_not_depend_on_how_many_are_made_at_a_time():
    whole = np.concatenate(list(resamples(7, 100, 3, rows=100)))
    pieces = np.concatenate(list(resamples(7, 100, 3, rows=13)))
    assert whole.shape == (100, 7)
    np.testing.assert_array_equal(whole, pieces)
    assert (whole.sum(axis=1) == 7).all()
    assert not np.array_equal(whole, np.concatenate(list(resamples(7, 100, 4, rows=100))))


def test_weights_of_groups_become_weights_of_their_images():
    membership = np.array([[1, 1, 0], [0, 0, 1]])
    of_groups = statistic(Mean(), seen_of_mean([1, 2, 30]), membership)
    assert of_groups(np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]])).ravel().tolist() == [
        1.5,
        30.0,
        7.2,
    ]


@pytest.mark.parametrize(
    "membership",
    [
        [[1, 1, 0], [0, 1, 1]],  # an image in two units
        [[1, 0, 0], [0, 1, 0]],  # an image in none
        [[1, 1, 1], [0, 0, 0]],  # a unit without an image
        [[2, 0, 0], [0, 1, 1]],  # an image that counts twice
        [[1, 1], [0, 0]],
    ],
)
def test_a_membership_puts_each_image_into_one_unit(membership):
    with pytest.raises(ValueError, match="into one unit"):
        check_membership(np.array(membership), 3)


def test_the_standard_error_of_a_mean_is_that_of_the_textbook():
    values = np.random.default_rng(0).gamma(2, size=12)
    left_out = Jackknife.of(statistic(Mean(), seen_of_mean(values)), 12, 30)
    assert left_out.error[0] == pytest.approx(stats.sem(values), rel=1e-12)
    assert left_out.units[0] == 12


class Total(Mean):
    def of_sums(self, sums):
        return sums[:, :-1]


def test_the_standard_error_of_a_total_is_n_times_that_of_the_mean():
    values = np.random.default_rng(0).gamma(2, size=12)
    left_out = Jackknife.of(statistic(Total(), seen_of_mean(values)), 12, 30)
    assert left_out.error[0] == pytest.approx(12 * stats.sem(values), rel=1e-12)
    with_nothing = Jackknife.of(statistic(Total(), seen_of_mean([*values, 0])), 13, 30)
    assert with_nothing.units[0] == 13


def test_the_freedom_of_a_mean_follows_from_the_kurtosis():
    values = np.random.default_rng(1).lognormal(0, 1, size=25)
    left_out = Jackknife.of(statistic(Mean(), seen_of_mean(values)), 25, 60)
    kurtosis = stats.kurtosis(values, fisher=False)
    assert left_out.freedom[0] == pytest.approx(2 * 25 / (kurtosis - 1), rel=1e-9)


def test_the_freedom_is_never_more_than_that_of_t():
    left_out = Jackknife.of(statistic(Mean(), seen_of_mean([0, 1] * 8)), 16, 40)
    assert left_out.freedom[0] == 15


def test_an_image_without_the_class_does_not_bear_on_its_number():
    seen = seen_of_ratio([3, 1, 0, 2, 0], [4, 2, 0, 4, 0])
    left_out = Jackknife.of(statistic(Ratio(), seen), 5, 10)
    assert left_out.units[0] == 3
    with_class = Jackknife.of(statistic(Ratio(), seen_of_ratio([3, 1, 2], [4, 2, 4])), 3, 10)
    assert left_out.error == pytest.approx(with_class.error, rel=1e-12)


def test_a_number_of_one_image_alone_is_undefined_without_it():
    left_out = Jackknife.of(statistic(Ratio(), seen_of_ratio([3, 0, 0], [4, 0, 0])), 3, 10)
    assert left_out.units[0] == 1
    assert np.isnan(left_out.deviations[0, 0])


def test_units_are_left_out_alike_in_pieces(monkeypatch):
    seen = seen_of_mean(np.random.default_rng(2).normal(size=(11, 3)))
    whole = Jackknife.of(statistic(Mean(3), seen), 11, 25)
    monkeypatch.setattr(resampling, "_MOST", 100)
    pieces = Jackknife.of(statistic(Mean(3), seen), 11, 25)
    np.testing.assert_allclose(whole.deviations, pieces.deviations, rtol=1e-12)
