"""Whether B is better than A, on the same images."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from emseg.errors import MismatchError
from emseg.evaluation.confidence import (
    Difference,
    Interval,
    adjusted,
    compare,
    holm,
    resampling,
)
from emseg.evaluation.confidence.comparison import fewest_units
from emseg.evaluation.confidence.intervals import BOOTSTRAP
from emseg.evaluation.description import DISTANCE, Better, NumberScale

from .conftest import SCORE, Mean, Ratio, seen_of_mean, seen_of_ratio

ERROR = NumberScale(better=Better.NEARER_ZERO)


def difference(p_value=0.01, value=0.1, better=Better.HIGHER, least_p=0.001, tests=1):
    interval = Interval(value - 0.05, value + 0.05, 0.95, 20, "image", BOOTSTRAP, False)
    return Difference(0.5, 0.5 + value, value, interval, p_value, 20, better, least_p, tests)


@pytest.mark.parametrize("n", [6, 9])
def test_the_test_of_a_mean_is_that_of_scipy(n):
    random = np.random.default_rng(n)
    a, b = random.normal(0, 1, (2, n))
    b += 0.6
    found = compare(Mean(), seen_of_mean(a), seen_of_mean(b))[0]
    expected = stats.permutation_test(
        (b, a), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    )
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-12)
    assert found.value == pytest.approx(expected.statistic, rel=1e-12)


def test_the_test_of_a_ratio_is_that_of_all_swaps_written_out():
    random = np.random.default_rng(8)
    above, below = random.integers(1, 40, (2, 2, 7)).astype(float)
    below += above

    def of_swap(swap):
        rows, columns = np.array(swap), np.arange(7)
        b = above[1 - rows, columns].sum() / below[1 - rows, columns].sum()
        return b - above[rows, columns].sum() / below[rows, columns].sum()

    observed = of_swap((0,) * 7)
    swaps = [of_swap(swap) for swap in product((0, 1), repeat=7)]
    expected = np.mean([abs(each) >= abs(observed) - 1e-12 for each in swaps])
    seen = (seen_of_ratio(above[side], below[side]) for side in (0, 1))
    found = compare(Ratio(), *seen)[0]
    assert found.p_value == pytest.approx(expected, rel=1e-12)
    assert found.value == pytest.approx(observed, rel=1e-12)
    assert found.b - found.a == pytest.approx(observed, rel=1e-12)


def test_random_swaps_agree_with_all_swaps():
    random = np.random.default_rng(2)
    a = random.normal(0, 1, 13)
    b = a + random.normal(0.4, 1, 13)
    found = compare(Mean(), seen_of_mean(a), seen_of_mean(b))[0]
    swaps = np.array(list(product((-1, 1), repeat=13)))
    means = np.abs(swaps @ (b - a)) / 13
    expected = np.mean(means >= abs(np.mean(b - a)) - 1e-12)
    assert found.p_value == pytest.approx(expected, abs=4 * np.sqrt(expected / 10_000))


def test_random_swaps_never_give_a_p_value_of_zero():
    a = np.random.default_rng(2).normal(0, 1, 40)
    found = compare(Mean(), seen_of_mean(a), seen_of_mean(a + 1), permutations=99)[0]
    assert found.p_value == 1 / 100


def test_the_interval_is_that_of_the_paired_differences():
    random = np.random.default_rng(5)
    a = random.normal(0, 10, 8)
    b = a + random.normal(0.5, 1, 8)
    found = compare(Mean(), seen_of_mean(a), seen_of_mean(b))[0]
    expected = stats.ttest_1samp(b - a, 0).confidence_interval(0.95)
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(expected), rel=1e-9)


def test_the_bootstrap_interval_of_a_difference_is_paired():
    random = np.random.default_rng(5)
    a = random.normal(0, 10, 30)
    gain = random.normal(0.5, 1, 30)
    found = compare(Mean(), seen_of_mean(a), seen_of_mean(a + gain))[0].interval
    width = 2 * stats.t.ppf(0.975, 29) * stats.sem(gain)
    assert found.high - found.low == pytest.approx(width, rel=0.1)


def test_below_six_units_there_is_no_p_value_and_no_verdict():
    for units, known in ((5, False), (6, True)):
        a = np.linspace(0.1, 0.2, units)
        found = compare(Mean(scale=SCORE), seen_of_mean(a), seen_of_mean(a + 0.5))[0]
        assert (found.p_value is not None) == known
        assert found.verdict == ("B is better" if known else "too few units to tell")
    assert found.p_value == 2 / 2**6
    assert found.units == 6


def test_units_are_groups_where_there_are_groups():
    a = np.arange(12.0)
    membership = np.repeat(np.eye(4), 3, axis=1)
    found = compare(Mean(), seen_of_mean(a), seen_of_mean(a + 5), membership)[0]
    assert (found.units, found.p_value, found.interval.unit) == (4, None, "group")
    of_six = compare(Mean(), seen_of_mean(a), seen_of_mean(a + 5), np.repeat(np.eye(6), 2, axis=1))[
        0
    ]
    assert of_six.p_value == 2 / 2**6


def test_equal_results_have_nothing_to_test():
    seen = seen_of_mean(np.arange(20.0))
    found = compare(Mean(scale=SCORE), seen, seen)[0]
    assert (found.value, found.p_value, found.verdict) == (0, None, "no difference shown")
    assert (found.interval.low, found.interval.high) == (0, 0)


def test_swapping_a_and_b_turns_the_verdict_round():
    random = np.random.default_rng(6)
    a = random.normal(0.5, 0.05, 15)
    seen = seen_of_mean(a), seen_of_mean(a + random.normal(0.1, 0.02, 15))
    there, back = compare(Mean(scale=SCORE), *seen)[0], compare(Mean(scale=SCORE), *seen[::-1])[0]
    assert (there.verdict, back.verdict) == ("B is better", "A is better")
    assert there.value == -back.value
    assert there.p_value == back.p_value


def test_of_signed_errors_the_one_nearer_to_zero_is_better():
    errors = np.random.default_rng(6).normal(-0.2, 0.01, (2, 15))
    worse, opposite = seen_of_mean(errors[0]), seen_of_mean(-errors[1] / 2)
    found = compare(Mean(scale=ERROR), worse, opposite)[0]
    assert found.a == pytest.approx(-0.2, abs=0.01)
    assert found.b == pytest.approx(0.1, abs=0.01)
    assert found.value == pytest.approx(-0.1, abs=0.01)
    assert found.verdict == "B is better"


def test_errors_of_opposite_sign_and_equal_size_are_equally_good():
    errors = np.random.default_rng(6).normal(-0.2, 0.01, (2, 15))
    found = compare(
        Mean(scale=ERROR),
        seen_of_mean(errors[0]),
        seen_of_mean(-errors[1]),
    )[0]
    assert found.p_value < 0.01
    assert found.interval.low < 0 < found.interval.high
    assert found.verdict == "no difference shown"


def test_a_number_undefined_for_one_of_the_two_has_no_difference():
    defined, undefined = seen_of_ratio(np.ones(8), 2 * np.ones(8)), seen_of_ratio(*np.zeros((2, 8)))
    assert compare(Ratio(), defined, undefined) == (None,)


def test_two_results_are_of_the_same_images():
    with pytest.raises(MismatchError, match="A has 3 images and B 2"):
        compare(Mean(), seen_of_mean([1, 2, 3]), seen_of_mean([1, 2]))


def test_a_seed_repeats_and_pieces_change_nothing(monkeypatch):
    a, b = np.random.default_rng(9).normal(0, 1, (2, 20))
    seen = seen_of_mean(a), seen_of_mean(b + 0.4)
    first = compare(Mean(), *seen, permutations=500, seed=3)[0]
    assert first == compare(Mean(), *seen, permutations=500, seed=3)[0]
    others = [compare(Mean(), *seen, permutations=500, seed=seed)[0] for seed in range(4, 8)]
    assert len({each.p_value for each in others}) > 1
    assert len({each.interval.low for each in others}) == 4
    monkeypatch.setattr(resampling, "_MOST", 3000)
    assert compare(Mean(), *seen, permutations=500, seed=3)[0].p_value == first.p_value


def test_without_a_difference_5_percent_of_the_tests_say_that_there_is_one():
    random, datasets = np.random.default_rng(12), 400
    hard = random.lognormal(0, 1, (30, datasets))
    a, b = hard + random.exponential(size=(2, 30, datasets))
    found = compare(
        Mean(datasets, SCORE), seen_of_mean(a), seen_of_mean(b), permutations=1000, draws=0
    )
    rejected = np.mean([each.p_value <= 0.05 for each in found])
    assert 0.02 <= rejected <= 0.085  # 3 standard errors of 400 datasets are 3.3 %


@pytest.mark.parametrize(
    ("p_value", "value", "better", "expected"),
    [
        (0.05, 0.1, Better.HIGHER, "B is better"),
        (0.051, 0.1, Better.HIGHER, "no difference shown"),
        (0.01, -0.1, Better.HIGHER, "A is better"),
        (0.01, -0.1, Better.LOWER, "B is better"),
        (0.01, 0.1, Better.LOWER, "A is better"),
        (0.01, 0.1, Better.NEARER_ZERO, "A is better"),
        (0.01, 0.1, None, None),
    ],
)
def test_the_verdict_in_words(p_value, value, better, expected):
    assert difference(p_value, value, better).verdict == expected


@pytest.mark.parametrize(
    ("p_value", "value", "least_p", "tests", "expected"),
    [
        (0.054, 0.1, 2 / 2**8, 7, "too few units to tell"),  # 7 x 0.0078 is 0.055
        (0.054, 0.1, 2 / 2**8, 6, "no difference shown"),  # 6 x 0.0078 is 0.047
        (None, 0.1, None, 1, "too few units to tell"),
        (None, 0.0, None, 1, "no difference shown"),
        (None, 0.1, 0.001, None, None),
    ],
)
def test_too_few_units_are_not_called_no_difference(p_value, value, least_p, tests, expected):
    assert difference(p_value, value, least_p=least_p, tests=tests).verdict == expected


@pytest.mark.parametrize(("tests", "units"), [(0, 6), (1, 6), (2, 7), (3, 7), (6, 8), (7, 9)])
def test_the_fewest_units_are_those_whose_smallest_p_value_is_significant(tests, units):
    assert fewest_units(tests) == units
    assert max(tests, 1) * 2 / 2**units <= 0.05 < max(tests, 1) * 2 / 2 ** (units - 1)


@pytest.mark.parametrize(("units", "relative"), [(10, 1e-12), (40, 0.2)])
def test_the_smallest_p_value_counts_the_units_that_differ(units, relative):
    a = np.linspace(0.1, 0.2, units)
    b = a + np.where(np.arange(units) < 4, 0.1 + 0.01 * np.arange(units), 0)
    found = compare(Mean(scale=SCORE), seen_of_mean(a), seen_of_mean(b))[0]
    assert found.least_p == pytest.approx(2 / 2**4, rel=relative)
    assert found.p_value == found.least_p
    assert found.verdict == "too few units to tell"


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_what_rounding_makes_is_no_difference(size):
    a = size * np.random.default_rng(3).uniform(1, 2, 20)
    found = compare(Mean(scale=DISTANCE), seen_of_mean(a), seen_of_mean(a * (1 + 1e-13)))[0]
    assert (found.value, found.p_value, found.verdict) == (0, None, "no difference shown")


def test_without_resamples_there_is_a_verdict_and_no_interval():
    a = np.linspace(0.1, 0.2, 8)
    found = compare(Mean(scale=SCORE), seen_of_mean(a), seen_of_mean(a + 0.5), draws=0)[0]
    assert (found.interval, found.p_value, found.verdict) == (None, 2 / 2**8, "B is better")


def test_holm_written_out():
    # 0.01 x 4, 0.02 x 3, 0.03 x 2 is no less than the one before, 0.9 x 1
    assert holm([0.03, 0.01, 0.9, 0.02]) == pytest.approx((0.06, 0.04, 0.9, 0.06))
    assert holm([0.5, None, 0.6]) == (1.0, None, 1.0)
    assert holm([]) == ()
    assert holm([None]) == (None,)


def test_the_headline_keeps_its_p_value_and_the_rest_share_the_level():
    found = adjusted([difference(0.03), difference(0.02), None, difference(0.03)])
    assert [each and each.p_value for each in found] == pytest.approx([0.03, 0.04, None, 0.04])
    assert [each.verdict for each in found if each] == ["B is better"] * 3
    assert [each.tests for each in found if each] == [1, 2, 2]
    found = adjusted([difference(0.03), difference(0.02), difference(0.03)], headline=())
    assert [each.verdict for each in found] == ["no difference shown"] * 3


def test_what_is_in_no_family_has_no_direction_or_cannot_differ_raises_no_p_value():
    found = adjusted(
        [
            difference(0.03),
            difference(0.02),
            difference(0.02),  # not in the family
            difference(0.02, better=None),
            difference(None, 0.0),
            difference(0.03),
        ],
        family=(1, 3, 4, 5),
    )
    assert [each.p_value for each in found] == pytest.approx([0.03, 0.04, None, None, None, 0.04])
    assert [each.tests for each in found] == [1, 2, None, None, 2, 2]
    assert [each.verdict for each in found[2:5]] == [None, None, "no difference shown"]
