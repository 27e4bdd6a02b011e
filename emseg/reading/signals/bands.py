"""Reads rows of a plane, and all of it a band of rows at a time, so that its size is no matter."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from emseg.reading.signals.layout import Layout
from emseg.reading.signals.orientation import is_crossed
from emseg.reading.signals.signal import Signal

_BAND = 1 << 25  # bytes that are read at a time


@dataclass(frozen=True, slots=True)
class ReadBand:
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


def rows_of(signal: Signal, layout: Layout, plane: int, top: int, bottom: int) -> NDArray[Any]:
    """Read the rows from ``top`` to ``bottom``, the end not included.

    Parameters
    ----------
    signal : Signal
        An image.
    layout : Layout
        Of its axes.
    plane : int
        Counted from 0.
    top, bottom : int
        They lie in the plane.

    Returns
    -------
    array, shape (C, rows, X)
        In the dtype of the file.
    """
    index, shape = list(layout.index(plane)), list(layout.shape)
    index[layout.y], shape[layout.y] = slice(top, bottom), bottom - top
    return replace(layout, shape=tuple(shape)).arrange(signal.read(tuple(index)))


def rows_together(signal: Signal, layout: Layout) -> int:
    """How many rows of a plane are decoded together, counted from the top; all, if need be."""
    if is_crossed(signal.orientation):
        return layout.size[0]
    return max(1, signal.pieces[layout.y]) if signal.pieces else 1


def bands(
    signal: Signal, layout: Layout, plane: int, *, multiple: int = 1, whole: bool = False
) -> Iterator[ReadBand]:
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
    ReadBand
        Together they hold each row once.
    """
    height, width = layout.size
    row = layout.channel_count * width * signal.dtype.itemsize
    whole = whole or is_crossed(signal.orientation)
    rows = height if whole else max(_BAND // row // multiple, 1) * multiple
    for top in range(0, height, rows):
        yield ReadBand(top, rows_of(signal, layout, plane, top, min(top + rows, height)))
