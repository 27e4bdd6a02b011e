"""Is B really better than A, and by how much: the same images, evaluated for both."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from emseg.errors import MismatchError
from emseg.evaluation.confidence.intervals import Interval, intervals_of
from emseg.evaluation.confidence.resampling import (
    Numbers,
    check_membership,
    of_images,
    rows_at_a_time,
    scores_of,
)
from emseg.evaluation.description import Better, NumberScale
from emseg.evaluation.metric import Metric

FEWEST = 6
"""Units below which no test can say anything: n units give no p below 2 / 2**n."""

SIGNIFICANT = 0.05

_ENUMERATED = 12  # units up to which all 2**n swaps are tried
_MOST_UNDEFINED = 0.05
_RELATIVE, _ABSOLUTE = 1e-9, 1e-12  # what rounding may make of a difference that is none


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much B differs from A.

    Parameters
    ----------
    a, b : float
        The number for A and for B, all images pooled.
    value : float
        b - a; for numbers that are good near zero, as a signed error, abs(b) - abs(a).
    interval : Interval or None
        Of ``value``, from resamples that hold the same units for A and B.
    p_value : float or None
        Two-sided, of b - a; None below six units, where A and B are equal in every unit, where
        the number is not defined in more than 5 % of the swaps, or where it was not tested.
    units : int
        Independent units on which A and B were compared.
    better : Better or None
        Which values of this number are good; None where more is neither better nor worse.
    least_p : float or None
        The smallest p-value that any of the swaps could have had, for one test.
    tests : int or None
        For how many tests the p-value allows; None when this number was not tested.
    """

    a: float
    b: float
    value: float
    interval: Interval | None
    p_value: float | None
    units: int
    better: Better | None
    least_p: float | None = None
    tests: int | None = 1

    @property
    def verdict(self) -> str | None:
        """What the test says at a level of 5 %; None where nothing was tested.

        ``"B is better"``, ``"A is better"``, ``"no difference shown"``, or
        ``"too few units to tell"`` where no p-value up to 0.05 was possible: not even with all
        units on one side, and for so many tests. A number without a direction has no verdict.
        Numbers that are good near zero may differ and yet be equally far from it; of them the
        interval must not hold zero either.
        """
        if self.tests is None or self.better is None:
            return None
        if self._is_significant:
            is_b = (self.value > 0) == (self.better is Better.HIGHER)
            return "B is better" if is_b else "A is better"
        is_possible = self.least_p is not None and self.least_p * self.tests <= SIGNIFICANT
        return "no difference shown" if is_possible or self.value == 0 else "too few units to tell"

    @property
    def _is_significant(self) -> bool:
        if self.p_value is None or self.p_value > SIGNIFICANT or self.value == 0:
            return False
        return self.better is not Better.NEARER_ZERO or _excludes_zero(self.interval)


def _excludes_zero(interval: Interval | None) -> bool:
    return interval is not None and not interval.low <= 0 <= interval.high


def compare(
    metric: Metric[Any],
    seen_a: Sequence[Any],
    seen_b: Sequence[Any],
    membership: Numbers | None = None,
    *,
    permutations: int = 10_000,
    seed: int = 0,
    draws: int = 1000,
    level: float = 0.95,
    unit: str | None = None,
) -> tuple[Difference | None, ...]:
    """Compare two results for the same images, number by number.

    If A and B did not differ, the results of any unit could be swapped between them and the
    difference of the pooled numbers would be as likely as before. The p-value is the share of the
    swaps whose difference is at least as far from zero: of all 2**n swaps up to 12 units, else of
    random ones, (1 + count) / (1 + permutations) (Phipson and Smyth, Statistical Applications in
    Genetics and Molecular Biology 9, 39, 2010). The interval is that of
    `emseg.evaluation.confidence.intervals` for the difference.

    Parameters
    ----------
    metric : Metric
        Of N numbers.
    seen_a, seen_b : sequence, n
        What it saw of each image for A and for B, in one order.
    membership : array of 0 and 1, shape (units, n), optional
        Which images belong to which unit; each image is a unit without it.
    permutations : int
        Random swaps.
    seed, draws, level, unit
        As for `intervals`.

    Returns
    -------
    tuple of Difference or None, N
        None where a number is not defined for A or for B. The p-values are those of each number
        by itself; `adjusted` allows for their being several.

    Raises
    ------
    MismatchError
        When A and B are not of the same number of images.
    """
    if len(seen_a) != len(seen_b):
        raise MismatchError(
            f"A has {len(seen_a)} images and B {len(seen_b)}; compare results of the same images"
        )
    units = check_membership(membership, len(seen_a))
    if units == 0:
        return (None,) * len(metric.numbers)
    pairing = _Pairing(metric, [*seen_a, *seen_b], membership)
    a, b = (each[0] for each in pairing.numbers(np.ones((1, units))))
    found = intervals_of(
        pairing.gain,
        units,
        [(*key, "difference") for key in metric.numbers],
        [scale.of_difference for scale in pairing.scales],
        images=2 * len(seen_a),
        draws=draws,
        seed=seed,
        level=level,
        unit=unit or ("image" if membership is None else "group"),
    )
    p_values = _p_values(pairing, _rounded(b - a, a, b), units, permutations, seed)
    rows = zip(a, b, pairing.of(a, b), found, p_values, pairing.scales, strict=True)
    return tuple(
        Difference(float(of_a), float(of_b), float(value), interval, p, units, scale.better, least)
        if np.isfinite(value)
        else None
        for of_a, of_b, value, interval, (p, least), scale in rows
    )


def _rounded(difference: Numbers, a: Numbers, b: Numbers) -> Numbers:
    """Make zero of a difference that rounding may have made."""
    slack = _RELATIVE * np.maximum(np.abs(a), np.abs(b)) + _ABSOLUTE
    return np.where(np.abs(difference) <= slack, 0.0, difference)


@dataclass(frozen=True, slots=True)
class _Pairing:
    """What was seen for A, and behind it what was seen for B; weights choose between the two."""

    metric: Metric[Any]
    both: Sequence[Any]
    membership: Numbers | None

    @property
    def scales(self) -> list[NumberScale]:
        return [each.scale for each in self.metric.numbers.values()]

    def numbers(self, weights: Numbers, swapped: Numbers | None = None) -> tuple[Numbers, Numbers]:
        """Compute A and B of mixtures of the units, some of them swapped; shapes (B, units)."""
        away = np.zeros_like(weights) if swapped is None else swapped
        own, others = (of_images(each, self.membership) for each in (weights - away, away))
        a = scores_of(self.metric, self.both, np.concatenate([own, others], axis=1))
        b = scores_of(self.metric, self.both, np.concatenate([others, own], axis=1))
        return a, b

    def of(self, a: Numbers, b: Numbers) -> Numbers:
        """B less A, or less far from zero where that is what counts."""
        is_distance = np.array([scale.better is Better.NEARER_ZERO for scale in self.scales])
        return _rounded(np.where(is_distance, np.abs(b) - np.abs(a), b - a), a, b)

    def gain(self, weights: Numbers) -> Numbers:
        """Compute `of` for mixtures of the units, shape (B, N)."""
        return self.of(*self.numbers(weights))


def _p_values(
    pairing: _Pairing, observed: Numbers, units: int, permutations: int, seed: int
) -> list[tuple[float | None, float | None]]:
    """Count the swaps that take A and B at least as far apart as they are, and as any does."""
    if units < FEWEST:
        return [(None, None)] * len(observed)
    is_exact = units <= _ENUMERATED
    rows = rows_at_a_time(4 * len(pairing.both) + len(observed))
    swaps = _all_swaps(units, rows) if is_exact else _some_swaps(units, permutations, seed, rows)
    found = np.concatenate([_gaps(pairing, swapped) for swapped in swaps])
    farthest = np.fmax.reduce(found, axis=0, initial=0)
    defined = np.isfinite(found).sum(axis=0)
    is_known = (farthest > 0) & (defined >= (1 - _MOST_UNDEFINED) * len(found))
    is_known &= np.isfinite(observed)
    extra = 0 if is_exact else 1
    shares = [
        ((found >= far * (1 - _RELATIVE) - _ABSOLUTE).sum(axis=0) + extra)
        / np.maximum(defined + extra, 1)
        for far in (np.abs(observed), farthest)
    ]
    return [
        (float(p), float(least)) if known else (None, None)
        for p, least, known in zip(*shares, is_known, strict=True)
    ]


def _gaps(pairing: _Pairing, swapped: Numbers) -> Numbers:
    """How far apart A and B are after some swaps, shape (B, N)."""
    a, b = pairing.numbers(np.ones_like(swapped), swapped)
    return np.abs(_rounded(b - a, a, b))


def _all_swaps(units: int, rows: int) -> Iterator[Numbers]:
    """Every way to swap some of the units and keep the others, shape (up to rows, units)."""
    swaps = np.array(list(product((0.0, 1.0), repeat=units)))
    for start in range(0, len(swaps), rows):
        yield swaps[start : start + rows]


def _some_swaps(units: int, permutations: int, seed: int, rows: int) -> Iterator[Numbers]:
    random = np.random.default_rng((seed, 1))
    for start in range(0, permutations, rows):
        count = min(rows, permutations - start)
        yield (random.random((count, units)) < 0.5).astype(np.float64)


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjust p-values for their number (Holm, Scandinavian Journal of Statistics 6, 65, 1979).

    The smallest of m is multiplied by m, the next by m - 1, and so on; none becomes smaller than
    one before it, nor larger than 1. Whoever calls those up to 0.05 significant is wrong about any
    of them in at most 5 % of such families.

    Parameters
    ----------
    p_values : sequence of float or None
        Of one family; None is left out and stays None.
    """
    known = [(p, n) for n, p in enumerate(p_values) if p is not None]
    found: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, n) in enumerate(sorted(known)):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        found[n] = highest
    return tuple(found)


def adjusted(
    differences: Sequence[Difference | None],
    headline: Collection[int] = (0,),
    family: Collection[int] | None = None,
) -> tuple[Difference | None, ...]:
    """Adjust all p-values but those of the headline numbers, by the rule of Holm.

    Parameters
    ----------
    differences : sequence of Difference or None
        Everything that is reported together.
    headline : collection of int
        Which of them was named before anyone looked; it keeps its p-value.
    family : collection of int, optional
        Which of the others are tested, all of them without it; the rest lose their p-values, as
        do numbers without a direction. It must be chosen without a look at the differences.
    """
    wanted = range(len(differences)) if family is None else family
    found: list[Difference | None] = [
        each if n in headline or each is None else replace(each, p_value=None, tests=None)
        for n, each in enumerate(differences)
    ]
    tested = [
        (n, each)
        for n, each in enumerate(differences)
        if each is not None and each.better is not None and n in wanted and n not in headline
    ]
    p_values = holm([each.p_value for _, each in tested])
    tests = sum(p is not None for p in p_values)
    for (n, each), p in zip(tested, p_values, strict=True):
        found[n] = replace(each, p_value=p, tests=tests)
    return tuple(found)


def fewest_units(tests: int) -> int:
    """In how many units A and B must differ, so that one of so many tests can show anything."""
    return math.ceil(math.log2(2 * max(tests, 1) / SIGNIFICANT))
