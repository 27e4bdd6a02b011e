"""Distributions of sizes and the objects that the border cuts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from scipy import stats
from skimage.morphology import disk

from emseg.calibration import PixelSize
from emseg.measuring import border_weights, measure_objects, size_distribution

DIAMETERS = st.lists(st.floats(0.1, 1e4), min_size=2, max_size=40).map(np.array)


@settings(max_examples=40, deadline=None)
@given(DIAMETERS)
def test_a_distribution_is_that_of_numpy_and_scipy(diameters):
    found = size_distribution(diameters)
    assert found.count == len(diameters)
    assert found.mean == pytest.approx(np.mean(diameters))
    assert found.std == pytest.approx(np.std(diameters, ddof=1), abs=1e-6 * found.mean)
    shares = np.percentile(diameters, [10, 50, 90], method="inverted_cdf")
    assert [found.d10, found.d50, found.d90] == shares.tolist()
    assert found.lognormal_median == pytest.approx(stats.gmean(diameters))
    assert found.lognormal_gsd == pytest.approx(np.exp(np.log(diameters).std(ddof=1)))
    if np.ptp(diameters) > 1e-3 * found.mean:
        error = stats.sem(diameters)
        low, high = stats.t.interval(0.95, len(diameters) - 1, found.mean, error)
        assert (found.mean_low, found.mean_high) == pytest.approx((max(0, low), high))


@settings(max_examples=40, deadline=None)
@given(DIAMETERS, st.integers(1, 4))
def test_percentiles_say_which_share_is_not_larger(diameters, weight):
    found = size_distribution(diameters, np.full(len(diameters), weight / 2))
    for share, size in ((0.1, found.d10), (0.5, found.d50), (0.9, found.d90)):
        assert np.mean(diameters <= size) >= share - 1e-12
        assert np.mean(diameters < size) < share + 1e-12


@settings(max_examples=40, deadline=None)
@given(DIAMETERS, st.data())
def test_a_weight_of_two_is_two_objects_for_mean_and_percentiles(diameters, data):
    weights = data.draw(
        st.lists(st.integers(0, 3), min_size=len(diameters), max_size=len(diameters)).filter(any)
    )
    found = size_distribution(diameters, np.array(weights, float))
    repeated = size_distribution(np.repeat(diameters, weights))
    assert found.count == np.count_nonzero(weights)
    for name in ("mean", "d10", "d50", "d90", "lognormal_median"):
        assert getattr(found, name) == pytest.approx(getattr(repeated, name))


def test_the_interval_of_the_median_is_of_the_order_statistics():
    """As tabulated: the 2nd and 9th of 10, the 6th and 15th of 20, the 40th and 61st of 100."""
    for count, low, high in ((6, 1, 6), (10, 2, 9), (20, 6, 15), (100, 40, 61)):
        found = size_distribution(np.arange(1.0, count + 1))
        assert (found.median_low, found.median_high) == (low, high)
    assert size_distribution(np.arange(1.0, 6)).median_low is None


def test_intervals_hold_the_true_median_and_mean():
    rng = np.random.default_rng(11)
    held = np.zeros(2)
    for _ in range(400):
        found = size_distribution(rng.lognormal(3, 0.3, 40))
        held += (
            found.median_low <= math.exp(3) <= found.median_high,
            found.mean_low <= math.exp(3 + 0.3**2 / 2) <= found.mean_high,
        )
    assert (held / 400 > 0.92).all()


def test_equal_weights_are_no_weights():
    diameters = np.random.default_rng(1).lognormal(2, 0.4, 37)
    assert size_distribution(diameters, np.full(37, 1.3)).median_low == (
        size_distribution(diameters).median_low
    )


def test_a_lognormal_distribution_is_found_again():
    found = size_distribution(
        np.random.default_rng(2).lognormal(math.log(25), math.log(1.5), 40000)
    )
    assert found.lognormal_median == pytest.approx(25, rel=0.01)
    assert found.lognormal_gsd == pytest.approx(1.5, rel=0.01)
    assert not found.few


def test_few_objects_are_flagged():
    assert size_distribution(np.ones(99)).few
    assert not size_distribution(np.ones(100)).few


def test_no_object_and_one():
    nothing = size_distribution(np.zeros(0))
    assert (nothing.count, nothing.mean, nothing.d50, nothing.few) == (0, None, None, True)
    assert size_distribution(np.array([3.0]), np.zeros(1)).count == 0
    one = size_distribution(np.array([3.0]))
    assert (one.mean, one.d10, one.d90, one.std, one.lognormal_gsd) == (3, 3, 3, None, None)
    assert one.mean_low is None


def test_border_weights_by_hand():
    labels = np.zeros((20, 40), int)
    labels[5:9, 10:16] = 1
    labels[0, 3] = 2
    labels[12, 39] = 3
    for size in (None, PixelSize(2, 0.5, "test")):
        weights = border_weights(measure_objects(labels, size), (20, 40), size)
        assert weights.tolist() == pytest.approx([800 / ((40 - 6 - 1) * (20 - 4 - 1)), 0, 0])


def test_an_object_that_all_but_fills_the_field_counts_for_the_many_that_were_cut():
    labels = np.zeros((10, 10), int)
    labels[1:9, 1:9] = 1
    assert border_weights(measure_objects(labels, None), (10, 10), None).tolist() == [100]


def test_weights_in_another_unit_are_refused():
    table = measure_objects(np.ones((3, 3), int), None)
    with pytest.raises(ValueError, match="px"):
        border_weights(table, (3, 3), PixelSize(1, 1, "test"))


def test_border_weights_take_the_bias_out():
    """A small and a large disc, each in every place of a field of 11 x 9 pixels.

    A field of W x H pixels has W H places on a plane that repeats. So without bias the weights of
    all places add up to W H for each object, whatever its size.
    """
    field = (9, 11)
    seen, weights = [], []
    for radius in (1, 3):
        around = np.pad(disk(radius), [(size - 1,) * 2 for size in field])
        places = sliding_window_view(around, field).reshape(-1, *field)
        tables = [measure_objects(place, None) for place in places]
        weight = np.concatenate([border_weights(table, field, None) for table in tables])
        assert weight.sum() == pytest.approx(9 * 11)
        seen.append(np.concatenate([table.diameter for table in tables])[weight > 0])
        weights.append(weight[weight > 0])
    true = np.mean([each[0] for each in seen])
    corrected = size_distribution(np.concatenate(seen), np.concatenate(weights))
    assert corrected.mean == pytest.approx(true)
    assert size_distribution(np.concatenate(seen)).mean < 0.8 * true
