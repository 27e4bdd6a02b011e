"""A class with a threshold is where its probability reaches it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg.errors import UnknownNameError
from emseg.inference.answers.thresholds import choose, in_order

NAN = np.nan


def pixels(*columns):
    """Probabilities (K, 1, n) of n pixels, each given with its K values."""
    return np.array(columns, np.float32).T[:, None]


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ([NAN, NAN], [0, 1, 1]),
        ([NAN, 0.6], [0, 0, 1]),
        ([NAN, 0.4], [1, 1, 1]),
        ([NAN, 0.55], [0, 1, 1]),  # reached is enough
        ([0.5, 0.6], [0, 255, 1]),
    ],
)
def test_of_two_classes_it_is_what_thresholding_a_map_gives(thresholds, expected):
    given_ = pixels([0.55, 0.45], [0.45, 0.55], [0.35, 0.65])
    found = choose(given_, np.array(thresholds, np.float32))
    assert found.dtype == np.uint8
    assert found.tolist() == [expected]


@pytest.mark.parametrize(
    ("pixel", "expected"),
    [
        ([0.3, 0.1, 0.2, 0.4], 0),  # class 3 misses its 0.5, and 0 is the next best
        ([0.1, 0.3, 0.2, 0.4], 1),
        ([0.1, 0.1, 0.3, 0.5], 3),  # both reach theirs: the more probable
        ([0.4, 0.1, 0.3, 0.2], 2),  # reaches its 0.25, though another is more probable
    ],
)
def test_of_several_classes_those_that_reach_theirs_come_first(pixel, expected):
    assert choose(pixels(pixel), np.array([NAN, NAN, 0.25, 0.5], np.float32)).item() == expected


@given(
    st.lists(st.lists(st.integers(0, 10), min_size=3, max_size=3), min_size=1, max_size=8),
    st.lists(st.one_of(st.none(), st.integers(1, 10)), min_size=3, max_size=3),
)
def test_every_pixel_follows_the_rule(tenths, thresholds):
    probabilities = np.array(tenths, np.float32).T[:, None] / 10
    given_ = np.array([NAN if t is None else t / 10 for t in thresholds], np.float32)
    for pixel, found in zip(tenths, choose(probabilities, given_)[0].tolist(), strict=True):
        reached = [k for k, t in enumerate(thresholds) if t is not None and pixel[k] >= t]
        free = [k for k, t in enumerate(thresholds) if t is None]
        expected = max(reached or free, key=lambda k: (pixel[k], -k), default=255)
        assert found == expected


def test_thresholds_come_into_the_order_of_the_classes():
    found = in_order({"b": 0.25}, ("a", "b", "c"))
    np.testing.assert_array_equal(found, np.array([NAN, 0.25, NAN], np.float32))
    with pytest.raises(UnknownNameError, match="did you mean 'crack'"):
        in_order({"crak": 0.5}, ("matrix", "crack"))
