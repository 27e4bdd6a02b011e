"""Positions of samples give a step where they are even, and none where they are not."""

import numpy as np
import pytest

from emseg.reading.signals.coordinates import spacing

EVEN = np.arange(80) * 1.5


@pytest.mark.parametrize(
    ("positions", "step"),
    [
        (EVEN, 1.5),
        (EVEN[::-1], -1.5),
        ((EVEN + 1e5).astype(np.float32), 1.5),
        (np.rint(EVEN).astype(np.int32), 118 / 79),  # rounded to whole nm
        (EVEN + np.random.default_rng(0).uniform(-0.2, 0.2, 80) * (EVEN > 0) * (EVEN < 118), 1.5),
        (np.array([3.0, 5.0]), 2.0),
    ],
)
def test_even_positions(positions, step):
    assert spacing(positions) == pytest.approx(step, rel=1e-5)


@pytest.mark.parametrize(
    "positions",
    [
        np.geomspace(1, 1000, 80),
        np.geomspace(1, 1.1, 80),
        np.linspace(1, 3, 80) ** 2,
        np.array([0.0, 1.0, 3.0]),
        np.r_[EVEN[:40], EVEN[40:] + 30],  # a gap
        np.r_[EVEN[:-1], np.nan],
    ],
)
def test_uneven_positions(positions):
    assert spacing(positions) is None
