"""Channels from images, maps and other files, brought to one size and one type.

::

    map       2 x 2 windows   +---+---+        HAADF   4 x 4   +-+-+-+-+
                              |   |   |                        +-+-+-+-+   averaged over
                              +---+---+                        +-+-+-+-+   2 x 2 pixels
                              |   |   |                        +-+-+-+-+
                              +---+---+                        +-+-+-+-+
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import Axis, PixelSize
from emseg.errors import MismatchError
from emseg.micrograph import Micrograph, Region
from emseg.reading.signals.bands import rows_of, rows_together
from emseg.reading.signals.layout import Layout
from emseg.reading.signals.signal import Index, Signal
from emseg.reading.signals.spectra import Bins, Spectra

_SAME = 0.02  # pixel sizes that differ by less are one: software rounds them


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Channels that are read together.

    Parameters
    ----------
    names : tuple of str
        One a channel; empty strings where the file has none.
    planes : int
        Number of planes.
    size : tuple of int
        Height and width of a plane in pixels.
    dtype : dtype
        Of what is read.
    pixel_size : PixelSize or None
        None when unknown.
    read : callable
        Takes a plane, a row and the row behind the last, and returns (C, rows, X).
    specimen : Region or None
        The part of each plane that shows the specimen, where the file says it.
    together : int
        Rows that are decoded together.
    """

    names: tuple[str, ...]
    planes: int
    size: tuple[int, int]
    dtype: np.dtype[Any]
    pixel_size: PixelSize | None
    read: Callable[[int, int, int], NDArray[Any]]
    specimen: Region | None = None
    together: int = 1


@dataclass(frozen=True, slots=True)
class Pick:
    """One channel of the result: its name, where it comes from and which it is there."""

    name: str
    part: Part
    at: int


def image_part(signal: Signal) -> Part:
    """All channels of an image."""
    layout = Layout.of(signal.axes)
    together = rows_together(signal, layout)

    def read(plane: int, top: int, bottom: int) -> NDArray[Any]:
        return rows_of(signal, layout, plane, top, bottom)

    names = signal.channels
    if not names and any(axis.name == "s" for axis in signal.axes):
        names = ("red", "green", "blue", "alpha")[: layout.channel_count]
    named = names if len(names) == layout.channel_count else ("",) * layout.channel_count
    size, specimen = signal.pixel_size, signal.specimen
    return Part(named, layout.count, layout.size, signal.dtype, size, read, specimen, together)


def spectral_part(
    spectra: Spectra, windows: Sequence[tuple[str, Bins]], pixel_size: PixelSize | None
) -> Part:
    """Count in windows of the axis of a spectrum image."""
    names, bins = zip(*windows, strict=True)

    def read(plane: int, top: int, bottom: int) -> NDArray[Any]:
        return spectra.sums(plane, bins)[:, top:bottom]

    size = spectra.size
    return Part(names, spectra.planes, size, spectra.dtype, pixel_size, read, together=size[0])


def file_part(path: Path, planes: Sequence[Micrograph]) -> Part:
    """All channels of the image in another file.

    Raises
    ------
    MismatchError
        When it is a stack.
    """
    if len(planes) > 1:
        raise MismatchError(
            f"{path} is a stack of {len(planes)} planes; --channels takes an image with one"
        )
    image = planes[0]
    names = image.channels or ("",) * len(image.pixels)

    def read(_plane: int, top: int, bottom: int) -> NDArray[Any]:
        return image.pixels[:, top:bottom]

    return Part(names, 1, image.size, image.pixels.dtype, image.pixel_size, read)


def joined(path: Path, picks: Sequence[Pick]) -> tuple[Signal, tuple[str, ...]]:
    """Stack channels into one signal.

    Parameters
    ----------
    path : Path
        The file, for messages.
    picks : sequence of Pick
        In the order of the channels.

    Returns
    -------
    signal : Signal
        Of the axes (t, c, y, x), without t where there is one plane.
    notices : tuple of str
        What the user should know about how the parts were brought together.

    Raises
    ------
    MismatchError
        When the parts differ in size by no whole factor, or in their number of planes.
    """
    size = min(pick.part.size[0] for pick in picks), min(pick.part.size[1] for pick in picks)
    planes = max(pick.part.planes for pick in picks)
    for pick in picks:
        _check(path, pick, size, planes)
    factors = {pick.part: _factors(pick.part.size, size) for pick in picks}
    dtype = np.result_type(*(_dtype(part, by) for part, by in factors.items()))
    sizes = [_coarser(part.pixel_size, by) for part, by in factors.items()]

    def read(index: Index) -> NDArray[Any]:
        plane = int(index[0]) if planes > 1 else 0  # type: ignore[arg-type]
        channels, rows, columns = index[-3:]
        top, bottom = _ends(rows, size[0])
        found = {
            part: _averaged(
                part.read(plane if part.planes > 1 else 0, top * by[0], bottom * by[0]), by
            )
            for part, by in factors.items()
        }
        stacked = np.stack([found[pick.part][pick.at] for pick in picks]).astype(dtype, copy=False)
        return stacked[channels, rows if (top, bottom) == (0, size[0]) else slice(None), columns]

    lengths = [("t", planes), ("c", len(picks)), ("y", size[0]), ("x", size[1])]
    axes = tuple(Axis(name, length) for name, length in lengths if name != "t" or planes > 1)
    known = next((each for each in sizes if each is not None), None)
    names = tuple(pick.name for pick in picks)
    shown = next((part.specimen for part in factors if part.specimen and part.size == size), None)
    together = max(-(-part.together // by[0]) for part, by in factors.items())
    pieces = tuple(together if axis.name == "y" else axis.size for axis in axes)
    signal = Signal("", axes, dtype, read, known, names, specimen=shown, pieces=pieces)
    return signal, tuple(_notices(picks, factors, known))


def _ends(rows: int | slice, height: int) -> tuple[int, int]:
    """First row and the one behind the last, where they follow each other; all rows otherwise."""
    if isinstance(rows, int) or rows.step not in (None, 1):
        return 0, height
    places = range(height)[rows]
    return (places.start, places.stop) if places else (0, height)


def _check(path: Path, pick: Pick, size: tuple[int, int], planes: int) -> None:
    (height, width), count = pick.part.size, pick.part.planes
    if height % size[0] or width % size[1]:
        raise MismatchError(
            f"{path}: the channel {pick.name} has {height} x {width} pixels and another has "
            f"{size[0]} x {size[1]}, which is no whole fraction of it; leave one of them out of "
            "--channels"
        )
    if count not in (1, planes):
        raise MismatchError(
            f"{path}: the channel {pick.name} has {count} planes and another has {planes}; leave "
            "one of them out of --channels"
        )


def _factors(size: tuple[int, int], coarse: tuple[int, int]) -> tuple[int, int]:
    return size[0] // coarse[0], size[1] // coarse[1]


def _dtype(part: Part, by: tuple[int, int]) -> np.dtype[Any]:
    native = part.dtype.newbyteorder("=")
    return native if by == (1, 1) else np.result_type(native, np.float32)


def _averaged(channels: NDArray[Any], by: tuple[int, int]) -> NDArray[Any]:
    """Average over areas of so many rows and columns."""
    if by == (1, 1):
        return channels
    count, height, width = channels.shape
    rows, columns = by
    areas = channels.reshape(count, height // rows, rows, width // columns, columns)
    means: NDArray[Any] = areas.mean(axis=(2, 4), dtype=np.float64)
    return means


def _coarser(size: PixelSize | None, by: tuple[int, int]) -> PixelSize | None:
    if size is None:
        return None
    return dataclasses.replace(size, y_nm=size.y_nm * by[0], x_nm=size.x_nm * by[1])


def _notices(
    picks: Sequence[Pick], factors: dict[Part, tuple[int, int]], known: PixelSize | None
) -> list[str]:
    notices = []
    for part, by in factors.items():
        name = next(pick.name for pick in picks if pick.part is part)
        if by != (1, 1):
            notices.append(f"has finer pixels in {name}: averaged over {by[0]} x {by[1]} of them")
        size = _coarser(part.pixel_size, by)
        if size and known and not math.isclose(size.x_nm, known.x_nm, rel_tol=_SAME):
            notices.append(
                f"has pixels of {known.x_nm:.4g} nm, but {name} has {size.x_nm:.4g} nm; check that "
                "both show the same area"
            )
    return notices
