"""Intervals of numbers by resampling the independent unit."""

import logging

import numpy as np
import pytest
from scipy import stats

from emseg.evaluation.confidence import FEW, intervals, resampling
from emseg.evaluation.confidence.intervals import BOOTSTRAP, EQUAL, STUDENT, percentiles
from emseg.evaluation.description import NumberScale

from .conftest import SCORE, Mean, Ratio, seen_of_mean, seen_of_ratio


def expanded_level(n, freedom=None):
    """Confidence level of percentiles that make a 95 % interval of n values, from the paper."""
    t = stats.t.ppf(0.975, freedom or n - 1)
    return 1 - 2 * stats.norm.cdf(-np.sqrt(n / (n - 1)) * t)


@pytest.mark.parametrize("n", [12, 40])
def test_percentiles_agree_with_those_of_scipy(n):
    values = np.linspace(0, 1, n) ** 1.5  # of small kurtosis: the freedom is n - 1
    found = intervals(Mean(), seen_of_mean(values), draws=20_000)[0]
    expected = stats.bootstrap(
        (values,),
        np.mean,
        method="percentile",
        n_resamples=20_000,
        confidence_level=expanded_level(n),
        rng=np.random.default_rng(5),
    ).confidence_interval
    tolerance = 0.04 * (expected.high - expected.low)  # of two times 20,000 draws
    assert found.low == pytest.approx(expected.low, abs=tolerance)
    assert found.high == pytest.approx(expected.high, abs=tolerance)
    assert (found.method, found.few_units, found.units) == (BOOTSTRAP, False, n)


def test_a_heavy_tail_widens_the_percentiles():
    values = np.random.default_rng(0).lognormal(0, 1.2, 30)
    freedom = 2 * 30 / (stats.kurtosis(values, fisher=False) - 1)
    found = intervals(Mean(), seen_of_mean(values), draws=20_000)[0]
    expected = stats.bootstrap(
        (values,),
        np.mean,
        method="percentile",
        n_resamples=20_000,
        confidence_level=expanded_level(30, freedom),
        rng=np.random.default_rng(5),
    ).confidence_interval
    assert freedom < 20
    assert found.high - found.low == pytest.approx(expected.high - expected.low, rel=0.05)


@pytest.mark.parametrize("n", [2, 3, 9])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_few_units_have_the_t_interval_of_the_textbook(n, level):
    values = np.random.default_rng(n).normal(5, 2, n)
    found = intervals(Mean(), seen_of_mean(values), level=level)[0]
    expected = stats.ttest_1samp(values, 0).confidence_interval(level)
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=1e-9)
    assert (found.method, found.few_units, found.units) == (STUDENT, True, n)
    assert found.level == level


def test_a_ratio_of_few_images_is_that_of_the_jackknife_written_out():
    above, below = np.array([3, 5, 1, 7.0]), np.array([4, 9, 2, 9.0])
    found = intervals(Ratio(), seen_of_ratio(above, below))[0]
    whole = above.sum() / below.sum()
    without = (above.sum() - above) / (below.sum() - below)
    error = np.sqrt(3 / 4 * ((without - without.mean()) ** 2).sum())
    reach = stats.t.ppf(0.975, 3) * error
    assert (found.low, found.high) == pytest.approx((whole - reach, whole + reach), rel=1e-9)


def test_an_interval_stays_where_its_number_can_lie():
    seen = seen_of_mean([0.99, 0.6, 0.97])
    share, length = (intervals(Mean(scale=scale), seen)[0] for scale in (SCORE, NumberScale()))
    assert share.high == 1
    assert length.high > 1
    assert share.low == length.low


def test_ten_units_are_not_few_and_nine_are():
    values = np.arange(FEW) ** 2.0
    assert intervals(Mean(), seen_of_mean(values))[0].method == BOOTSTRAP
    assert intervals(Mean(), seen_of_mean(values[1:]))[0].few_units


def test_a_rare_class_has_few_units_among_many_images():
    below = np.zeros(40)
    below[[3, 8, 20]] = 9, 5, 7
    above = below.copy()
    above[3] = 2
    rare, usual = intervals(
        Ratio(2),
        seen_of_ratio(np.c_[above, np.arange(40)], np.c_[below, np.full(40, 39)]),
    )
    assert (rare.units, rare.method, rare.few_units) == (3, STUDENT, True)
    assert (usual.units, usual.method, usual.few_units) == (40, BOOTSTRAP, False)


def test_equal_units_say_that_they_are_equal():
    for count in (4, 30):
        found = intervals(Mean(scale=SCORE), seen_of_mean([0.7] * count))[0]
        assert (found.low, found.high) == pytest.approx((0.7, 0.7), abs=1e-15)
        assert found.method == EQUAL


def test_one_unit_none_and_an_undefined_number_have_no_interval():
    assert intervals(Mean(), seen_of_mean([1.0])) == (None,)
    one_group = np.ones((1, 5))
    assert intervals(Mean(), seen_of_mean(np.arange(5)), one_group) == (None,)
    assert intervals(Ratio(), seen_of_ratio(np.zeros(20), np.zeros(20))) == (None,)


def test_no_draws_are_no_intervals():
    assert intervals(Mean(2), seen_of_mean(np.eye(12, 2)), draws=0) == (None, None)


def test_a_number_of_one_image_only_has_no_interval_and_no_notice(caplog):
    below = np.eye(1, 30, 4).ravel()
    assert intervals(Ratio(), seen_of_ratio(below, below)) == (None,)
    assert not caplog.records


class DefinedOftenEnough(Mean):
    """A mean that only mixtures of most of the images have."""

    def scores(self, seen, weights):
        found = super().scores(seen, weights)
        found[(weights[:, :1] == 0).ravel() & (weights.sum(axis=1) == len(seen))] = np.nan
        return found


def test_a_number_undefined_in_many_resamples_has_no_interval_and_a_notice(caplog):
    caplog.set_level(logging.WARNING)
    assert intervals(DefinedOftenEnough(), seen_of_mean(np.arange(20))) == (None,)
    assert [each.message.split(":")[0] for each in caplog.records] == ["no interval for 0.length"]


class LargestRatio(Ratio):
    """Infinite where nothing is below the line."""

    def of_sums(self, sums):
        half = sums.shape[1] // 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return sums[:, :half] / sums[:, half:]


def test_an_infinite_number_is_not_defined():
    above, below = np.ones(12), np.zeros(12)
    assert intervals(LargestRatio(), seen_of_ratio(above, below)) == (None,)
    below[3] = 1
    assert intervals(LargestRatio(), seen_of_ratio(above, below)) == (None,)


def test_copies_of_images_within_a_group_change_nothing():
    values = np.random.default_rng(3).gamma(2, size=(15, 4))
    alone = intervals(Mean(4), seen_of_mean(values), unit="group")
    twice = intervals(
        Mean(4), seen_of_mean(np.repeat(values, 2, axis=0)), np.repeat(np.eye(15), 2, axis=1)
    )
    for one, two in zip(alone, twice, strict=True):
        assert (two.low, two.high) == pytest.approx((one.low, one.high), rel=1e-12)
        assert (two.units, two.unit) == (15, "group")


def test_copies_of_images_that_pass_for_units_make_it_too_narrow():
    values = np.random.default_rng(3).gamma(2, size=15)
    alone = intervals(Mean(), seen_of_mean(values))[0]
    twice = intervals(Mean(), seen_of_mean(np.repeat(values, 4)))[0]
    assert twice.high - twice.low < 0.6 * (alone.high - alone.low)


def test_a_seed_repeats_and_another_differs():
    seen = seen_of_mean(np.random.default_rng(4).normal(size=20))
    first = intervals(Mean(), seen, seed=1)
    assert first == intervals(Mean(), seen, seed=1)
    assert first != intervals(Mean(), seen, seed=2)


def test_little_memory_gives_the_same_interval(monkeypatch):
    seen = seen_of_mean(np.random.default_rng(4).normal(size=(20, 2)))
    whole = intervals(Mean(2), seen)
    monkeypatch.setattr(resampling, "_MOST", 500)
    for one, two in zip(whole, intervals(Mean(2), seen), strict=True):
        assert (two.low, two.high) == pytest.approx((one.low, one.high), rel=1e-12)


def test_a_unit_is_called_what_the_caller_calls_it():
    seen = seen_of_mean([1, 2, 4])
    assert intervals(Mean(), seen)[0].unit == "image"
    assert intervals(Mean(), seen, unit="block of one image")[0].unit == "block of one image"


def test_percentiles_written_out():
    drawn = np.array([[4, np.nan], [1, 20], [2, 10], [3, np.nan]])
    levels = np.array([[0.4, 0.1], [0.8, 0.5]])
    # numbers 2 and 4 of four; the lowest, and between both, of two
    np.testing.assert_allclose(percentiles(drawn, levels), [[2, 10], [4, 15]])


@pytest.mark.parametrize("kind", ["normal", "exponential", "pooled share"])
def test_intervals_of_30_units_hold_the_truth_in_95_percent_of_the_cases(kind):
    random, datasets = np.random.default_rng(11), 500
    if kind == "pooled share":
        size = random.lognormal(8, 0.5, (30, datasets))
        right = size * random.beta(4, 2, (30, datasets))
        metric, seen, truth = Ratio(datasets), seen_of_ratio(right, size), 4 / 6
    else:
        draw = {"normal": random.normal, "exponential": random.exponential}[kind]
        metric, seen = Mean(datasets), seen_of_mean(draw(size=(30, datasets)))
        truth = 0.0 if kind == "normal" else 1.0
    held = [each.low <= truth <= each.high for each in intervals(metric, seen)]
    # 3 standard errors of 500 datasets are 2.9 %; too narrow by a tenth would cover 92 %
    assert 0.92 <= np.mean(held) <= 0.98
