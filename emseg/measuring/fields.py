"""What several fields of view say about the specimen: means over fields, with their intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEW_FIELDS = 10
"""Below this many fields an interval is flagged; a convention, ASTM E562's example has 30."""


@dataclass(frozen=True, slots=True)
class FieldMean:
    """A mean over fields of view. Each field is one observation, however many pixels it has.

    Parameters
    ----------
    mean : float or None
        None without fields.
    low, high : float or None
        Interval of the mean, not below 0; None below two fields.
    std : float or None
        Standard deviation of the fields (n - 1); None below two fields.
    relative_accuracy : float or None
        Half the width of the interval before it is cut at 0, in percent of the mean, as ASTM E562
        has it; None without interval or when the mean is 0.
    fields : int
        How many fields count.
    few : bool
        Whether they are fewer than `FEW_FIELDS`.
    """

    mean: float | None
    low: float | None
    high: float | None
    std: float | None
    relative_accuracy: float | None
    fields: int
    few: bool


@dataclass(frozen=True, slots=True)
class Fraction(FieldMean):
    """Area fraction of a class, 0 to 1.

    It estimates a volume fraction only where the images are random sections (Delesse); in a
    projection, as a TEM image is, it does not.
    """


@dataclass(frozen=True, slots=True)
class Density(FieldMean):
    """Number of objects per unit of area: per nm2 where the areas were in nm2."""


def area_fraction(
    fractions: Sequence[float] | NDArray[np.float64],
    *,
    areas: Sequence[float] | NDArray[np.float64] | None = None,
    level: float = 0.95,
) -> Fraction:
    """Average the area fraction over fields of view.

    The mean of n fields has the interval ``t s / sqrt(n)``, where s is the standard deviation of
    the fields and t Student's for n - 1 degrees of freedom (ASTM E562 and E1245).

    Parameters
    ----------
    fractions : sequence of float, n
        Of each field, of its labelled pixels; NaN for a field without any, which is left out.
    areas : sequence of float, n, optional
        Labelled area of each field, where they differ in size: fields then count by their area,
        so that the mean is that of the whole area seen, and the interval is by jackknife over
        fields. Fields of one size give the same as without. Without it all count equally.
    level : float
        Confidence of the interval.
    """
    fraction = np.asarray(fractions, np.float64)
    area = np.ones_like(fraction) if areas is None else np.asarray(areas, np.float64)
    counted = np.isfinite(fraction) & (area > 0)
    mean, half, std = _ratio(fraction[counted] * area[counted], area[counted], level)
    return Fraction(*_summary(mean, half, std, highest=1.0), *_few(int(counted.sum())))


def number_density(
    counts: Sequence[float] | NDArray[np.float64],
    areas: Sequence[float] | NDArray[np.float64],
    *,
    level: float = 0.95,
) -> Density:
    """Average the number of objects per area over fields, with a t-interval by jackknife.

    Parameters
    ----------
    counts : sequence of float, n
        Objects of each field; the sum of their weights where borders are corrected for.
    areas : sequence of float, n
        Area of each field, all in one unit; fields of area 0 are left out.
    level : float
        Confidence of the interval.
    """
    count, area = np.asarray(counts, np.float64), np.asarray(areas, np.float64)
    counted = area > 0
    mean, half, std = _ratio(count[counted], area[counted], level)
    return Density(*_summary(mean, half, std), *_few(int(counted.sum())))


def _few(fields: int) -> tuple[int, bool]:
    return fields, fields < FEW_FIELDS


def _ratio(
    totals: NDArray[np.float64], areas: NDArray[np.float64], level: float
) -> tuple[float | None, float | None, float | None]:
    """Sum of the totals over that of the areas, half its interval, and the fields' deviation.

    The jackknife leaves out one field after the other; for equal areas its error is exactly
    ``s / sqrt(n)``.
    """
    count = len(areas)
    if count == 0:
        return None, None, None
    mean = float(totals.sum() / areas.sum())
    if count == 1:
        return mean, None, None
    from scipy.stats import t

    without = (totals.sum() - totals) / (areas.sum() - areas)
    error = math.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum())
    half = float(t.ppf((1 + level) / 2, count - 1)) * error
    return mean, half, float(np.std(totals / areas, ddof=1))


def _summary(
    mean: float | None, half: float | None, std: float | None, highest: float = math.inf
) -> tuple[float | None, float | None, float | None, float | None, float | None]:
    """Mean, low, high, deviation and relative accuracy in percent."""
    if mean is None or half is None:
        return mean, None, None, None, None
    relative = 100 * half / mean if mean > 0 else None
    return mean, max(0.0, mean - half), min(highest, mean + half), std, relative
