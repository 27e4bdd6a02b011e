"""Size distributions, and the correction for objects that the border of the field cuts."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.measuring.table import ObjectTable

FEW_OBJECTS = 100
"""Below this many objects a distribution is flagged: d10 and d90 rest on fewer than ten each.

A convention, not a standard. How many are enough depends on the width of the distribution and on
the error that one can live with (Masuda, Gotoh 1999, Advanced Powder Technology 10, 159), and more
are needed for means weighted by volume than for these by number. ISO 13322-1:2004 asks for many:
over 6,000 particles for a repeatable volume mean, and 61,000 for percentiles, of a log-normal
distribution with a geometric standard deviation of 1.6.
"""


@dataclass(frozen=True, slots=True)
class SizeDistribution:
    """Diameters of many objects, each object counted once (number-weighted, ISO 13322-1).

    Lengths are in the unit of the diameters. A number that does not exist is None: all without
    objects; deviations of a single one.

    Parameters
    ----------
    count : int
        Objects with a weight above 0.
    mean, std : float or None
        Mean, and standard deviation of the sample (n - 1).
    d10, d50, d90 : float or None
        The smallest diameter that 10, 50 or 90 % of the objects do not exceed: the inverse of the
        cumulative distribution, always the diameter of one of the objects.
    lognormal_median, lognormal_gsd : float or None
        Of the log-normal distribution fitted by the mean and the standard deviation of ln d:
        median, and geometric standard deviation (a factor, 1 or more).
    mean_low, mean_high : float or None
        95 % interval of the mean, by Student's t.
    median_low, median_high : float or None
        95 % interval of the median from order statistics; None below 6 objects.
    few : bool
        Whether there are fewer than `FEW_OBJECTS`.

    Notes
    -----
    Intervals take the objects as independent draws. Objects of one field of view resemble each
    other, so over several fields the intervals are too narrow: compare the fields instead.
    """

    count: int
    mean: float | None
    std: float | None
    d10: float | None
    d50: float | None
    d90: float | None
    lognormal_median: float | None
    lognormal_gsd: float | None
    mean_low: float | None
    mean_high: float | None
    median_low: float | None
    median_high: float | None
    few: bool


def size_distribution(
    diameters: NDArray[Any], weights: NDArray[Any] | None = None
) -> SizeDistribution:
    """Describe the distribution of diameters.

    Parameters
    ----------
    diameters : array of float, shape (n,)
        Above 0, in any unit.
    weights : array of float, shape (n,), optional
        How many objects each stands for, as `border_weights` says; those of weight 0 are left out.
        Intervals then rest on the effective number of objects, ``sum(w)**2 / sum(w**2)`` (Kish
        1965), and that of the median on the quantiles at the order statistics' shares (Woodruff
        1952, "Confidence intervals for medians and other position measures").
    """
    sizes = np.asarray(diameters, np.float64)
    weight = np.ones_like(sizes) if weights is None else np.asarray(weights, np.float64)
    sizes, weight = sizes[weight > 0], weight[weight > 0]
    count = len(sizes)
    if count == 0:
        return SizeDistribution(0, *(None,) * 11, few=True)
    mean, std = _mean_and_deviation(sizes, weight)
    log_mean, log_std = _mean_and_deviation(np.log(sizes), weight)
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    d10, d50, d90 = _quantiles(sizes, weight, [0.1, 0.5, 0.9])
    mean_low, mean_high = _interval_of_mean(mean, std, effective)
    median_low, median_high = _interval_of_median(sizes, weight, effective)
    return SizeDistribution(
        count=count,
        mean=mean,
        std=std,
        d10=d10,
        d50=d50,
        d90=d90,
        lognormal_median=math.exp(log_mean),
        lognormal_gsd=None if log_std is None else math.exp(log_std),
        mean_low=mean_low,
        mean_high=mean_high,
        median_low=median_low,
        median_high=median_high,
        few=count < FEW_OBJECTS,
    )


def border_weights(
    table: ObjectTable, size: tuple[int, int], pixel_size: PixelSize | None
) -> NDArray[np.float64]:
    """Say how many objects each measured one stands for (Miles-Lantuejoul correction).

    A large object is cut by the border of the field more often than a small one, and cut objects
    cannot be measured; to leave them out makes the mean too small. An object whose bounding box
    is a x b pixels can lie in ``(W - a - 1)(H - b - 1)`` places of a field of W x H without
    reaching its outermost pixels, and so stands for::

        W H / ((W - a - 1)(H - b - 1))

    objects; in the limit of small pixels, ``W H / ((W - a)(H - b))`` as it is usually written.
    Objects wider or higher than the field are never seen whole, and no weight can bring them
    back: the field must be larger than the largest object.

    Miles 1974, "On the elimination of edge effects in planar sampling"; Lantuejoul 1980, "On the
    estimation of mean values in individual analysis of particles"; ISO 13322-1.

    Parameters
    ----------
    table : ObjectTable
        Of n objects of one field.
    size : tuple of int
        Height and width of the field in pixels.
    pixel_size : PixelSize or None
        That of the table.

    Returns
    -------
    array of float64, shape (n,)
        0 for objects that touch the border, more than 1 for the others.

    Raises
    ------
    ValueError
        When the table was measured in another unit.
    """
    if (table.unit == "nm") != (pixel_size is not None):
        raise ValueError(f"the objects were measured in {table.unit}; give the same pixel size")
    y, x = (pixel_size.y_nm, pixel_size.x_nm) if pixel_size else (1.0, 1.0)
    height, width = size
    places = (width - table.box_width / x - 1) * (height - table.box_height / y - 1)
    weights = np.zeros(len(table))
    np.divide(height * width, places, out=weights, where=~table.touches_border)
    return weights


def _mean_and_deviation(
    values: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, float | None]:
    """Weighted mean, and standard deviation without bias; that of one value is None."""
    total = weight.sum()
    mean = float(weight @ values / total)
    freedom = total - (weight**2).sum() / total
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(weight @ (values - mean) ** 2 / freedom)


def _quantiles(
    values: NDArray[np.float64], weight: NDArray[np.float64], shares: list[float]
) -> list[float]:
    """Smallest value below or at which each share of the weight lies."""
    found = np.quantile(values, shares, weights=weight, method="inverted_cdf")
    return [float(each) for each in found]


def _interval_of_mean(
    mean: float, std: float | None, effective: float
) -> tuple[float | None, float | None]:
    """95 % interval by Student's t; no mean diameter is negative."""
    if std is None or effective <= 1:
        return None, None
    from scipy.stats import t

    half = float(t.ppf(0.975, effective - 1)) * std / math.sqrt(effective)
    return max(0.0, mean - half), mean + half


def _interval_of_median(
    values: NDArray[np.float64], weight: NDArray[np.float64], effective: float
) -> tuple[float | None, float | None]:
    """Between the order statistics that enclose the median in at least 95 % of all samples."""
    from scipy.stats import binom

    count = math.floor(effective + 1e-9)
    rank = int(binom.ppf(0.025, count, 0.5))
    if rank < 1:
        return None, None
    share = (rank - 0.5) / count
    low, high = _quantiles(values, weight, [share, 1 - share])
    return low, high
