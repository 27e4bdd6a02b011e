"""One file as another format: every value, the calibration and the classes are kept."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from emseg.calibration import PixelSize
from emseg.micrograph import Micrograph, Region
from emseg.pixels import row_bands
from emseg.reading import ReadOptions, Stack, look_into, open_stack, picked
from emseg.reading.stacks.label_images import LabelDescription, describe_label_images
from emseg.writing.content import label_content
from emseg.writing.images import write_micrographs
from emseg.writing.targets import open_sink

_log = logging.getLogger(__name__)


def convert_file(
    path: Path,
    written: Path,
    options: ReadOptions,
    *,
    planes: str | slice | None = None,
    with_calibration: bool = True,
) -> int:
    """Read a file and write it in the format that the other name asks for.

    Parameters
    ----------
    path : Path
        A micrograph, a stack, or label images of emseg.
    written : Path
        What to write, whole or not at all.
    options : ReadOptions
        What the user says about the file. A ``crop`` is cut out; an information bar is cut off
        unless ``keep_bar``.
    planes : str, slice or None
        Which planes; None takes all.
    with_calibration : bool
        Whether the pixel size is written.

    Returns
    -------
    int
        How many planes were written.

    Raises
    ------
    ContentError
        When the file holds no image, or the format cannot hold all of it.
    UsageError
        When an option makes no sense, or picks no plane.
    MemoryError
        When a plane does not fit.
    NotWritableError, StorageError
        When the result cannot be written.
    """
    labels = describe_label_images(path) if path.exists() else None
    if labels is not None:  # their values are classes, which are not swapped or mixed
        options = replace(options, invert=False, channels=None)
    stack = open_stack(path, options)
    indices = picked(range(len(stack)), planes, f"planes of {stack.path}")
    if labels is not None:
        _write_labels(stack, indices, written, labels, with_calibration=with_calibration)
        return len(indices)
    specimen = _specimen(path, options)
    write_micrographs(
        written,
        (_micrograph(stack, index, specimen, with_calibration) for index in indices),
        count=len(indices),
    )
    return len(indices)


def _specimen(path: Path, options: ReadOptions) -> Region | None:
    """Which part is said to show the specimen; and tell that there are other images."""
    contents = look_into(path, replace(options, keep_bar=False))
    usable = [each for each in contents.signals if each.usable]
    if len(usable) > 1 and options.signal is None and options.channels is None:
        taken = contents.taken.name if contents.taken and contents.taken.name else "the largest"
        _log.warning(
            "%s holds %d images, of which %s is converted; --signal takes another, and emseg info "
            "lists them",
            path.name,
            len(usable),
            taken,
        )
    return contents.taken.specimen if contents.taken else None


def _micrograph(
    stack: Stack, index: int, specimen: Region | None, with_calibration: bool
) -> Micrograph:
    """Read a plane; the specimen is cut out where that was asked for, and else remembered."""
    read = stack.plane(index)
    cut = read.without_bar
    if cut is read:
        cut = replace(cut, specimen=specimen)
    return cut if with_calibration else replace(cut, pixel_size=None)


def _write_labels(
    stack: Stack,
    indices: Sequence[int],
    written: Path,
    said: LabelDescription,
    *,
    with_calibration: bool,
) -> None:
    """Write label images again, in bands, and look at their values on the way."""
    planes = (stack.plane(index) for index in indices)
    first = next(planes)
    cut = first.without_bar
    content = label_content(
        said.name,
        cut.size,
        said.classes,
        _size(stack, said) if with_calibration else None,
        [said.planes[index] for index in indices],
        specimen=said.specimen if cut.size == first.size else None,
        count=len(indices),
    )
    with open_sink(written, content) as sink:
        for plane in chain([first], planes):
            for _, band in row_bands(plane.without_bar.pixels):
                said.require_classes(band)
                sink.put(band)


def _size(stack: Stack, said: LabelDescription) -> PixelSize | None:
    return stack.pixel_size if stack.options.pixel_size else said.pixel_size
