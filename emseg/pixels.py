"""Pixels of a plane that may be larger than the memory: an array, or what is read when sliced.

::

    pixels[:, 300:700]      rows  0 ......   not touched
                                  256 ####   decoded together, and kept for the next band
                                  512 ####
                                  768 ....   not touched
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

LARGE = 1 << 28
"""Bytes of a plane beyond which its pixels are read when they are sliced."""

_BAND = 1 << 25  # bytes that are taken at a time
_KEPT = 1 << 27  # bytes of rows that are kept for the next band, whose halo overlaps them
_SPARSE = 8  # rows apart, beyond which each is read by itself

Index = int | slice
Rows = Callable[[int, int], NDArray[Any]]
"""Takes the first row and the one behind the last, and gives the band (C, rows, X)."""


class Pixels(Protocol):
    """Intensities of a plane, (C, Y, X): an array in memory, or what is read when it is sliced.

    What may be larger than the memory is taken a band of rows at a time, ``pixels[:, top:bottom]``.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, height and width."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""

    @property
    def ndim(self) -> int:
        """Three."""

    def __len__(self) -> int:
        """Count the channels."""

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        """Give what is asked for as an array in memory; an index means what it means to NumPy."""

    def __array__(self, dtype: Any = None, /) -> NDArray[Any]:
        """Give all of it as an array in memory."""


class LazyPixels(ABC):
    """Pixels that are read by rows, when and as far as they are sliced.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width.
    dtype : dtype
        Of the values.
    """

    ndim = 3

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)

    @abstractmethod
    def rows(self, top: int, bottom: int) -> NDArray[Any]:
        """Read the rows from ``top`` to ``bottom``, the end not included, shape (C, rows, X)."""

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, /, copy: bool | None = None) -> NDArray[Any]:
        return np.require(self[:], dtype, "W")

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        """Read what is asked for; integers, slices and an ellipsis as NumPy takes them.

        Raises
        ------
        IndexError
            When it points past the plane, or is another kind of index.
        """
        asked = _each_axis(index, self.shape)
        channels, rows, columns = (_places(at, n) for at, n in zip(asked, self.shape, strict=True))
        is_upwards = rows.step < 0
        rows = rows[::-1] if is_upwards else rows
        every = range(len(self)), range(self.shape[2])
        if rows and (rows.step == 1 or len(rows) == 1) and (channels, columns) == every:
            found = self.rows(rows[0], rows[-1] + 1)
        else:
            found = self._picked(channels, rows, columns)
        found = found[:, ::-1] if is_upwards else found
        return found[tuple(slice(None) if isinstance(at, slice) else 0 for at in asked)]

    def _picked(self, channels: range, rows: range, columns: range) -> NDArray[Any]:
        """Gather what is asked for from bands of whole rows."""
        found = np.empty((len(channels), len(rows), len(columns)), self.dtype)
        at_once = self._at_once(rows)
        for start in range(0, len(rows), at_once):
            run = rows[start : start + at_once]
            band = self.rows(run[0], run[-1] + 1)[:, :: run.step]
            found[:, start : start + len(run)] = band[_slice(channels), :, _slice(columns)]
        return found

    def _at_once(self, rows: range) -> int:
        """How many rows to take from one band: all, where the next part is likely in it too."""
        if rows.step > _SPARSE or not rows:
            return 1
        if (rows[-1] - rows[0]) * _row_bytes(self) <= _KEPT:
            return len(rows)
        return max(1, _BAND // _row_bytes(self) // rows.step)


class ReadPixels(LazyPixels):
    """Pixels that a function reads by rows; the band that was read last is kept.

    Parameters
    ----------
    read : callable
        Takes the first row and the one behind the last and gives (C, rows, X).
    shape : tuple of int
        Channels, height and width.
    dtype : dtype
        Of the values.
    together : int
        So many rows, counted from the top, are read at no more cost than one of them: the height
        of a chunk, a tile or a strip.
    """

    def __init__(
        self, read: Rows, shape: tuple[int, ...], dtype: np.dtype[Any], together: int = 1
    ) -> None:
        super().__init__(shape, dtype)
        self._read, self.together = read, together
        self._forget()

    def _forget(self) -> None:
        self._kept = 0, np.empty((len(self), 0, self.shape[2]), self.dtype)

    def rows(self, top: int, bottom: int) -> NDArray[Any]:
        """Read rows; what the last band had of them is not read again."""
        start, kept = self._kept  # other threads may put another in its place
        stop = start + kept.shape[1]
        if start <= top and bottom <= stop:
            return kept[:, top - start : bottom - start]
        first = top - top % self.together
        last = min(bottom + -bottom % self.together, self.shape[1])
        band = np.empty((len(self), last - first, self.shape[2]), self.dtype)
        known = range(max(first, start), min(last, stop)) or range(first, first)
        band[:, known.start - first : known.stop - first] = kept[
            :, known.start - start : known.stop - start
        ]
        del kept
        self._forget()
        for begin, end in ((first, known.start), (known.stop, last)):
            self._fill(band[:, begin - first : end - first], begin)
        if band.nbytes <= _KEPT:
            band.flags.writeable = False
            self._kept = first, band
        return band[:, top - first : bottom - first]

    def _fill(self, band: NDArray[Any], top: int) -> None:
        """Read a band in pieces, since what is read is there twice until it is copied."""
        at_once = max(1, _BAND // _row_bytes(self) // self.together) * self.together
        for start in range(0, band.shape[1], at_once):
            piece = band[:, start : start + at_once]
            piece[:] = self._read(top + start, top + start + piece.shape[1])


class PixelWindow(LazyPixels):
    """A part of other pixels, perhaps mirrored; use `window`."""

    def __init__(self, pixels: Pixels, rows: slice, columns: slice) -> None:
        self.pixels, self._columns = pixels, columns
        self._rows = range(pixels.shape[1])[rows]
        width = len(range(pixels.shape[2])[columns])
        super().__init__((len(pixels), len(self._rows), width), pixels.dtype)

    def rows(self, top: int, bottom: int) -> NDArray[Any]:
        """Read rows of the part."""
        return self.pixels[:, _slice(self._rows[top:bottom]), self._columns]


class Mapped(LazyPixels):
    """Other pixels, changed band by band; use `mapped`."""

    def __init__(
        self,
        pixels: Pixels,
        function: Callable[[NDArray[Any]], NDArray[Any]],
        channels: int,
        dtype: np.dtype[Any],
    ) -> None:
        self.pixels, self._function = pixels, function
        super().__init__((channels, *pixels.shape[1:]), dtype)

    def rows(self, top: int, bottom: int) -> NDArray[Any]:
        """Read rows and change them."""
        return self._function(self.pixels[:, top:bottom])


class Layered(LazyPixels):
    """Channels of several pixels, one behind the other; use `layered`."""

    def __init__(self, parts: Sequence[Pixels]) -> None:
        self.parts = tuple(parts)
        shape = sum(map(len, self.parts)), *self.parts[0].shape[1:]
        super().__init__(shape, np.result_type(*(each.dtype for each in self.parts)))

    def rows(self, top: int, bottom: int) -> NDArray[Any]:
        """Read rows of all parts."""
        return np.concatenate([each[:, top:bottom] for each in self.parts])

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        """Read what is asked for; of all channels no more columns than that."""
        channels, rows, columns = _each_axis(index, self.shape)
        if channels == slice(None):
            return np.concatenate([each[:, rows, columns] for each in self.parts])
        return super().__getitem__(index)


def layered(parts: Sequence[Pixels]) -> Pixels:
    """Lay the channels of pixels one behind the other; they are copied when they are sliced.

    Parameters
    ----------
    parts : sequence of Pixels
        Of one height and width.

    Returns
    -------
    Pixels, shape (channels of all, Y, X)
        Of a dtype that holds the values of all.

    Raises
    ------
    ValueError
        When two differ in size.
    """
    if len({each.shape[1:] for each in parts}) > 1:
        raise ValueError("layers have one height and one width")
    return Layered(parts)


def in_memory(pixels: Pixels) -> list[NDArray[Any]]:
    """List the arrays that pixels keep in memory whatever is sliced; none where all is read."""
    if isinstance(pixels, Layered):
        return [array for each in pixels.parts for array in in_memory(each)]
    if isinstance(pixels, PixelWindow | Mapped):
        return in_memory(pixels.pixels)
    return [] if isinstance(pixels, LazyPixels) else [np.asarray(pixels)]


def is_read(pixels: Pixels) -> bool:
    """Whether pixels, or some of several layers, are read from a file when they are sliced."""
    if isinstance(pixels, Layered):
        return any(map(is_read, pixels.parts))
    return isinstance(pixels, LazyPixels)


def window(pixels: Pixels, rows: slice, columns: slice) -> Pixels:
    """Give a part of pixels: a view of an array, and of what is lazy a part that is lazy too.

    Parameters
    ----------
    pixels : Pixels, shape (C, Y, X)
    rows, columns : slice
        A step of -1 mirrors.
    """
    lazy = isinstance(pixels, LazyPixels)
    return PixelWindow(pixels, rows, columns) if lazy else pixels[:, rows, columns]


def mapped(
    pixels: Pixels,
    function: Callable[[NDArray[Any]], NDArray[Any]],
    channels: int,
    dtype: np.dtype[Any],
) -> Pixels:
    """Change pixels, at once those of an array, and band by band as they are read what is lazy.

    Parameters
    ----------
    pixels : Pixels, shape (C, Y, X)
    function : callable
        Takes any rows of them, (C, rows, X), and gives (channels, rows, X) of ``dtype``; each
        pixel must depend on that pixel alone.
    channels : int
        How many it gives.
    dtype : dtype
        What it gives.
    """
    if isinstance(pixels, LazyPixels):
        return Mapped(pixels, function, channels, dtype)
    return function(np.asarray(pixels))


def row_bands(pixels: Pixels, most: int | None = None) -> Iterator[tuple[int, NDArray[Any]]]:
    """Take pixels from top to bottom.

    Parameters
    ----------
    pixels : Pixels, shape (C, Y, X)
    most : int or None
        Bytes of a band, as far as a row has fewer; 32 MiB by default.

    Yields
    ------
    top : int
        Its first row.
    band : array, shape (C, rows, X)
    """
    rows = max(1, (_BAND if most is None else most) // _row_bytes(pixels))
    for top in range(0, pixels.shape[1], rows):
        yield top, pixels[:, top : top + rows]


def rows_together(pixels: Pixels) -> int:
    """How many rows are read at no more cost than one of them; of an array, each by itself."""
    if isinstance(pixels, PixelWindow | Mapped):
        return rows_together(pixels.pixels)
    if isinstance(pixels, Layered):
        return max(map(rows_together, pixels.parts))
    return pixels.together if isinstance(pixels, ReadPixels) else 1


def _row_bytes(pixels: Pixels) -> int:
    return max(1, len(pixels) * pixels.shape[2] * pixels.dtype.itemsize)


def _each_axis(index: Any, shape: tuple[int, ...]) -> tuple[Index, ...]:
    """One index for each of three axes; integers are counted from 0."""
    given = index if isinstance(index, tuple) else (index,)
    dots = [at for at, each in enumerate(given) if each is ...]
    missing = len(shape) - len(given) + len(dots)
    if len(dots) > 1 or missing < 0:
        raise IndexError(f"{index} is no index of (channel, row, column)")
    at = dots[0] if dots else len(given)
    full = (*given[:at], *(slice(None),) * missing, *given[at + len(dots) :])
    return tuple(_from_zero(each, n) for each, n in zip(full, shape, strict=True))


def _from_zero(at: Any, length: int) -> Index:
    if isinstance(at, slice):
        return at
    if isinstance(at, bool | np.bool_) or not hasattr(at, "__index__"):
        raise IndexError(f"pixels that are read take integers and slices, not {at!r}")
    return range(length)[operator.index(at)]


def _places(at: Index, length: int) -> range:
    return range(length)[at] if isinstance(at, slice) else range(at, at + 1)


def _slice(places: range) -> slice:
    """Make a slice of places; one that goes down past 0 has no end."""
    stop = places.stop if places.stop >= 0 else None
    return slice(places.start, stop, places.step) if places else slice(0, 0)
