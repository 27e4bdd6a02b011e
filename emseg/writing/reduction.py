"""Planes in the size of a picture, from bands of rows: intensities averaged, labels picked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.writing.pyramid import Bands

Size = tuple[int, int]

_OVERSAMPLING = 3
_COLOURS = 3
_ROWS = 256  # that are averaged at a time, at least a row of blocks


def block_means_size(size: Size, shown: Size) -> Size:
    """Height and width of what `BlockMeans` makes of a plane."""
    tall, wide = _block(size, shown)
    return size[0] // tall, size[1] // wide


def _block(size: Size, shown: Size) -> Size:
    return max(1, size[0] // shown[0]), max(1, size[1] // shown[1])


class BlockMeans:
    """Averages whole blocks of pixels until less than twice the shown size is left.

    Of three channels all are looked at, of others the first.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width of the plane.
    dtype : dtype
        Of its pixels.
    shown : tuple of int
        Height and width of the picture.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], shown: Size) -> None:
        channels, height, width = shape
        channels = channels if channels == _COLOURS else 1
        self._block = tall, wide = _block((height, width), shown)
        precision = np.float64 if dtype.itemsize > 2 else np.float32
        self.means: NDArray[np.floating] = np.empty(
            (channels, height // tall, width // wide), precision
        )
        """Shape (1 or 3, Y, X); complete when all rows came."""
        self._bands = Bands((channels, height, width), dtype, tall * -(-_ROWS // tall), self._take)

    def put(self, rows: NDArray[Any]) -> None:
        """Take the next rows, shape (C, any number, X)."""
        self._bands.put(rows[: len(self.means)])

    def _take(self, top: int, band: NDArray[Any]) -> None:
        tall, wide = self._block
        channels, _, across = self.means.shape
        first, down = top // tall, band.shape[1] // tall
        trimmed = band[:, : down * tall, : across * wide]
        into = self.means[:, first : first + down]
        if self._block == (1, 1):
            into[...] = trimmed
            return
        blocks = trimmed.reshape(channels, down, tall, across, wide)
        with np.errstate(all="ignore"):  # not finite in, not finite out
            into[...] = blocks.mean(axis=(2, 4), dtype=into.dtype)


class Picked:
    """Takes the values at the centres of a picture's pixels.

    Parameters
    ----------
    size : tuple of int
        Height and width of the plane.
    dtype : dtype
        Of its values, such as class indices, which have no mean.
    shown : tuple of int
        Height and width of the picture.
    """

    def __init__(self, size: Size, dtype: np.dtype[Any], shown: Size) -> None:
        self._rows, self._columns = (
            ((np.arange(short) + 0.5) * length / short).astype(np.intp)
            for short, length in zip(shown, size, strict=True)
        )
        self.values: NDArray[Any] = np.empty(shown, dtype)
        """Shape ``shown``; complete when all rows came."""
        self._top = 0

    def put(self, rows: NDArray[Any]) -> None:
        """Take the next rows, shape (any number, X)."""
        below = self._top + len(rows)
        first, stop = np.searchsorted(self._rows, (self._top, below))
        picked = np.ix_(self._rows[first:stop] - self._top, self._columns)
        self.values[first:stop] = rows[picked]
        self._top = below


def nearest(values: NDArray[Any], shown: Size) -> NDArray[Any]:
    """Take the values of a plane, shape (Y, X), that is all there; see `Picked`."""
    picked = Picked((values.shape[0], values.shape[1]), values.dtype, shown)
    picked.put(values)
    return picked.values


def oversampled(size: tuple[int, ...], shown: Size) -> Size:
    """Size at which colours are averaged down to the shown one without missing thin parts."""
    fine = [
        min(length, short * _OVERSAMPLING) if length > short else short
        for length, short in zip(size, shown, strict=True)
    ]
    return fine[0], fine[1]
