"""Kept pixels become rows of one image again, a band of tiles at a time.

::

    tiles of one row    | keeps | keeps | keeps |
                        +-------+-------+-------+
    take(stop)          =========================   all columns of the rows up to there
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.tiling.grid import Tile


class Stitch:
    """Assign the kept inside of each tile; nothing is averaged, nothing is kept twice.

    Parameters
    ----------
    channels : int
        Channels of the result.
    size : tuple of int
        Height and width of the image, without padding.
    dtype : dtype
        Of the result.
    start : int
        First row that is kept here; those above are kept elsewhere.
    """

    def __init__(
        self, channels: int, size: tuple[int, int], dtype: Any = np.float32, *, start: int = 0
    ) -> None:
        self._height, width = size
        self._start = start  # the first row that was not taken
        self._rows: NDArray[Any] = np.empty((channels, 0, width), dtype)

    def put(self, tile: Tile, values: NDArray[Any]) -> None:
        """Place what a tile computed, shape (C, read height, read width)."""
        self._reach(min(tile.y.keep_stop, self._height))
        height, width = self._rows.shape[1:]
        rows = _clipped(tile.y.keep_start - self._start, tile.y.keep_stop - self._start, height)
        columns = _clipped(tile.x.keep_start, tile.x.keep_stop, width)
        kept = values[:, tile.y.inside, tile.x.inside]
        self._rows[:, rows, columns] = kept[
            :, : rows.stop - rows.start, : columns.stop - columns.start
        ]

    def take(self, stop: int) -> NDArray[Any]:
        """Take the rows up to this one, shape (C, rows, X); once each."""
        count = min(stop, self._height) - self._start
        taken, self._rows = self._rows[:, :count], self._rows[:, count:].copy()
        self._start += count
        return taken

    def _reach(self, stop: int) -> None:
        """Make room for the rows up to this one."""
        missing = stop - self._start - self._rows.shape[1]
        if missing > 0:
            channels, _, width = self._rows.shape
            room = np.zeros((channels, missing, width), self._rows.dtype)
            self._rows = np.concatenate((self._rows, room), axis=1) if self._rows.size else room


class Blend(Stitch):
    """Average overlapping tiles, each weighted most in its middle.

    The weight is a Gaussian of an eighth of the tile's length, as in nnU-Net (Isensee et
    al., Nature Methods 18, 203-211, 2021). Rows that no further tile reaches are taken out, so
    that one band of tiles is in memory::

        rows of tile 0      * * * * * *
        rows of tile 1            * * * * * *
        take(3)             * * *

    Parameters
    ----------
    channels : int
        Channels of the result.
    size : tuple of int
        Height and width of the image, without padding.
    """

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__(channels + 1, size)  # the last one sums weights

    def put(self, tile: Tile, values: NDArray[np.float32]) -> None:
        """Add what a tile computed, shape (C, read height, read width)."""
        weight = np.outer(_gaussian(values.shape[1]), _gaussian(values.shape[2]))
        self._reach(min(tile.y.read_stop, self._height))
        height, width = self._rows.shape[1:]
        rows = _clipped(tile.y.read_start - self._start, tile.y.read_stop - self._start, height)
        columns = _clipped(tile.x.read_start, tile.x.read_stop, width)
        inside = (slice(0, rows.stop - rows.start), slice(0, columns.stop - columns.start))
        self._rows[:-1, rows, columns] += (values * weight)[:, *inside]
        self._rows[-1, rows, columns] += weight[inside]

    def take(self, stop: int) -> NDArray[np.float32]:
        """Take the weighted mean of the rows up to this one, shape (C, rows, X); once each."""
        sums = super().take(stop)
        mean: NDArray[np.float32] = sums[:-1] / sums[-1]
        return mean


def _clipped(start: int, stop: int, length: int) -> slice:
    return slice(start, min(stop, length))


def _gaussian(length: int) -> NDArray[np.float32]:
    distance = np.arange(length, dtype=np.float32) - (length - 1) / 2
    weight = np.exp(-0.5 * (distance / (length / 8)) ** 2)
    floored: NDArray[np.float32] = np.maximum(weight, 1e-3).astype(np.float32)
    return floored
