"""Micrographs, label images and probabilities in the format that the name of a file asks for."""

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.errors import ContentError
from emseg.micrograph import LabelClass, LabelImage, Micrograph
from emseg.writing.content import (
    RGB,
    Content,
    label_content,
    micrograph_content,
    probability_content,
)
from emseg.writing.ome_xml import OME_DTYPES

_ANY = frozenset(
    {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
    | {"float16", "float32", "float64"}
)


@dataclass(frozen=True, slots=True)
class Target:
    """A format that emseg writes, and what it has a place for.

    Parameters
    ----------
    suffix : str
        What file names end with, without the leading dot.
    writer : str
        Module and function of this package.
    dtypes : frozenset of str
        What the values may be.
    has_classes, has_channels, has_stacks, has_calibration : bool
        Whether it keeps class names, channel names, several planes, the pixel size.
    """

    suffix: str
    writer: str
    dtypes: frozenset[str] = _ANY
    has_classes: bool = True
    has_channels: bool = True
    has_stacks: bool = True
    has_calibration: bool = True

    def why_not(self, content: Content) -> str:
        """Say what of the content the format cannot hold; empty when it holds all of it."""
        named = tuple(each.name for each in content.channels)
        size = content.pixel_size
        if content.classes and not self.has_classes:
            return "class names"
        if content.dtype.name not in self.dtypes:
            return f"values of type {content.dtype}"
        if content.is_stack and not self.has_stacks:
            return "several planes"
        if len(named) > 1 and any(named) and named != RGB and not self.has_channels:
            return "channel names"
        if self.suffix == "png":
            return _not_in_png(content)
        return "a pixel size" if size is not None and not self.has_calibration else ""

    def write(self, path: Path, content: Content) -> None:
        """Write the content, all of it or nothing."""
        module, function = self.writer.split(":")
        write = getattr(importlib.import_module(f"emseg.writing.{module}"), function)
        cast(Callable[[Path, Content], None], write)(path, content)


def _not_in_png(content: Content) -> str:
    from emseg.writing.plain import is_png_calibration

    channels, size = content.size[0], content.pixel_size
    if channels not in (1, 3) or (channels == 3 and content.dtype != np.uint8):
        return f"{channels} channels of type {content.dtype}"
    if size is not None and size.z_nm is not None:
        return "a distance between planes"
    if size is not None and not is_png_calibration(size):
        return f"a pixel size of {size.x_nm:g} nm"
    return ""


TARGETS = (
    Target("ome.tif", "ome_tiff:write_ome_tiff", OME_DTYPES),
    Target("ome.zarr", "ome_zarr:write_ome_zarr"),
    Target("hspy", "hspy:write_hspy"),
    Target("tif", "plain:write_tiff", has_classes=False, has_channels=False),
    Target(
        "png",
        "plain:write_png",
        frozenset({"uint8", "uint16"}),
        has_classes=False,
        has_channels=False,
        has_stacks=False,
    ),
    Target(
        "npy",
        "plain:write_npy",
        has_classes=False,
        has_channels=False,
        has_calibration=False,
    ),
)


def target_of(path: Path) -> Target:
    """Find the format that a file name asks for; OME-TIFF when it asks for none."""
    name = path.name.lower()
    fitting = (target for target in TARGETS if name.endswith(f".{target.suffix}"))
    return next(fitting, TARGETS[0])


def write_label_images(
    path: Path, planes: Iterable[LabelImage], *, count: int | None = None
) -> None:
    """Write the label images of one micrograph or stack as one file.

    The file holds class indices in the smallest unsigned type, tiled and compressed, with the
    axes YX, or ZYX when there are several planes. Large planes get smaller copies, in which
    values are picked and never averaged. Class names, colours, mask values, the unlabelled
    value, the pixel size and its source are kept in each format, and
    `emseg.reading.label_images` reads them back.

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
    _write(path, label_content(path, planes, count))


def write_probabilities(
    path: Path,
    planes: Iterable[NDArray[np.floating[Any]]],
    classes: Sequence[LabelClass],
    pixel_size: PixelSize | None,
    *,
    name: str | None = None,
    count: int | None = None,
) -> None:
    """Write the probability of each class as one file of float32.

    One channel a class, named and coloured like it; the axes are CYX, or ZCYX when there are
    several planes. It is float32 because the OME data model has no float16.

    Parameters
    ----------
    path : Path
        As for `write_label_images`.
    planes : iterable of float arrays, shape (C, Y, X)
        Taken one at a time, alike in shape; C is the number of classes.
    classes : sequence of LabelClass
        In the order of the channels.
    pixel_size : PixelSize or None
        That of the micrograph.
    name : str or None
        Name of the micrograph; None takes it from ``path``.
    count : int or None
        As for `write_label_images`.

    Raises
    ------
    MismatchError
        When a plane has not the shape that ``classes`` and the first plane demand, when there
        is none, or not ``count`` of them.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    path = Path(path)
    title = path.name.removesuffix(f".{target_of(path).suffix}") if name is None else name
    _write(path, probability_content(path, planes, classes, pixel_size, title, count))


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
    _write(path, micrograph_content(path, planes, count))


def _write(path: Path, content: Content) -> None:
    path = Path(path)
    target = target_of(path)
    lacking = target.why_not(content)
    if lacking:
        able = [each.suffix for each in TARGETS if not each.why_not(content)]
        instead = f"write {' or '.join(able)}" if able else "no format that emseg writes does"
        raise ContentError(f"{path}: .{target.suffix} cannot hold {lacking}; {instead}")
    target.write(path, content)
