"""Images brought to another size: areas are averaged on the way down, curves drawn on the way up.

Both directions are separable and linear, so one sparse matrix an axis says it all. From six
pixels to four, each new pixel is the average of one and a half old ones::

    old     |  a  |  b  |  c  |  d  |  e  |  f  |
    new     |   0    |   1    |   2    |   3    |      0 = (a + b / 2) / 1.5
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

from emseg.pixels import Pixels, ReadPixels

_BAND = 1 << 22  # values that are held as floats at a time


class Upwards(StrEnum):
    """How values are found between pixels; on the way down, areas are averaged either way."""

    CUBIC = "cubic"  # Keys, IEEE Trans. ASSP 29 (1981): keeps edges; may overshoot
    LINEAR = "linear"  # never leaves the range of the values, so probabilities stay some


def resample(
    values: NDArray[Any], size: tuple[int, int], upwards: Upwards = Upwards.CUBIC
) -> NDArray[Any]:
    """Bring planes to another size.

    Parameters
    ----------
    values : array, shape (C, Y, X)
        Any real dtype.
    size : tuple of int
        Height and width of the result; each axis goes up or down by itself.
    upwards : Upwards
        How an axis becomes longer.

    Returns
    -------
    array, shape (C, *size)
        float32, or float64 for values that float32 cannot hold: integers of 32 bits and more,
        and float64. The corners of the planes stay where they are.
    """
    grid = _Grid(values.shape, size, values.dtype, upwards)
    result = np.empty((len(values), *size), grid.dtype)
    for start, stop in grid.steps(0, size[0]):
        first, last = grid.needed(start, stop)
        result[:, start:stop] = grid.band(values[:, first:last], first, start, stop)
    return result


def resampled(pixels: Pixels, size: tuple[int, int], upwards: Upwards = Upwards.CUBIC) -> Pixels:
    """Do as `resample` does when and as far as rows of the result are asked for.

    Parameters
    ----------
    pixels : Pixels, shape (C, Y, X)
        For some rows of the result only those are read that lie under them.
    size, upwards
        As `resample` takes them.

    Returns
    -------
    Pixels, shape (C, *size)
        Of the type that `resample` gives.
    """
    grid = _Grid(pixels.shape, size, pixels.dtype, upwards)

    def read(top: int, bottom: int) -> NDArray[Any]:
        rows = np.empty((len(pixels), bottom - top, size[1]), grid.dtype)
        for start, stop in grid.steps(top, bottom):
            first, last = grid.needed(start, stop)
            band = grid.band(pixels[:, first:last], first, start, stop)
            rows[:, start - top : stop - top] = band
        return rows

    return ReadPixels(read, (len(pixels), *size), grid.dtype)


class ResampledStream:
    """Does as `resample` does with values that come a band of rows at a time, from top to bottom.

    Parameters
    ----------
    channels : int
        Of the values.
    old, size : tuple of int
        Height and width of what is put in, and of the result.
    upwards : Upwards
        How an axis becomes longer; linear, since the values are probabilities.
    """

    def __init__(
        self,
        channels: int,
        old: tuple[int, int],
        size: tuple[int, int],
        upwards: Upwards = Upwards.LINEAR,
    ) -> None:
        self._grid = _Grid((channels, *old), size, np.dtype(np.float32), upwards)
        self._held = np.empty((channels, 0, old[1]), np.float32)
        self._first = self._done = 0

    def put(self, band: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Take the next rows.

        Parameters
        ----------
        band : array of float32, shape (K, rows, X)

        Yields
        ------
        top : int
            First row of a band of the result; together they are all of it once all was put.
        band : array of float32, shape (K, rows, X')
        """
        grid, held = self._grid, np.concatenate([self._held, band], axis=1)
        ready = grid.ready(self._first + held.shape[1])
        for start, stop in grid.steps(self._done, ready):
            yield start, grid.band(held, self._first, start, stop)
        self._done = ready
        needed = grid.needed(ready, ready + 1)[0] if ready < grid.height else grid.old
        self._held = held[:, needed - self._first :].copy()
        self._first = needed


class _Grid:
    """Which rows and columns of the old pixels make those of the new ones, and how.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width of the old.
    size : tuple of int
        Height and width of the new.
    dtype : dtype
        Of the old values.
    upwards : Upwards
        How an axis becomes longer.
    """

    def __init__(
        self, shape: tuple[int, ...], size: tuple[int, int], dtype: np.dtype[Any], upwards: Upwards
    ) -> None:
        self.dtype = np.result_type(dtype, np.float32)
        self.old, self.height = shape[1], size[0]
        self._down, self._across = (
            _weights(old, new, upwards).astype(self.dtype)
            for old, new in zip(shape[1:], size, strict=True)
        )
        taken = max(1, _BAND // max(1, shape[0] * shape[2]))
        made = max(1, _BAND // max(1, shape[0] * size[1]))
        self._step = min(made, max(1, round(taken * size[0] / shape[1])))
        starts = self._down.indptr[:-1]
        tops = np.minimum.reduceat(self._down.indices, starts)
        bottoms = np.maximum.reduceat(self._down.indices, starts) + 1
        self._tops = np.minimum.accumulate(tops[::-1])[::-1]  # of a row and of those below it
        self._bottoms = np.maximum.accumulate(bottoms)  # of a row and of those above it

    def steps(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Cut rows of the new into bands that are held at a time."""
        for top in range(start, stop, self._step):
            yield top, min(top + self._step, stop)

    def needed(self, top: int, bottom: int) -> tuple[int, int]:
        """Say which rows of the old make some of the new, as the first and the one behind."""
        return int(self._tops[top]), int(self._bottoms[bottom - 1])

    def ready(self, count: int) -> int:
        """Count the rows of the new that the first rows of the old make, from the top."""
        return int(np.searchsorted(self._bottoms, count, side="right"))

    def band(self, values: NDArray[Any], first: int, top: int, bottom: int) -> NDArray[Any]:
        """Make rows of the new out of rows of the old, which begin at ``first``."""
        start, stop = self.needed(top, bottom)
        weights = self._down[top:bottom][:, start:stop]
        part = values[:, start - first : stop - first].astype(self.dtype)
        return np.stack([self._across @ (weights @ each).T for each in part]).swapaxes(1, 2)


def _weights(old: int, new: int, upwards: Upwards) -> "csr_array":
    """Share of each old sample in each new one, shape (new, old); every row sums to 1."""
    if new <= old:
        return _areas(old, new)
    return _between(old, new, upwards)


def _areas(old: int, new: int) -> "csr_array":
    edges = np.arange(new + 1) * (old / new)
    first = np.floor(edges[:-1]).astype(int)
    reach = np.arange(int(np.ceil(old / new)) + 1)
    columns = first[:, None] + reach
    overlap = np.minimum(edges[1:, None], columns + 1) - np.maximum(edges[:-1, None], columns)
    return _sparse(np.clip(overlap, 0, None), columns, old)


def _between(old: int, new: int, upwards: Upwards) -> "csr_array":
    middle = (np.arange(new) + 0.5) * (old / new) - 0.5
    columns = np.floor(middle).astype(int)[:, None] + np.arange(-1, 3)
    distance = np.abs(middle[:, None] - columns)
    if upwards is Upwards.LINEAR:
        return _sparse(np.clip(1 - distance, 0, None), columns, old)
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return _sparse(np.where(distance <= 1, near, np.where(distance < 2, far, 0)), columns, old)


def _sparse(weights: NDArray[np.float64], columns: NDArray[np.int64], old: int) -> "csr_array":
    """Rows of weights; what lies past the ends of the axis is its last sample again."""
    from scipy.sparse import csr_array

    rows = np.repeat(np.arange(len(weights)), weights.shape[1])
    weights = weights / weights.sum(axis=1, keepdims=True)
    kept = weights.ravel() != 0
    inside = columns.clip(0, old - 1).ravel()
    shape = (len(weights), old)
    return csr_array((weights.ravel()[kept], (rows[kept], inside[kept])), shape=shape)
