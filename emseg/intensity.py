"""Normalisation rules: from the intensities of a file to the numbers that a network sees.

A rule is named in the model's card, its statistics are taken from each micrograph, and the
result does not depend on the tile: the statistics are those of the whole plane.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import ContentError
from emseg.micrograph import Micrograph, count_values

_SAMPLE = 4_000_000  # pixels of a float plane from which quantiles are taken
_TAIL = 1e-4  # share of pixels at either end that may be hot, dead or hit by an X-ray


class IntensityRule(StrEnum):
    """How intensities are normalised, per plane and channel."""

    ZSCORE = "zscore"  # (v - mean) / standard deviation, after clipping 0.01 % at either end
    NONE = "none"  # as they are in the file


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a rule needs to know of a plane.

    Parameters
    ----------
    low, high, mean, deviation : array of float64, shape (C,)
        The 0.01 % and 99.99 % quantiles, and mean and standard deviation of the values
        clipped to them, in the units of the file.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


def measure(micrograph: Micrograph) -> Statistics:
    """Measure the statistics of a whole plane.

    8- and 16-bit integers by their exact histogram, other types by their sorted values (a
    seeded sample of four million of them for larger planes).

    Raises
    ------
    ContentError
        When no pixel is finite.
    """
    plane = "" if micrograph.plane is None else f"[{micrograph.plane}]"
    where = f"{micrograph.path or micrograph.name}{plane}"
    rows = [_channel_statistics(channel, where) for channel in micrograph.pixels]
    return Statistics(*(np.array(column) for column in zip(*rows, strict=True)))


def _channel_statistics(channel: NDArray[Any], where: str) -> tuple[float, float, float, float]:
    values, counts = _distribution(channel)
    if values.size == 0:
        raise ContentError(f"{where} has no finite pixel; leave it out")
    cumulated = np.cumsum(counts)
    last = values.size - 1
    low, high = (
        float(values[min(last, int(np.searchsorted(cumulated, share * cumulated[-1])))])
        for share in (_TAIL, 1 - _TAIL)
    )
    if low == high:  # a few bright pixels on an empty ground are the image, not its tails
        low, high = float(values[0]), float(values[-1])
    clipped = np.clip(values, low, high)
    mean = float(np.average(clipped, weights=counts))
    variance = float(np.average((clipped - mean) ** 2, weights=counts))
    return low, high, mean, variance**0.5


def _distribution(channel: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sorted distinct values and how often each occurs."""
    if channel.dtype.kind in "bui" and channel.dtype.itemsize <= 2:
        counts = count_values(channel)
        found = np.flatnonzero(counts)
        lowest = np.iinfo(channel.dtype).min if channel.dtype.kind == "i" else 0
        return (found + lowest).astype(np.float64), counts[found]
    flat = channel.ravel()
    if flat.size > _SAMPLE:
        flat = flat[np.random.default_rng(0).integers(0, flat.size, _SAMPLE)]
    flat = flat[np.isfinite(flat)].astype(np.float64)
    values, counts = np.unique(flat, return_counts=True)
    return values, counts


def normalise(
    pixels: NDArray[Any], statistics: Statistics, rule: IntensityRule
) -> NDArray[np.float32]:
    """Apply a rule to a crop of the plane whose statistics are given.

    Parameters
    ----------
    pixels : array, shape (C, Y, X)
        Any real dtype.
    statistics : Statistics
        Of the whole plane, C channels.
    rule : IntensityRule
        The rule in the model's card.

    Returns
    -------
    array of float32, shape (C, Y, X)
        NaN becomes 0 (the mean), infinite pixels the nearest limit of the clipping, or 0 where
        the rule does not clip. A constant channel becomes 0.
    """
    if rule is IntensityRule.NONE:
        return np.nan_to_num(pixels.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high, mean, deviation = (
        each[:, None, None]
        for each in (statistics.low, statistics.high, statistics.mean, statistics.deviation)
    )
    scale = np.where(deviation > 0, deviation, 1.0)
    scaled = (np.clip(pixels.astype(np.float64), low, high) - mean) / scale
    return np.nan_to_num(scaled, nan=0.0).astype(np.float32)
