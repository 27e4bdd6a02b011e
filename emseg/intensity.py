"""Normalisation rules: from the intensities of a file to the numbers that a network sees.

A rule is named in the model's card, its statistics are taken from each micrograph, and the
result does not depend on the tile: the statistics are those of the whole plane.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from emseg.errors import ContentError
from emseg.micrograph import Micrograph, count_values
from emseg.pixels import row_bands

_log = logging.getLogger(__name__)
_BAND = 1 << 22  # pixels that are held as float64 at a time, 32 MiB
_SPARE = 1 << 16  # values that are held beyond the tails before these are cut
_CACHED = 1 << 15  # pixels that are scaled at a time, 256 KiB as float64
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


def joined(each: Sequence[Statistics]) -> Statistics:
    """Lay the statistics of the channels of several planes one behind the other."""
    names = [field.name for field in fields(Statistics)]
    return Statistics(*(np.concatenate([getattr(one, name) for one in each]) for name in names))


def middle_of(statistics: Statistics, channels: int) -> Statistics:
    """Take the statistics of so many channels out of the middle of more."""
    start = (len(statistics.low) - channels) // 2
    each = (getattr(statistics, field.name) for field in fields(Statistics))
    return Statistics(*(values[start : start + channels] for values in each))


def measure(micrograph: Micrograph) -> Statistics:
    """Measure the statistics of a whole plane: exactly, whatever its dtype and its size.

    An image has the same statistics as uint16, int32, float32 and big-endian. It is read once, a
    band of rows at a time: integers of 8 and 16 bits are counted; of other values those that may
    be in the tails are held, and the rest are summed.

    Raises
    ------
    ContentError
        When no pixel is finite, or the values are so large that their variance is not.
    """
    plane = "" if micrograph.plane is None else f"[{micrograph.plane}]"
    where = f"{micrograph.path or micrograph.name}{plane}"
    pixels = micrograph.pixels
    countable = pixels.dtype.kind in "bui" and pixels.dtype.itemsize <= 2
    size = pixels.shape[1] * pixels.shape[2]
    found = [_Histogram(pixels.dtype) if countable else _Stream(size) for _ in range(len(pixels))]
    for _, band in row_bands(pixels, _BAND * len(pixels) * pixels.dtype.itemsize):
        for values, channel in zip(found, band, strict=True):
            values.add(channel)
    rows = [_channel_statistics(values, size, where) for values in found]
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


def _channel_statistics(
    values: "_Values", size: int, where: str
) -> tuple[float, float, float, float]:
    if values.count == 0:
        raise ContentError(f"{where} has no finite pixel; leave it out")
    if values.count < size:
        _tell_no_numbers(where, size - values.count, size)
    low, high = values.tails(_rank(values.count, _TAIL), _rank(values.count, 1 - _TAIL))
    if low == high:  # a few bright pixels on an empty ground are the image, not its tails
        low, high = values.tails(1, values.count)
    if low == high:
        return low, high, low, 0.0
    if max(abs(low), abs(high)) > _LARGEST:
        raise ContentError(
            f"{where} holds values from {low:.3g} to {high:.3g}, which are too large to compute "
            "with; divide them by a number, or leave it out"
        )
    moments = values.moments(low, high)
    return low, high, moments.mean, (moments.squares / moments.count) ** 0.5


def _rank(count: int, share: float) -> int:
    """Which of so many sorted values, counted from 1, ends a share of them."""
    return min(count, math.ceil(share * count))


@dataclass(frozen=True, slots=True)
class _Moments:
    """How many values there are, their mean, and the sum of their squared distances from it."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: NDArray[np.float64], but: NDArray[np.intp] | None = None) -> Self:
        """Sum up values, which are overwritten, but those at some places."""
        left_out = np.empty(0, np.intp) if but is None else but
        count = values.size - left_out.size
        if not count:
            return cls()
        with np.errstate(over="ignore", invalid="ignore"):  # of what is refused as too large
            values[left_out] = 0
            mean = float(values.sum()) / count
            values -= mean
            values[left_out] = 0
            return cls(count, mean, float(values @ values))

    def __add__(self, other: "_Moments") -> "_Moments":
        """Chan, Golub and LeVeque, Stanford STAN-CS-79-773 (1979): no large numbers cancel."""
        count = self.count + other.count
        if not self.count or not other.count:
            return self if self.count else other
        apart = other.mean - self.mean
        return _Moments(
            count,
            self.mean + apart * other.count / count,
            self.squares + other.squares + apart * apart * self.count * other.count / count,
        )


class _Values(Protocol):
    """The finite values of one channel."""

    @property
    def count(self) -> int:
        """How many there are."""

    def add(self, channel: NDArray[Any]) -> None:
        """Take some rows of the channel, shape (rows, X)."""

    def tails(self, low: int, high: int) -> tuple[float, float]:
        """Find the values of two ranks near either end, counted from 1 among the sorted."""

    def moments(self, low: float, high: float) -> _Moments:
        """Sum up all values, clipped to such that `tails` gave."""


class _Histogram:
    """How often each value occurs."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._lowest = np.iinfo(dtype).min if dtype.kind == "i" else 0
        self._counts = np.zeros(1 << 8 * dtype.itemsize, np.int64)

    @property
    def count(self) -> int:
        return int(self._counts.sum())

    def add(self, channel: NDArray[Any]) -> None:
        self._counts += count_values(channel)

    def tails(self, low: int, high: int) -> tuple[float, float]:
        places = np.searchsorted(np.cumsum(self._counts), [low, high])
        return float(places[0] + self._lowest), float(places[1] + self._lowest)

    def moments(self, low: float, high: float) -> _Moments:
        found = np.flatnonzero(self._counts)
        counts, values = self._counts[found], np.clip(found + self._lowest, low, high)
        mean = float(np.dot(values, counts)) / self.count
        return _Moments(self.count, mean, float(np.dot((values - mean) ** 2, counts)))


class _Stream:
    """Values of any dtype: the ends are held, and what lies between them is summed up.

    ::

        -3 0 | 1 1 2 2 2 3 3 4 | 7 60000      the ends hold the two smallest and the two largest:
         ends     summed up      ends         no value between them can be in a tail
    """

    def __init__(self, size: int) -> None:
        self.count = 0
        self._most = math.ceil(_TAIL * size) + 2  # values of an end, the rounding of ranks included
        self._ends: NDArray[Any] | None = None
        self._between: tuple[Any, Any] | None = None
        self._body = _Moments()

    def add(self, channel: NDArray[Any]) -> None:
        values = np.ascontiguousarray(channel, channel.dtype.newbyteorder("=")).ravel()
        if values.dtype.kind == "f" and not (finite := np.isfinite(values)).all():
            values = values[finite]
        self.count += values.size
        if self._between is not None:
            low, high = self._between
            outside = np.flatnonzero((values < low) | (values > high))
            self._body += _Moments.of(values.astype(np.float64), outside)
            values = values[outside]
        self._ends = values if self._ends is None else np.concatenate([self._ends, values])
        if self._ends.size > 4 * self._most + _SPARE:
            self._ends = self._cut(self._ends)

    def _cut(self, ends: NDArray[Any]) -> NDArray[Any]:
        most = self._most
        ordered = np.partition(ends, [most - 1, ends.size - most])
        self._between = ordered[most - 1], ordered[-most]
        self._body += _Moments.of(ordered[most:-most].astype(np.float64))
        return np.concatenate([ordered[:most], ordered[-most:]])

    def tails(self, low: int, high: int) -> tuple[float, float]:
        ends = np.sort(np.empty(0) if self._ends is None else self._ends)
        return float(ends[low - 1]), float(ends[high - self.count - 1])

    def moments(self, low: float, high: float) -> _Moments:
        ends = np.empty(0) if self._ends is None else self._ends.astype(np.float64)
        return self._body + _Moments.of(ends.clip(low, high))


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
    out = np.empty(pixels.shape, np.float32)
    each_channel = zip(
        pixels,
        out,
        statistics.low,
        statistics.high,
        statistics.mean,
        np.where(statistics.deviation > 0, statistics.deviation, 1.0),
        strict=True,
    )
    for channel, into, *numbers in each_channel:
        _scale(channel, into, *numbers)
    return out


def _scale(
    channel: NDArray[Any],
    into: NDArray[np.float32],
    low: float,
    high: float,
    mean: float,
    deviation: float,
) -> None:
    """Clip and scale one channel, shape (Y, X), a few rows at a time, which stay in the cache."""
    rows = max(1, _CACHED // max(1, channel.shape[1]))
    has_nan = channel.dtype.kind == "f"
    for top in range(0, len(channel), rows):
        values = channel[top : top + rows].astype(np.float64)
        np.clip(values, low, high, out=values)
        values -= mean
        values /= deviation
        if has_nan:
            values[np.isnan(values)] = 0.0
        into[top : top + rows] = values
