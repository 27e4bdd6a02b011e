"""What goes into a file of images, whatever its format: planes one at a time, and their meaning."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.errors import MismatchError
from emseg.labels.colours import colour
from emseg.micrograph import (
    LABEL_NAMESPACE,
    MICROGRAPH_NAMESPACE,
    PROBABILITY_NAMESPACE,
    LabelClass,
    LabelImage,
    Micrograph,
    label_dtype,
)
from emseg.writing.annotation import label_annotation, micrograph_annotation

RGB = ("red", "green", "blue")
_WHITE = (255, 255, 255)
_PURE = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}

_Plane = TypeVar("_Plane")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: what it is called, empty when it has no name, and its colour in a viewer."""

    name: str
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """The images of one file.

    Parameters
    ----------
    name : str
        Title of the image.
    size : tuple of int
        Channels, height and width of a plane.
    dtype : dtype
        Of all planes, in the byte order of the machine.
    planes : iterator of array, shape (C, Y, X)
        Taken once; raises MismatchError when the planes differ or do not have the number that
        was announced.
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
    planes: Iterator[NDArray[Any]]
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
    def plane_bytes(self) -> int:
        """Bytes of a plane before compression."""
        return int(np.prod(self.size)) * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class _Series:
    """Planes of which the first was looked at; the rest is still to come."""

    path: Path
    planes: Iterator[Any]
    count: int | None
    is_stack: bool

    def arranged(
        self, arrange: Callable[[Any], NDArray[Any]], numbers: list[int | None]
    ) -> Iterator[NDArray[Any]]:
        """Bring each plane into shape, note its number, and count them."""
        for plane in self.planes:
            yield arrange(plane)
            numbers.append(getattr(plane, "plane", None))
        if self.count is not None and len(numbers) != self.count:
            raise MismatchError(
                f"{self.path}: {len(numbers)} planes came where {self.count} were announced; "
                "check that the stack is complete"
            )


def label_content(path: Path, planes: Iterable[LabelImage], count: int | None) -> Content:
    """Describe the label images of one micrograph or stack; see `write_label_images`."""
    first, series = _begin(path, planes, count)
    name, classes, pixel_size = first.name, first.classes, first.pixel_size
    size, specimen, dtype = first.pixels.shape, first.specimen, label_dtype(len(classes))
    numbers: list[int | None] = []

    def arrange(plane: LabelImage) -> NDArray[Any]:
        _require_alike(path, first, plane, ("name", "classes", "pixel_size", "specimen"))
        return plane.pixels.astype(dtype, copy=False)[np.newaxis]

    return Content(
        name,
        (1, *size),
        dtype,
        series.arranged(arrange, numbers),
        series.count,
        series.is_stack,
        has_channels=False,
        pixel_size=pixel_size,
        channels=(),
        classes=classes,
        namespace=LABEL_NAMESPACE,
        annotation=lambda: label_annotation(name, numbers, classes, pixel_size, specimen),
    )


def micrograph_content(path: Path, planes: Iterable[Micrograph], count: int | None) -> Content:
    """Describe the planes of one micrograph or stack; see `write_micrographs`."""
    first, series = _begin(path, planes, count)
    dtype = _stored_dtype(first.pixels.dtype)
    kept = first.name, first.channels, first.pixel_size, first.specimen
    numbers: list[int | None] = []

    def arrange(plane: Micrograph) -> NDArray[Any]:
        _require_alike(path, first, plane, ("name", "channels", "pixel_size", "specimen"))
        if _stored_dtype(plane.pixels.dtype) != dtype:
            raise MismatchError(
                f"{path}: plane {plane.plane} is {plane.pixels.dtype} where plane {first.plane} "
                f"is {dtype}; write them into files of their own"
            )
        return plane.array.astype(dtype, copy=False)

    return Content(
        first.name,
        (len(first.pixels), *first.size),
        dtype,
        series.arranged(arrange, numbers),
        series.count,
        series.is_stack,
        has_channels=len(first.pixels) > 1,
        pixel_size=first.pixel_size,
        channels=_channels(len(first.pixels), first.channels),
        classes=(),
        namespace=MICROGRAPH_NAMESPACE,
        annotation=lambda: micrograph_annotation(*kept, numbers),
    )


def probability_content(
    path: Path,
    planes: Iterable[NDArray[np.floating[Any]]],
    classes: Sequence[LabelClass],
    pixel_size: PixelSize | None,
    name: str,
    count: int | None,
) -> Content:
    """Describe the probability of each class; see `write_probabilities`."""
    first, series = _begin(path, planes, count)
    height, width = first.shape[-2:]
    size = (len(classes), height, width)
    del first
    numbers: list[int | None] = []

    def arrange(plane: NDArray[Any]) -> NDArray[Any]:
        if plane.shape != size:
            raise MismatchError(
                f"{path}: probabilities of shape {plane.shape} where {size} is expected; "
                "all planes need one channel a class and the same size"
            )
        return plane.astype(np.float32, copy=False)

    return Content(
        name,
        size,
        np.dtype(np.float32),
        series.arranged(arrange, numbers),
        series.count,
        series.is_stack,
        has_channels=True,
        pixel_size=pixel_size,
        channels=tuple(Channel(each.name, each.colour) for each in classes),
        classes=(),
        namespace=PROBABILITY_NAMESPACE,
        annotation=lambda: label_annotation(name, numbers, classes, pixel_size, None),
    )


def _begin(path: Path, planes: Iterable[_Plane], count: int | None) -> tuple[_Plane, _Series]:
    """Look at the first plane, and at the second where nobody says how many will come."""
    if count is None and isinstance(planes, Sized):
        count = len(planes)
    remaining = iter(planes)
    seen = list(islice(remaining, 2 if count is None else 1))
    if not seen:
        raise MismatchError(f"{path}: there is no plane to write; give at least one")
    is_stack = len(seen) > 1 if count is None else count > 1
    first = seen[0]
    return first, _Series(path, _emptied(seen, remaining), count, is_stack)


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


def _stored_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
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
