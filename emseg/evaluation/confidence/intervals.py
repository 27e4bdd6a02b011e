"""Between which values a number would probably lie if other units had been imaged."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emseg.errors import listed
from emseg.evaluation.confidence.resampling import (
    Jackknife,
    Numbers,
    Statistic,
    check_membership,
    of_resamples,
    statistic_of,
)
from emseg.evaluation.description import NumberScale
from emseg.evaluation.metric import Key, Pooled

_log = logging.getLogger(__name__)

FEW = 10
"""Units below which resampling is not to be trusted, and a t-interval stands in for it."""

BOOTSTRAP = "bootstrap, widened percentiles"
STUDENT = "t-interval of the jackknife"
EQUAL = "all units are equal"

_MOST_UNDEFINED = 0.05


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of confidence.

    Parameters
    ----------
    low, high : float
        In the unit of the number.
    level : float
        Share of such intervals that should hold the true value, 0.95.
    units : int
        Independent units that bear on the number.
    unit : str
        What a unit is: ``"image"``, ``"group"``, ``"file"`` or ``"block of one image"``.
    method : str
        How the interval was found. ``"all units are equal"``: nothing can be said about the
        spread, and both ends are the value itself.
    few_units : bool
        Whether there are fewer than ten units, so that the interval is a rough one.
    """

    low: float
    high: float
    level: float
    units: int
    unit: str
    method: str
    few_units: bool


def intervals(
    metric: Pooled[Any],
    seen: Sequence[Any],
    membership: Numbers | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    unit: str | None = None,
) -> tuple[Interval | None, ...]:
    """Find an interval for every number of a metric.

    From ten units on that bear on a number: percentiles of its bootstrap distribution, at levels
    that are widened as Hesterberg says (The American Statistician 69, 371, 2015),
    alpha' = Phi(-sqrt(k / (k - 1)) t(1 - alpha / 2; f)), because the bootstrap of k units is too
    narrow by sqrt((k - 1) / k) and does not know that it estimates the spread. The degrees of
    freedom f are those of Satterthwaite (`Jackknife.freedom`), not k - 1: where few images
    outweigh the others the spread is known less well. Corrected for bias and acceleration (BCa,
    Efron 1987) the intervals cover skewed means a little better and ratios of unequal images
    worse; see decision 0023.

    Below ten units: estimate +- t(1 - alpha / 2; k - 1) times the standard error of the jackknife.

    Parameters
    ----------
    metric : Metric, or anything else that is Pooled
        Of N numbers.
    seen : sequence
        What it saw of each image.
    membership : array of 0 and 1, shape (units, images), optional
        Which images belong to which unit; each image is a unit without it.
    draws : int
        Resamples; 0 for no intervals.
    seed : int
        Which ones; the same for every metric of a run.
    level : float
        0.95 for intervals of 95 %.
    unit : str, optional
        What a unit is called; ``"image"``, or ``"group"`` with a membership, when not given.

    Returns
    -------
    tuple of Interval or None, N
        None where the number is not defined, where fewer than two units bear on it, or where it
        is not defined without one of them or in more than 5 % of the resamples; a notice names
        these last.

    Raises
    ------
    ValueError
        When a membership does not put each image into one unit.
    """
    units = check_membership(membership, len(seen))
    return intervals_of(
        statistic_of(metric, seen, membership),
        units,
        list(metric.numbers),
        [each.scale for each in metric.numbers.values()],
        images=len(seen),
        draws=draws,
        seed=seed,
        level=level,
        unit=unit or ("image" if membership is None else "group"),
    )


def intervals_of(
    statistic: Statistic,
    units: int,
    keys: Sequence[Key],
    scales: Sequence[NumberScale],
    *,
    images: int,
    draws: int,
    seed: int,
    level: float,
    unit: str,
) -> tuple[Interval | None, ...]:
    """Find an interval for everything that follows from weights of the units.

    Parameters
    ----------
    statistic : callable
        Weights of the units, shape (B, units), to numbers, shape (B, N).
    units, images : int
        How many there are.
    keys, scales : sequence, N
        Names of the numbers in notices, and within which limits they stay.
    draws, seed, level, unit
        As `intervals` says.
    """
    if units < 2 or draws < 1 or not keys:
        return (None,) * len(keys)
    width = units + images + len(keys)
    left_out = Jackknife.of(statistic, units, width)
    low, high = _student(left_out, level)
    many = left_out.units >= FEW
    is_unstable = np.zeros(len(keys), dtype=bool)
    if many.any():
        drawn = of_resamples(statistic, units, draws=draws, seed=seed, width=width)
        ends = percentiles(drawn, widened(left_out, level))
        low, high = np.where(many, ends, (low, high))
        is_unstable = many & (np.isnan(drawn).mean(axis=0) > _MOST_UNDEFINED)
    is_unstable |= np.isnan(left_out.deviations).any(axis=0)
    known = np.isfinite(left_out.estimate) & (left_out.units >= 2)
    _notice([key for key, lost in zip(keys, is_unstable & known, strict=True) if lost])
    low, high = _within(np.array([low, high]), left_out, scales)
    method = np.where(many, BOOTSTRAP, STUDENT)
    method = np.where(left_out.has_spread, method, EQUAL)
    return tuple(
        Interval(float(low[n]), float(high[n]), level, int(k), unit, str(method[n]), bool(k < FEW))
        if known[n] and not is_unstable[n]
        else None
        for n, k in enumerate(left_out.units)
    )


def widened(left_out: Jackknife, level: float) -> Numbers:
    """Levels of the percentiles of the bootstrap, shape (2, N), as `intervals` says."""
    from scipy.special import ndtr, stdtrit

    k = np.maximum(left_out.units, 2)
    reach = np.sqrt(k / (k - 1)) * stdtrit(left_out.freedom, (1 + level) / 2)
    return np.array([ndtr(-reach), ndtr(reach)])


def percentiles(drawn: Numbers, levels: Numbers) -> Numbers:
    """Percentiles of the defined draws of each number.

    Parameters
    ----------
    drawn : array of float64, shape (B, N)
        NaN where a number is not defined.
    levels : array of float64, shape (2, N)
        Between 0 and 1; level p of B draws is number p (B + 1), counted from 1, in their order,
        with straight lines between (Davison and Hinkley, Bootstrap Methods, 1997, 2.4).

    Returns
    -------
    array of float64, shape (2, N)
        NaN where no draw is defined.
    """
    ordered = np.sort(drawn, axis=0)  # NaN comes last
    defined = (~np.isnan(ordered)).sum(axis=0)
    last = np.maximum(defined - 1, 0)
    position = np.clip(levels * (defined + 1) - 1, 0, last)
    below = np.floor(position).astype(np.int64)
    share = position - below
    lower = np.take_along_axis(ordered, below, axis=0)
    upper = np.take_along_axis(ordered, np.minimum(below + 1, last), axis=0)
    between: Numbers = lower + share * (upper - lower)
    return between


def _student(left_out: Jackknife, level: float) -> tuple[Numbers, Numbers]:
    from scipy.special import stdtrit

    freedom = np.maximum(left_out.units - 1, 1)
    reach = stdtrit(freedom, (1 + level) / 2) * left_out.error
    return left_out.estimate - reach, left_out.estimate + reach


def _within(ends: Numbers, left_out: Jackknife, scales: Sequence[NumberScale]) -> Numbers:
    """Keep the ends where the number can lie; both are the value where all units are equal."""
    ends = np.where(left_out.has_spread, ends, left_out.estimate)
    limits = np.array([(scale.low, scale.high) for scale in scales]).T
    return np.clip(ends, limits[0], limits[1])


def _notice(keys: Sequence[Key]) -> None:
    if keys:
        _log.warning(
            "no interval for %s: too few units hold what it needs, so that it is undefined without "
            "them",
            listed([".".join(key) for key in keys], most=3),
        )
