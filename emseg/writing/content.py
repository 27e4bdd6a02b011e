"""What goes into a file of images, whatever its format: its size and its meaning."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.labels.colours import colour
from emseg.micrograph import (
    INSTANCE_NAMESPACE,
    LABEL_NAMESPACE,
    MICROGRAPH_NAMESPACE,
    PROBABILITY_NAMESPACE,
    UNCERTAINTY_NAMESPACE,
    LabelClass,
    LabelImage,
    Micrograph,
    Region,
    label_dtype,
)
from emseg.pixels import Pixels
from emseg.writing.annotation import label_annotation, micrograph_annotation

RGB = ("red", "green", "blue")
_WHITE = (255, 255, 255)
_PURE = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
_CHUNK, _LEAST_CHUNK = 512, 64
_BAND_BYTES = 128 * 2**20

_Plane = TypeVar("_Plane", LabelImage, Micrograph)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: what it is called, empty when it has no name, and its colour in a viewer."""

    name: str
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """What one file of images holds, without the pixels.

    Parameters
    ----------
    name : str
        Title of the image.
    size : tuple of int
        Channels, height and width of a plane.
    dtype : dtype
        Of all planes, in the byte order of the machine.
    count : int or None
        How many planes will come; None when nobody knows.
    is_stack : bool
        Whether there is an axis of planes.
    has_channels : bool
        Whether there is an axis of channels; without one C is 1.
    pixel_size : PixelSize or None
        None when unknown.
    channels : tuple of Channel
        As many as C; empty for label images.
    classes : tuple of LabelClass
        What the values of a label image mean; empty for intensities.
    namespace : str
        What kind of annotation it is.
    annotation : callable
        What the image says about itself, as JSON by key; asked once the last plane was taken.
    """

    name: str
    size: tuple[int, int, int]
    dtype: np.dtype[Any]
    count: int | None
    is_stack: bool
    has_channels: bool
    pixel_size: PixelSize | None
    channels: tuple[Channel, ...]
    classes: tuple[LabelClass, ...]
    namespace: str
    annotation: Callable[[], Mapping[str, str]]

    @property
    def axes(self) -> str:
        """``"YX"``, ``"ZYX"``, ``"CYX"`` or ``"ZCYX"``."""
        return "Z" * self.is_stack + "C" * self.has_channels + "YX"

    def shape(self, count: int) -> tuple[int, ...]:
        """Length of each axis when so many planes came."""
        channels, height, width = self.size
        return (count,) * self.is_stack + (channels,) * self.has_channels + (height, width)

    @property
    def is_averaged(self) -> bool:
        """Whether smaller copies average pixels; classes and numbers of objects are picked."""
        return not self.classes and self.namespace != INSTANCE_NAMESPACE

    @property
    def plane_bytes(self) -> int:
        """Bytes of a plane before compression."""
        return math.prod(self.size) * self.dtype.itemsize

    @property
    def chunk(self) -> int:
        """Side in pixels of the squares in which planes are stored, a multiple of 16.

        512, and less where a band of so many rows of all channels would take much memory.
        """
        channels, _, width = self.size
        row = channels * width * self.dtype.itemsize
        side = _CHUNK
        while side > _LEAST_CHUNK and side * row > _BAND_BYTES:
            side //= 2
        return side

    @property
    def held_bytes(self) -> int:
        """Memory that is needed to write it, in bytes, beside the bands that are handed over.

        A band for the planes and each of their smaller copies, twice as much in all, the
        squares of one band while they are compressed, and what they become.
        """
        channels, height, width = self.size
        return 4 * channels * min(self.chunk, height) * width * self.dtype.itemsize


def label_content(
    name: str,
    size: tuple[int, int],
    classes: tuple[LabelClass, ...],
    pixel_size: PixelSize | None,
    numbers: Sequence[int | None],
    *,
    specimen: Region | None = None,
    count: int | None = None,
    is_stack: bool | None = None,
) -> Content:
    """Describe the label images of one micrograph or stack.

    Parameters
    ----------
    name : str
        Stem of the micrograph.
    size : tuple of int
        Height and width of a plane.
    classes : tuple of LabelClass
        What the values mean, in card order.
    pixel_size : PixelSize or None
        That of the micrograph.
    numbers : sequence of int or None
        Index of each plane in its stack. It is looked at when the last plane was taken, so that
        a list may grow until then.
    specimen : Region or None
        The part that shows the specimen.
    count : int or None
        How many planes will come; None when nobody knows.
    is_stack : bool or None
        Whether there is an axis of planes; None asks ``count``, and takes an unknown number for
        a stack.
    """
    return Content(
        name,
        (1, *size),
        label_dtype(len(classes)),
        count,
        _is_stack(count, said=is_stack),
        has_channels=False,
        pixel_size=pixel_size,
        channels=(),
        classes=classes,
        namespace=LABEL_NAMESPACE,
        annotation=lambda: label_annotation(name, numbers, classes, pixel_size, specimen),
    )


def micrograph_content(
    micrograph: Micrograph,
    numbers: Sequence[int | None],
    *,
    count: int | None = None,
    is_stack: bool | None = None,
) -> Content:
    """Describe the planes of one micrograph or stack.

    Parameters
    ----------
    micrograph : Micrograph
        One of the planes; its pixels are not looked at.
    numbers, count, is_stack
        As for `label_content`.
    """
    channels = len(micrograph.pixels)
    said = micrograph.name, micrograph.channels, micrograph.pixel_size, micrograph.specimen
    return Content(
        micrograph.name,
        (channels, *micrograph.size),
        stored_dtype(micrograph.pixels.dtype),
        count,
        _is_stack(count, said=is_stack),
        has_channels=channels > 1,
        pixel_size=micrograph.pixel_size,
        channels=_channels(channels, micrograph.channels),
        classes=(),
        namespace=MICROGRAPH_NAMESPACE,
        annotation=lambda: micrograph_annotation(*said, numbers),
    )


def probability_content(
    name: str,
    size: tuple[int, int],
    classes: Sequence[LabelClass],
    pixel_size: PixelSize | None,
    numbers: Sequence[int | None],
    *,
    count: int | None = None,
    is_stack: bool | None = None,
) -> Content:
    """Describe the probability of each class, one channel a class, as float32.

    Parameters
    ----------
    name, size, classes, pixel_size, numbers, count, is_stack
        As for `label_content`.
    """
    return Content(
        name,
        (len(classes), *size),
        np.dtype(np.float32),
        count,
        _is_stack(count, said=is_stack),
        has_channels=True,
        pixel_size=pixel_size,
        channels=tuple(Channel(each.name, each.colour) for each in classes),
        classes=(),
        namespace=PROBABILITY_NAMESPACE,
        annotation=lambda: label_annotation(name, numbers, classes, pixel_size, None),
    )


def uncertainty_content(
    name: str,
    size: tuple[int, int],
    maps: Sequence[str],
    pixel_size: PixelSize | None,
    numbers: Sequence[int | None],
    *,
    count: int | None = None,
    is_stack: bool | None = None,
) -> Content:
    """Describe how sure a prediction is of each pixel, one channel a map, as float32.

    Parameters
    ----------
    maps : sequence of str
        What each map shows: ``"entropy"``, ``"disagreement"``.
    name, size, pixel_size, numbers, count, is_stack
        As for `label_content`.
    """
    return Content(
        name,
        (len(maps), *size),
        np.dtype(np.float32),
        count,
        _is_stack(count, said=is_stack),
        has_channels=len(maps) > 1,
        pixel_size=pixel_size,
        channels=_channels(len(maps), tuple(maps)),
        classes=(),
        namespace=UNCERTAINTY_NAMESPACE,
        annotation=lambda: micrograph_annotation(name, maps, pixel_size, None, numbers),
    )


def instance_content(
    name: str,
    size: tuple[int, int],
    pixel_size: PixelSize | None,
    numbers: Sequence[int | None],
    *,
    count: int | None = None,
    is_stack: bool | None = None,
) -> Content:
    """Describe images whose values number objects from 1, as uint32.

    Parameters
    ----------
    name, size, pixel_size, numbers, count, is_stack
        As for `label_content`.
    """
    maps = uncertainty_content(
        name, size, ("objects",), pixel_size, numbers, count=count, is_stack=is_stack
    )
    return replace(maps, dtype=np.dtype(np.uint32), namespace=INSTANCE_NAMESPACE)


def _is_stack(count: int | None, *, said: bool | None) -> bool:
    return count != 1 if said is None else said


def without_pixels(plane: _Plane) -> _Plane:
    """Give what a plane says about itself, with pixels of its shape and type in no memory."""
    if isinstance(plane, Micrograph):
        return replace(plane, pixels=_hollow(plane.pixels), neighbours=())
    return replace(plane, pixels=_hollow(plane.pixels))


def _hollow(pixels: Pixels) -> NDArray[Any]:
    return np.broadcast_to(np.zeros((), pixels.dtype), pixels.shape)


def stored_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Type in the byte order of the machine; truth values are stored as 0 and 1."""
    return np.dtype(np.uint8) if dtype.kind == "b" else np.dtype(f"={dtype.kind}{dtype.itemsize}")


def _channels(count: int, names: tuple[str, ...]) -> tuple[Channel, ...]:
    """Name and colour each channel: grey alone, red, green and blue as such."""
    called = names if len(names) == count else ("",) * count
    if count == 1:
        return (Channel(called[0], _WHITE),)
    return tuple(
        Channel(name, _PURE.get(name, colour(at)) if called == RGB else colour(at))
        for at, name in enumerate(called)
    )
