"""A micrograph in small, for a picture of it; large ones are read some rows at a time.

::

    a block of 6 x 6 pixels     * . . * . .      the mean of at most 4 x 4 of its pixels
                                . . . . . .      (here 2 x 2) becomes one pixel
                                . . . . . .
                                * . . * . .
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.micrograph import Micrograph, Region
from emseg.reading import formats
from emseg.reading.options import ReadOptions
from emseg.reading.signals.bands import bands
from emseg.reading.signals.layout import Layout
from emseg.reading.signals.signal import Signal
from emseg.reading.stacks.contents import taken_of
from emseg.reading.stacks.stack import Stack, opened

_SMALL = 1 << 26  # bytes of a plane that is read as it is
_SAMPLES = 4


def read_reduced(
    path: Path, options: ReadOptions, least: int, *, average: bool = True
) -> Micrograph:
    """Read the middle plane of a file in a size that pictures are made of.

    Parameters
    ----------
    path : Path
        A file that holds an image.
    options : ReadOptions
        What the user says about it; an information bar is shown in any case.
    least : int
        The longer side keeps at least so many pixels.
    average : bool
        Average blocks of pixels; otherwise the first pixel of each block stands for it, as it
        must where values are classes.

    Returns
    -------
    Micrograph
        Planes of up to 64 MiB as they are, with the specimen that they show. Of larger ones
        (C, Y, X) are floats when they were averaged, and the pixel size is that of a block.

    Raises
    ------
    ContentError, UnreadableFileError
        As `open_stack`.
    """
    said, options = options, dataclasses.replace(options, keep_bar=True, crop=None)
    with opened(path, options) as source:
        stack = Stack(path, source.signals, options)
        plane = len(stack) // 2
        signal = source.signals[taken_of(path, source, options) or 0]
        layout = Layout.of(signal.axes)
        block = min(max(stack.size) // least, *stack.size)
        size = layout.channel_count * stack.size[0] * stack.size[1] * signal.dtype.itemsize
        if size <= _SMALL or block < 2:
            shown = stack[plane]
            used = Stack(path, source.signals, said)
            return dataclasses.replace(shown, specimen=_specimen(used, shown))
        whole = not formats.format_of(path).is_lazy
        pixels = _blocks(signal, layout, plane, block, average=average, whole=whole)
        if any(axis.name == "s" for axis in signal.axes) and len(pixels) != 3:
            pixels = pixels[: 3 if len(pixels) > 3 else 1]  # without alpha
        return Micrograph(
            -pixels if options.invert and average else pixels,
            stack.name,
            path,
            plane if len(stack) > 1 else None,
            _coarser(stack.pixel_size, block),
        )


def _specimen(used: Stack, shown: Micrograph) -> Region | None:
    """Which part of a plane other commands would use; nobody is told, because all is shown."""
    stated = used.stated_specimen
    if stated is not None or used.options.keep_bar:
        return stated
    return used.seen_specimen(lambda: shown.array)


def _blocks(
    signal: Signal, layout: Layout, plane: int, block: int, *, average: bool, whole: bool
) -> NDArray[Any]:
    """One value for each whole block of a plane, shape (C, Y, X)."""
    wide = layout.size[1] // block
    samples = min(block, _SAMPLES) if average else 1
    places = (np.arange(samples) * block) // samples
    rows = []
    for band in bands(signal, layout, plane, multiple=block, whole=whole):
        channels, length, _ = band.pixels.shape
        high = length // block
        parts = band.pixels[:, : high * block, : wide * block]
        parts = parts.reshape(channels, high, block, wide, block)[:, :, places][..., places]
        with np.errstate(all="ignore"):  # not finite in, not finite out
            rows.append(
                parts.mean(axis=(2, 4), dtype=np.float64) if average else parts[:, :, 0, :, 0]
            )
    return np.concatenate(rows, axis=1)


def _coarser(size: PixelSize | None, block: int) -> PixelSize | None:
    if size is None:
        return None
    return dataclasses.replace(size, y_nm=size.y_nm * block, x_nm=size.x_nm * block)
