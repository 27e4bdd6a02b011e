"""What the values of a file with a colour table are: colours for a micrograph, indices for a mask.

::

    stored  0 1 2      table  0: 90 90 90     a micrograph is read as   90 140  20
            2 1 0             1: 140 140 140  a mask is read as          0   1   2
                              2: 20 20 20

A table that runs smoothly through 128 and more colours, as ``fire`` or ``green`` of ImageJ, is laid
over intensities to show them; there the stored values are the intensities.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import Axis
from emseg.reading.signals.signal import Index, Shared, Signal

_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
_SMOOTH = 16  # of 255: how far neighbours of a table that is laid over intensities lie apart
_SHARE = 0.97  # of the neighbours; its ends may be marked by colours of their own
_DISTINCT = 128  # colours of such a table; tables of classes have fewer
_OWN = 0.75  # share of the greys that stand for themselves where the others mark: Zeiss has 0.9
_RISING = (
    0.25  # share of its steps that become no darker; palettes of pictures are sorted downwards
)


def table_of(entries: NDArray[Any]) -> NDArray[np.uint8]:
    """Bring the colour map of a TIFF to 8 bits.

    Parameters
    ----------
    entries : array of uint16, shape (3, K)
        Red, green and blue from 0 to 65535; some programs write 0 to 255.

    Returns
    -------
    array of uint8, shape (K, 3)
    """
    shift = 8 if entries.max(initial=0) > 255 else 0
    return np.ascontiguousarray((entries >> shift).T.astype(np.uint8))


def as_micrograph(signal: Signal) -> Signal:
    """Read what a viewer shows, unless the table only colours intensities.

    Parameters
    ----------
    signal : Signal
        Any; it is changed when it has a colour table.

    Returns
    -------
    Signal
        One grey channel, or the colour samples red, green and blue, in uint8; with a notice
        unless the stored values are the greys.
    """
    table = signal.palette
    if table is None:
        return signal
    if _is_over_intensities(table):
        return signal if _is_grey(table) else _with_notice(signal, _KEPT)
    if not _is_grey(table):
        axes = (*signal.axes, Axis("s", 3))
        read = _looked_up(signal.read, _padded(table, signal.dtype), samples=True)
        return _with_notice(_shown(signal, read, axes), _COLOURS)
    read = _looked_up(signal.read, _padded(table[:, 0], signal.dtype), samples=False)
    shown = _shown(signal, read, signal.axes)
    in_order = np.array_equal(table[:, 0], np.arange(len(table)))
    return shown if in_order else _with_notice(shown, _GREYS)


def as_mask(signal: Signal) -> Signal:
    """Keep indices, but where the table only says that white is 0, as WhiteIsZero of TIFF does.

    Parameters
    ----------
    signal : Signal
        Any; it is changed when its table runs evenly from white to black.

    Returns
    -------
    Signal
        Black is 0, as in an image without a table, with the table turned.
    """
    table = signal.palette
    if table is None or not _is_falling(table):
        return signal
    turned = np.ascontiguousarray(table[::-1])
    return dataclasses.replace(black_as_zero(signal, len(table) - 1), palette=turned)


def black_as_zero(signal: Signal, top: int) -> Signal:
    """Turn values that are stored with white as 0.

    Parameters
    ----------
    signal : Signal
        As it is stored.
    top : int
        The value of black, where values are unsigned integers; signed ones and floats, whose
        black is nowhere defined, only change their sign (-1 - v and -v).

    Returns
    -------
    Signal
        Of the same type, with a notice.
    """
    kind = signal.dtype.kind

    def read(index: Index) -> NDArray[Any]:
        stored = np.asarray(signal.read(index))
        if kind == "u":
            return np.asarray(stored.dtype.type(top) - stored)
        return np.asarray(np.negative(stored) if kind == "f" else np.invert(stored))

    return _with_notice(dataclasses.replace(signal, read=read), _WHITE_IS_ZERO)


_WHITE_IS_ZERO = Shared(
    "is stored with white as 0 (WhiteIsZero); it is read as a viewer shows it, with black as 0",
    "{} more with white stored as 0 as well",
)
_KEPT = Shared(
    "has a colour table that is laid over intensities to show them; the intensities are read, "
    "not the colours; where the colours are meant, save it as RGB",
    "the colour tables of {} more are left out as well",
)
_COLOURS = Shared(
    "has a colour table, and its colours are read; masks and label images keep the indices",
    "the colours of {} more come from a colour table as well",
)
_GREYS = Shared(
    "has a table of greys, and the greys are read; masks and label images keep the indices",
    "the greys of {} more come from a table as well",
)


def _with_notice(signal: Signal, notice: str) -> Signal:
    return dataclasses.replace(signal, notices=(*signal.notices, notice))


def _is_grey(table: NDArray[np.uint8]) -> bool:
    return bool((table == table[:, :1]).all())


def _is_falling(table: NDArray[np.uint8]) -> bool:
    """Whether greys fall from white to black in even steps, as far as 8 bits can tell."""
    even = np.linspace(255, 0, len(table))
    return len(table) > 1 and _is_grey(table) and bool((np.abs(table[:, 0] - even) <= 1).all())


def _is_over_intensities(table: NDArray[np.uint8]) -> bool:
    """Whether the order of the colours is that of intensities, so that these are what counts."""
    rising = np.diff(table @ np.array(_LUMA)) >= 0
    if len(table) > 256 and rising.all():  # eight bits of grey would lose some
        return True
    if len(table) < _DISTINCT or _is_grey(table):
        return False
    own = (table == np.arange(len(table))[:, None]).all(axis=1)
    if own.mean() >= _OWN:
        return True
    if len(np.unique(table, axis=0)) < _DISTINCT:
        return False
    steps = np.abs(np.diff(table.astype(np.int16), axis=0)).max(axis=1)
    return bool((steps <= _SMOOTH).mean() >= _SHARE and rising.mean() >= _RISING)


def _padded(table: NDArray[np.uint8], dtype: np.dtype[Any]) -> NDArray[np.uint8]:
    """Black stands for values behind the end of the table, as viewers show them."""
    count = 2 if dtype.kind == "b" else 1 << 8 * dtype.itemsize
    missing = ((0, max(count - len(table), 0)), *((0, 0) for _ in table.shape[1:]))
    return np.pad(table, missing)


def _looked_up(
    read: Callable[[Index], NDArray[Any]], table: NDArray[np.uint8], *, samples: bool
) -> Callable[[Index], NDArray[Any]]:
    def shown(index: Index) -> NDArray[np.uint8]:
        stored = np.asarray(read(index[:-1] if samples else index))
        flat = stored.reshape(stored.shape[0], -1) if stored.ndim else stored.reshape(1, 1)
        found = np.empty((*flat.shape, *table.shape[1:]), np.uint8)
        for row, values in zip(found, flat, strict=True):  # a row: positions take 64 bits
            row[...] = table[values.astype(np.intp)]
        whole: NDArray[np.uint8] = found.reshape(*stored.shape, *table.shape[1:])
        return np.asarray(whole[..., index[-1]] if samples else whole)

    return shown


def _shown(signal: Signal, read: Callable[[Index], NDArray[Any]], axes: tuple[Axis, ...]) -> Signal:
    pieces = signal.pieces and (*signal.pieces, 3)[: len(axes)]
    return dataclasses.replace(
        signal, read=read, axes=axes, dtype=np.dtype(np.uint8), palette=None, pieces=pieces
    )
