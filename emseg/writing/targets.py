"""The format that the name of a file asks for, and what takes the planes of such a file."""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from emseg.errors import ContentError
from emseg.writing.content import RGB, Content
from emseg.writing.ome_xml import OME_DTYPES
from emseg.writing.sink import Sink

_ANY = frozenset(
    {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
    | {"float16", "float32", "float64"}
)


@dataclass(frozen=True, slots=True)
class TargetFormat:
    """A format that emseg writes, and what it has a place for.

    Parameters
    ----------
    suffix : str
        What file names end with, without the leading dot.
    opener : str
        Module and function of this package.
    dtypes : frozenset of str
        What the values may be.
    has_classes, has_channels, has_stacks, has_calibration : bool
        Whether it keeps class names, channel names, several planes, the pixel size.
    """

    suffix: str
    opener: str
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

    def open(self, path: Path, content: Content) -> AbstractContextManager[Sink]:
        """Open what takes the planes; all of them are written, or nothing."""
        module, function = self.opener.split(":")
        opened = getattr(importlib.import_module(f"emseg.writing.{module}"), function)
        return cast(Callable[[Path, Content], AbstractContextManager[Sink]], opened)(path, content)


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
    TargetFormat("ome.tif", "ome_tiff:ome_tiff_sink", OME_DTYPES),
    TargetFormat("ome.zarr", "ome_zarr:ome_zarr_sink"),
    TargetFormat("hspy", "hspy:hspy_sink"),
    TargetFormat("tif", "plain:tiff_sink", has_classes=False, has_channels=False),
    TargetFormat(
        "png",
        "plain:png_sink",
        frozenset({"uint8", "uint16"}),
        has_classes=False,
        has_channels=False,
        has_stacks=False,
    ),
    TargetFormat(
        "npy",
        "plain:npy_sink",
        has_classes=False,
        has_channels=False,
        has_calibration=False,
    ),
)


def target_of(path: Path) -> TargetFormat:
    """Find the format that a file name asks for; OME-TIFF when it asks for none."""
    name = path.name.lower()
    fitting = (target for target in TARGETS if name.endswith(f".{target.suffix}"))
    return next(fitting, TARGETS[0])


def open_sink(path: Path, content: Content) -> AbstractContextManager[Sink]:
    """Open what takes the planes of a file, a band of rows at a time, in bounded memory.

    ::

        content = label_content(name, size, classes, pixel_size, numbers=[None], count=1)
        with open_sink(path, content) as sink:
            for band in bands:  # (1, rows, X) each, top to bottom
                sink.put(band)

    The file appears when the block ends well, whole or not at all.

    Parameters
    ----------
    path : Path
        The file to write; its suffix says the format, and an older one is replaced.
    content : Content
        What it will hold.

    Returns
    -------
    context manager of Sink
        Raises MismatchError at its end when rows or planes are missing.

    Raises
    ------
    ContentError
        When the format cannot hold all of it; names those that can.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    path = Path(path)
    target = target_of(path)
    lacking = target.why_not(content)
    if lacking:
        able = [each.suffix for each in TARGETS if not each.why_not(content)]
        instead = f"write {' or '.join(able)}" if able else "no format that emseg writes does"
        raise ContentError(f"{path}: .{target.suffix} cannot hold {lacking}; {instead}")
    return target.open(path, content)
