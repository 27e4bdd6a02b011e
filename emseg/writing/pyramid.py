"""Smaller copies of large planes, by which viewers show them at once, made from bands of rows.

::

    5000 x 4200  ->  2500 x 2100  ->  1250 x 1050  ->  625 x 525

Intensities are averaged over areas of 2 x 2 pixels. Label values are picked and never averaged,
because between class 1 and class 3 there is no class 2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LARGE = 4096
_SMALL = 1024


def level_count(height: int, width: int) -> int:
    """How many smaller copies a plane gets; none unless a side is longer than 4096 pixels."""
    longest = max(height, width)
    if longest <= _LARGE:
        return 0
    count = 0
    while longest > _SMALL:
        longest = -(-longest // 2)
        count += 1
    return count


def level_size(height: int, width: int, level: int) -> tuple[int, int]:
    """Height and width of a copy; level 0 is the plane itself, odd lengths are rounded up."""
    step = 1 << level
    return -(-height // step), -(-width // step)


class Bands:
    """Gathers rows that come in any number, and hands them on in bands of one height.

    Parameters
    ----------
    size : tuple of int
        Channels, height and width of a plane.
    dtype : dtype
        Of the values.
    rows : int
        Height of a band; the last one of a plane has what is left.
    take : callable
        Is given the first row of a band in its plane, and the band, shape (C, rows, X), which is
        another one's memory as soon as it returns.
    """

    def __init__(
        self,
        size: tuple[int, int, int],
        dtype: np.dtype[Any],
        rows: int,
        take: Callable[[int, NDArray[Any]], None],
    ) -> None:
        self._size, self._dtype, self._rows, self._take = size, dtype, rows, take
        self._top = self._gathered = 0
        self._buffer: NDArray[Any] | None = None

    def put(self, rows: NDArray[Any]) -> None:
        """Take the next rows, shape (C, any number, X); behind the last row the next plane begins.

        A band that comes whole is handed on as it is, and not copied.
        """
        at, count = 0, rows.shape[1]
        while at < count:
            missing = min(self._rows, self._size[1] - self._top) - self._gathered
            part = rows[:, at : at + missing]
            at += part.shape[1]
            if part.shape[1] == missing and not self._gathered:
                self._hand_on(part)
                continue
            self._keep(part)
            if part.shape[1] == missing:
                self._hand_on(self._kept[:, : self._gathered])

    def _keep(self, part: NDArray[Any]) -> None:
        self._kept[:, self._gathered : self._gathered + part.shape[1]] = part
        self._gathered += part.shape[1]

    @property
    def _kept(self) -> NDArray[Any]:
        if self._buffer is None:
            channels, height, width = self._size
            self._buffer = np.empty((channels, min(self._rows, height), width), self._dtype)
        return self._buffer

    def _hand_on(self, band: NDArray[Any]) -> None:
        top, below = self._top, self._top + band.shape[1]
        self._gathered, self._top = 0, below if below < self._size[1] else 0
        self._take(top, band)


@dataclass(frozen=True, slots=True)
class Strip:
    """A band of rows of a plane, level 0, or of one of its smaller copies.

    Parameters
    ----------
    level : int
        How often the plane was halved.
    top : int
        The first row.
    pixels : array, shape (C, rows, X)
        Another one's memory as soon as it was looked at.
    """

    level: int
    top: int
    pixels: NDArray[Any]

    @property
    def rows(self) -> slice:
        """Where it lies in its level."""
        return slice(self.top, self.top + self.pixels.shape[1])


class Cascade:
    """Hands on strips of planes and, halved again and again, strips of their smaller copies.

    Parameters
    ----------
    size, dtype
        As for `Bands`.
    rows : int
        Height of the strips of each level; even.
    copies : int
        How many smaller copies there are.
    averaged : bool
        Whether areas are averaged, or every other pixel is taken.
    take : callable
        Is given each strip.
    """

    def __init__(
        self,
        size: tuple[int, int, int],
        dtype: np.dtype[Any],
        rows: int,
        *,
        copies: int,
        averaged: bool,
        take: Callable[[Strip], None],
    ) -> None:
        channels, height, width = size
        self._halved = _mean_of_areas if averaged else _every_other
        self._take = take
        self._levels = [
            Bands(
                (channels, *level_size(height, width, level)), dtype, rows, partial(self._on, level)
            )
            for level in range(copies + 1)
        ]

    def put(self, rows: NDArray[Any]) -> None:
        """Take the next rows of the plane, shape (C, any number, X)."""
        self._levels[0].put(rows)

    def _on(self, level: int, top: int, band: NDArray[Any]) -> None:
        self._take(Strip(level, top, band))
        if level + 1 < len(self._levels):
            self._levels[level + 1].put(self._halved(band))


def _every_other(band: NDArray[Any]) -> NDArray[Any]:
    return band[:, ::2, ::2]


def _mean_of_areas(band: NDArray[Any]) -> NDArray[Any]:
    """Average 2 x 2 pixels in their own type, without overflow; an odd edge counts twice."""
    _, height, width = band.shape
    if height % 2 or width % 2:
        band = np.pad(band, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    a, b, c, d = (band[:, y::2, x::2] for y in (0, 1) for x in (0, 1))
    if band.dtype.kind == "f":
        quarter = band.dtype.type(0.25)
        with np.errstate(all="ignore"):  # not finite in, not finite out
            averaged: NDArray[Any] = a * quarter + b * quarter + c * quarter + d * quarter
        return averaged
    quarters = (a >> 2) + (b >> 2) + (c >> 2) + (d >> 2)
    rests = (a & 3) + (b & 3) + (c & 3) + (d & 3)
    mean: NDArray[Any] = quarters + ((rests + 2) >> 2)
    return mean
