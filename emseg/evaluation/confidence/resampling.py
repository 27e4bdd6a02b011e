"""Mixtures of the independent units, and what a number does when units come and go.

A metric mixes images by their weights. What is independent, though, are the units: an image each,
or a specimen with all its images. Weights of units become weights of images by a 0/1 matrix::

    units        membership (n x images)       images
    [2 0 1]  @   1 1 0 0 0                 ->  [2 2 0 0 1]
                 0 0 1 1 0
                 0 0 0 0 1
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.metric import Pooled

Numbers = NDArray[np.float64]

Statistic = Callable[[Numbers], Numbers]
"""Turns weights of the units, shape (B, n), into numbers, shape (B, N)."""

_MOST = 1 << 22  # numbers that are held at a time for weights and sums, 32 MiB
_ROUNDED = 1e-13  # what rounding may make of a difference that is none


def check_membership(membership: Numbers | None, images: int) -> int:
    """Count the units.

    Parameters
    ----------
    membership : array of 0 and 1, shape (units, images), or None
        Which images belong to which unit; None where each is one of its own.
    images : int
        How many there are.

    Raises
    ------
    ValueError
        When an image belongs to no unit or to several, or a unit has no image.
    """
    if membership is None:
        return images
    is_partition = (
        membership.shape[1:] == (images,)
        and bool(np.isin(membership, (0, 1)).all())
        and bool((membership.sum(axis=0) == 1).all())
        and bool(membership.any(axis=1).all())
    )
    if not is_partition:
        raise ValueError(
            f"a membership of shape {membership.shape} does not put each of {images} images "
            "into one unit"
        )
    return len(membership)


def of_images(weights: Numbers, membership: Numbers | None) -> Numbers:
    """Turn weights of the units into weights of the images."""
    return weights if membership is None else weights @ membership


def scores_of(metric: Pooled[Any], seen: Sequence[Any], weights: Numbers) -> Numbers:
    """Compute the numbers of mixtures of the images; what is infinite is not defined, NaN."""
    scores = metric.scores(seen, weights)
    return np.where(np.isfinite(scores), scores, np.nan)


def statistic_of(
    metric: Pooled[Any], seen: Sequence[Any], membership: Numbers | None = None
) -> Statistic:
    """Make of a metric and what it saw a function of the weights of the units."""
    return lambda weights: scores_of(metric, seen, of_images(weights, membership))


def rows_at_a_time(width: int) -> int:
    """How many rows of so many numbers are computed at a time."""
    return max(1, _MOST // max(1, width))


def resamples(units: int, draws: int, seed: int, rows: int) -> Iterator[Numbers]:
    """Draw as many units as there are, with replacement, again and again.

    The draws depend on the seed and the number of units alone, not on ``rows``, so that every
    metric of a run sees the same.

    Yields
    ------
    array of float64, shape (up to ``rows``, units)
        How often each unit was drawn.
    """
    random = np.random.default_rng(seed)
    shares = np.full(units, 1 / units)
    for start in range(0, draws, rows):
        drawn = random.multinomial(units, shares, size=min(rows, draws - start))
        yield drawn.astype(np.float64)


def of_resamples(statistic: Statistic, units: int, *, draws: int, seed: int, width: int) -> Numbers:
    """Compute the numbers of ``draws`` resamples, shape (draws, N)."""
    rows = rows_at_a_time(width)
    return np.concatenate([statistic(each) for each in resamples(units, draws, seed, rows)])


@dataclass(frozen=True, slots=True)
class Jackknife:
    """What the numbers become when one unit is left out.

    There are at least two units. One bears on a number when the number is defined for it alone,
    or changes without it: an image without a class says nothing about the recall of that class.

    Parameters
    ----------
    estimate : array of float64, shape (N,)
        Of all units.
    units : array of int, shape (N,)
        How many bear on each number.
    deviations : array of float64, shape (n, N)
        Average of the numbers without one unit, less the number without this one; 0 for units
        that do not bear on it, NaN where a number is not defined without a unit.
    """

    estimate: Numbers
    units: NDArray[np.int64]
    deviations: Numbers

    @classmethod
    def of(cls, statistic: Statistic, units: int, width: int) -> Self:
        """Leave out each of the units in turn.

        The others count n / (n - 1) times, so that totals stay totals of n units.
        """
        estimate = statistic(np.ones((1, units)))[0]
        alone, left_out = [], []
        step = rows_at_a_time(width)
        for start in range(0, units, step):
            here = np.eye(min(step, units - start), units, start)
            alone.append(statistic(here))
            left_out.append(statistic((1 - here) * units / (units - 1)))
        without = np.concatenate(left_out)
        bears = np.isfinite(np.concatenate(alone)) | ~np.isclose(without, estimate, 1e-9, _ROUNDED)
        count = bears.sum(axis=0)
        mean = np.where(bears, without, 0).sum(axis=0) / np.maximum(count, 1)
        return cls(estimate, count, np.where(bears, mean - without, 0))

    @property
    def error(self) -> Numbers:
        """Standard error (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 11).

        sqrt((k - 1) / k * sum of the squared deviations) of the k units that bear on it.
        """
        k = np.maximum(self.units, 1)
        error: Numbers = np.sqrt((k - 1) / k * (self.deviations**2).sum(axis=0))
        return error

    @property
    def has_spread(self) -> NDArray[np.bool_]:
        """Whether leaving out a unit changes the number by more than rounding."""
        slack = 1e-10 * np.abs(self.estimate) + _ROUNDED
        is_still: NDArray[np.bool_] = np.abs(self.deviations).max(axis=0) <= slack
        return ~is_still

    @property
    def freedom(self) -> Numbers:
        """How well the standard error is known, in degrees of freedom.

        2 k / (kurtosis - 1), at most k - 1, at least 1: the variance of k values of one
        distribution is known as well as that of so many normal ones (Satterthwaite, Biometrics
        Bulletin 2, 110, 1946). A few units that outweigh the others leave little freedom.
        """
        squares = (self.deviations**2).sum(axis=0)
        fourths = (self.deviations**4).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            kurtosis = self.units * fourths / squares**2
            freedom: Numbers = 2 * self.units / (kurtosis - 1)
        return np.clip(np.nan_to_num(freedom, nan=1), 1, np.maximum(self.units - 1, 1))
