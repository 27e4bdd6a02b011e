"""Normalisation rules: from the intensities of a file to the numbers that a network sees.

A rule is named in the model's card, its statistics are taken from each micrograph, and the
result does not depend on the tile: the statistics are those of the whole plane.
"""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from emseg.errors import ContentError
from emseg.micrograph import Micrograph, count_values

_log = logging.getLogger(__name__)
_BAND = 1 << 22  # pixels that are held as float64 at a time, 32 MiB
_SAMPLE = 1 << 20  # pixels of a larger plane by which the beginning of its tails is found
_LARGEST = 1e140  # of values; the squares of larger ones are infinite
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
    """Measure the statistics of a whole plane: exactly, whatever its dtype and its size.

    An image has the same statistics as uint16, int32, float32 and big-endian. Integers of 8 and
    16 bits are counted; of other values those in the tails are sorted, and a seeded sample of a
    large plane says about where the tails begin.

    Raises
    ------
    ContentError
        When no pixel is finite, or the values are so large that their variance is not.
    """
    plane = "" if micrograph.plane is None else f"[{micrograph.plane}]"
    where = f"{micrograph.path or micrograph.name}{plane}"
    rows = [_channel_statistics(channel, where) for channel in micrograph.array]
    if all(deviation == 0 for *_, deviation in rows):
        _tell_constant(str(micrograph.path or micrograph.name), plane)
    return Statistics(*(np.array(column) for column in zip(*rows, strict=True)))


@lru_cache(maxsize=1000)
def _tell_no_numbers(where: str, count: int, of: int) -> None:
    """Say once for an image that some of its pixels hold nothing."""
    _log.warning(
        "%s: %d of %d pixels (%.3g %%) are no numbers (NaN) or infinite; the network sees the "
        "mean in place of NaN, and the limit of the scale in place of what is infinite; they get a "
        "class all the same",
        where,
        count,
        of,
        100 * count / of,
        extra={"more": "{} more planes or files hold pixels that are no numbers"},
    )


@lru_cache(maxsize=1000)
def _tell_constant(file: str, plane: str) -> None:
    """Say once for an image, which is measured many times, that there is nothing in it."""
    _log.warning("%s%s is constant: no class can be told from another in it", file, plane)


def _channel_statistics(channel: NDArray[Any], where: str) -> tuple[float, float, float, float]:
    countable = channel.dtype.kind in "bui" and channel.dtype.itemsize <= 2
    values: _Values = _Histogram.of(channel) if countable else _Bands(channel)
    if values.count == 0:
        raise ContentError(f"{where} has no finite pixel; leave it out")
    if values.count < channel.size:
        _tell_no_numbers(where, channel.size - values.count, channel.size)
    low, high = values.tails(_rank(values.count, _TAIL), _rank(values.count, 1 - _TAIL))
    if low == high:  # a few bright pixels on an empty ground are the image, not its tails
        low, high = values.tails(1, values.count)
    if max(abs(low), abs(high)) > _LARGEST:
        raise ContentError(
            f"{where} holds values from {low:.3g} to {high:.3g}, which are too large to compute "
            "with; divide them by a number, or leave it out"
        )
    mean = _average(values, lambda v: np.clip(v, low, high))
    variance = _average(values, lambda v: (np.clip(v, low, high) - mean) ** 2)
    return low, high, mean, variance**0.5


def _rank(count: int, share: float) -> int:
    """Which of so many sorted values, counted from 1, ends a share of them."""
    return min(count, math.ceil(share * count))


class _Values(Protocol):
    """The finite values of one channel."""

    @property
    def count(self) -> int:
        """How many there are."""

    def tails(self, low: int, high: int) -> tuple[float, float]:
        """Find the values of two ranks near either end, counted from 1 among the sorted."""

    def __iter__(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int64] | None]]:
        """Values as float64, and how often each occurs, or None when each stands for itself."""


def _average(
    values: _Values, function: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> float:
    parts = (function(v).sum() if n is None else np.dot(function(v), n) for v, n in values)
    return float(math.fsum(parts)) / values.count


@dataclass(frozen=True, slots=True)
class _Histogram:
    """Distinct values, sorted, and how often each occurs."""

    values: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, channel: NDArray[Any]) -> Self:
        counts = count_values(channel)
        found = np.flatnonzero(counts)
        lowest = np.iinfo(channel.dtype).min if channel.dtype.kind == "i" else 0
        return cls((found + lowest).astype(np.float64), counts[found])

    @property
    def count(self) -> int:
        return int(self.counts.sum())

    def tails(self, low: int, high: int) -> tuple[float, float]:
        places = np.searchsorted(np.cumsum(self.counts), [low, high])
        return float(self.values[places[0]]), float(self.values[places[1]])

    def __iter__(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int64] | None]]:
        yield self.values, self.counts


class _Bands:
    """Values of any dtype, a band of rows at a time."""

    def __init__(self, channel: NDArray[Any]) -> None:
        self._channel = channel
        self.count = sum(len(values) for values, _ in self)

    def __iter__(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int64] | None]]:
        rows = max(1, _BAND // max(1, self._channel.shape[1]))
        for start in range(0, len(self._channel), rows):
            band = self._channel[start : start + rows].astype(np.float64).ravel()
            yield band[np.isfinite(band)], None

    def tails(self, low: int, high: int) -> tuple[float, float]:
        from_above = self.count - high + 1
        begin, end = self._beginnings(2 * low / self.count, 2 * from_above / self.count)
        below = self._ranked(low, begin, 1.0)
        return below, -self._ranked(from_above, -end, -1.0)

    def _beginnings(self, low: float, high: float) -> tuple[float, float]:
        """About where the tails begin that hold these shares of all values."""
        sample = self._channel.ravel()
        if sample.size > _SAMPLE:
            sample = sample[np.random.default_rng(0).integers(0, sample.size, _SAMPLE)]
        sample = sample[np.isfinite(sample)].astype(np.float64)
        if not sample.size:
            return math.inf, -math.inf
        return (
            float(np.quantile(sample, min(1, low + 1e-4))),
            float(np.quantile(sample, max(0, 1 - high - 1e-4))),
        )

    def _ranked(self, rank: int, limit: float, sign: float) -> float:
        """Value of a rank, looked for among those below a limit; of negated ones for sign -1."""
        below = [sign * values[sign * values < limit] for values, _ in self]
        tail = np.concatenate(below)
        if rank <= len(tail):
            return float(np.partition(tail, rank - 1)[rank - 1])
        at = sum(int(np.count_nonzero(sign * values == limit)) for values, _ in self)
        if rank <= len(tail) + at:
            return limit
        return self._ranked(rank, math.inf, sign)  # the sample misled: look at all of them


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
