"""Reads a plane a band of rows at a time, so that its size does not matter."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from emseg.reading.layout import Layout
from emseg.reading.orientation import is_crossed
from emseg.reading.signal import Signal

_BAND = 1 << 25  # bytes that are read at a time


@dataclass(frozen=True, slots=True)
class Band:
    """Some rows of a plane.

    Parameters
    ----------
    top : int
        Its first row.
    pixels : array, shape (C, rows, X)
        In the dtype of the file.
    """

    top: int
    pixels: NDArray[Any]


def bands(
    signal: Signal, layout: Layout, plane: int, *, multiple: int = 1, whole: bool = False
) -> Iterator[Band]:
    """Read a plane from top to bottom.

    Parameters
    ----------
    signal : Signal
        An image.
    layout : Layout
        Of its axes.
    plane : int
        Counted from 0.
    multiple : int
        Every band but the last has a multiple of so many rows.
    whole : bool
        Read the plane as one band: for formats whose every access reads all of it. A plane whose
        rows are stored as columns is read so as well.

    Yields
    ------
    Band
        Together they hold each row once.
    """
    height, width = layout.size
    row = layout.channel_count * width * signal.dtype.itemsize
    whole = whole or is_crossed(signal.orientation)
    rows = height if whole else max(_BAND // row // multiple, 1) * multiple
    index = list(layout.index(plane))
    for top in range(0, height, rows):
        index[layout.y] = slice(top, min(top + rows, height))
        shape = list(layout.shape)
        shape[layout.y] = min(top + rows, height) - top
        part = replace(layout, shape=tuple(shape))
        yield Band(top, part.arrange(signal.read(tuple(index))))
