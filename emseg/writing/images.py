"""Micrographs and label images in the format that the name of a file asks for."""

from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from emseg.errors import MismatchError
from emseg.micrograph import LabelImage, Micrograph
from emseg.pixels import row_bands
from emseg.writing.content import (
    label_content,
    micrograph_content,
    stored_dtype,
    without_pixels,
)
from emseg.writing.targets import open_sink

_Plane = TypeVar("_Plane", LabelImage, Micrograph)


def write_label_images(
    path: Path, planes: Iterable[LabelImage], *, count: int | None = None
) -> None:
    """Write the label images of one micrograph or stack as one file.

    The file holds class indices in the smallest unsigned type, tiled and compressed, with the
    axes YX, or ZYX when there are several planes. Large planes get smaller copies, in which
    values are picked and never averaged. Class names, colours, mask values, the unlabelled
    value, the pixel size and its source are kept in each format, and
    `emseg.reading.stacks.label_images` reads them back.

    Parameters
    ----------
    path : Path
        The file to write, ``.ome.tif``, ``.ome.zarr`` or ``.hspy``; an older one is replaced.
    planes : iterable of LabelImage, shape (Y, X) each
        Taken one at a time; alike in name, size, classes and pixel size.
    count : int or None
        How many planes must come; None takes the length of a sequence, and whatever comes from
        an iterator.

    Raises
    ------
    MismatchError
        When the planes differ, when there is none, or not ``count`` of them.
    ContentError
        When the format holds no class names.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    series = _Series.begun(path, planes, count)
    first = series.first
    content = label_content(
        first.name,
        (first.pixels.shape[0], first.pixels.shape[1]),
        first.classes,
        first.pixel_size,
        series.numbers,
        specimen=first.specimen,
        count=series.count,
        is_stack=series.is_stack,
    )
    with open_sink(path, content) as sink:
        for plane in series:
            _require_alike(path, first, plane, ("name", "classes", "pixel_size", "specimen"))
            for _, band in row_bands(plane.pixels[np.newaxis]):
                sink.put(band.astype(content.dtype, copy=False))


def write_micrographs(
    path: Path, planes: Iterable[Micrograph], *, count: int | None = None
) -> None:
    """Write the planes of one micrograph or stack as one file, every value as it is.

    ======== ====================================================================
    suffix   what the file holds
    ======== ====================================================================
    ome.tif  8, 16 and 32 bit integers, single and double floats; everything else
    ome.zarr any integer or float; everything else
    hspy     any integer or float; everything else
    tif      any integer or float, pixel size and distance of planes; no channel names
    png      one plane of 8 or 16 bit grey or 8 bit colour, pixels of 0.47 nm or more
    npy      any integer or float, no calibration, no channel names
    ======== ====================================================================

    Parameters
    ----------
    path : Path
        The file to write; its suffix says the format, and an older one is replaced.
    planes : iterable of Micrograph, shape (C, Y, X) each
        Taken one at a time; alike in name, size, dtype, channels and pixel size.
    count : int or None
        As for `write_label_images`.

    Raises
    ------
    MismatchError
        When the planes differ, when there is none, or not ``count`` of them.
    ContentError
        When the format cannot hold all of it; names those that can.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    series = _Series.begun(path, planes, count)
    first = series.first
    content = micrograph_content(
        first, series.numbers, count=series.count, is_stack=series.is_stack
    )
    with open_sink(path, content) as sink:
        for plane in series:
            _require_alike(path, first, plane, ("name", "channels", "pixel_size", "specimen"))
            if stored_dtype(plane.pixels.dtype) != content.dtype:
                raise MismatchError(
                    f"{path}: plane {plane.plane} is {plane.pixels.dtype} where plane "
                    f"{first.plane} is {content.dtype}; write them into files of their own"
                )
            for _, band in row_bands(plane.pixels):
                sink.put(band)


@dataclass(frozen=True, slots=True)
class _Series(Generic[_Plane]):
    """Planes of which the first was looked at, and is kept without its pixels."""

    first: _Plane
    planes: Iterator[_Plane]
    count: int | None
    is_stack: bool
    numbers: list[int | None] = field(default_factory=list)

    @classmethod
    def begun(cls, path: Path, planes: Iterable[_Plane], count: int | None) -> "_Series[_Plane]":
        """Look at the first plane, and at the second where nobody says how many will come."""
        if count is None and isinstance(planes, Sized):
            count = len(planes)
        remaining = iter(planes)
        seen = list(islice(remaining, 2 if count is None else 1))
        if not seen:
            raise MismatchError(f"{path}: there is no plane to write; give at least one")
        is_stack = len(seen) > 1 if count is None else count > 1
        return cls(without_pixels(seen[0]), _emptied(seen, remaining), count, is_stack)

    def __iter__(self) -> Iterator[_Plane]:
        """Hand on each plane, and note its number."""
        for plane in self.planes:
            yield plane
            self.numbers.append(plane.plane)


def _emptied(seen: list[_Plane], remaining: Iterator[_Plane]) -> Iterator[_Plane]:
    """Hand on what was looked at, which is then let go, and what follows."""
    while seen:
        yield seen.pop(0)
    yield from remaining


def _require_alike(path: Path, first: Any, plane: Any, what: Iterable[str]) -> None:
    """Refuse planes that cannot share one file."""
    for each in what:
        if getattr(plane, each) != getattr(first, each):
            raise MismatchError(
                f"{path}: plane {plane.plane} has another {each.replace('_', ' ')} than plane "
                f"{first.plane}; write them into files of their own"
            )
    if plane.pixels.shape != first.pixels.shape:
        raise MismatchError(
            f"{path}: plane {plane.plane} has {plane.pixels.shape} pixels where plane "
            f"{first.plane} has {first.pixels.shape}; write them into files of their own"
        )
