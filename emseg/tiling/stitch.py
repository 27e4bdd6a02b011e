"""Kept pixels become one image again."""

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
    """

    def __init__(self, channels: int, size: tuple[int, int], dtype: Any = np.float32) -> None:
        self.image: NDArray[Any] = np.empty((channels, *size), dtype=dtype)

    def put(self, tile: Tile, values: NDArray[Any]) -> None:
        """Place what a tile computed, shape (C, read height, read width)."""
        height, width = self.image.shape[1:]
        rows = slice(tile.y.keep_start, min(tile.y.keep_stop, height))
        columns = slice(tile.x.keep_start, min(tile.x.keep_stop, width))
        kept = values[:, tile.y.inside, tile.x.inside]
        self.image[:, rows, columns] = kept[
            :, : rows.stop - rows.start, : columns.stop - columns.start
        ]


class Blend:
    """Average overlapping tiles, each weighted most in its middle.

    The weight is a Gaussian of an eighth of the tile's length, as in nnU-Net (Isensee et
    al., Nature Methods 18, 203-211, 2021).
    """

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        self._sum: NDArray[np.float32] = np.zeros((channels, *size), dtype=np.float32)
        self._weight: NDArray[np.float32] = np.zeros(size, dtype=np.float32)

    def put(self, tile: Tile, values: NDArray[np.float32]) -> None:
        """Add what a tile computed, shape (C, read height, read width)."""
        height, width = self._weight.shape
        weight = np.outer(_gaussian(values.shape[1]), _gaussian(values.shape[2]))
        rows = slice(tile.y.read_start, min(tile.y.read_stop, height))
        columns = slice(tile.x.read_start, min(tile.x.read_stop, width))
        inside = (slice(0, rows.stop - rows.start), slice(0, columns.stop - columns.start))
        self._sum[:, rows, columns] += (values * weight)[:, inside[0], inside[1]]
        self._weight[rows, columns] += weight[inside]

    @property
    def image(self) -> NDArray[np.float32]:
        """The weighted mean, shape (C, Y, X)."""
        return self._sum / self._weight


def _gaussian(length: int) -> NDArray[np.float32]:
    distance = np.arange(length, dtype=np.float32) - (length - 1) / 2
    weight = np.exp(-0.5 * (distance / (length / 8)) ** 2)
    floored: NDArray[np.float32] = np.maximum(weight, 1e-3).astype(np.float32)
    return floored
