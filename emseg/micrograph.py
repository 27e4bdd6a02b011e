"""The values that flow through emseg: a micrograph and a label image."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.pixels import Pixels, layered, window

UNLABELLED_8 = 255
UNLABELLED_16 = 65535
LABEL_NAMESPACE = "emseg/label-image/1"
MICROGRAPH_NAMESPACE = "emseg/micrograph/1"
PROBABILITY_NAMESPACE = "emseg/probabilities/1"
UNCERTAINTY_NAMESPACE = "emseg/uncertainty/1"
INSTANCE_NAMESPACE = "emseg/instances/1"
PICTURE_OF_RESULTS = "a picture of results by emseg, no micrograph"
"""What PNGs of previews, curves and overlays say in their text "Comment"."""

_BAND = 1 << 22  # pixels that are counted at a time, 32 MiB of indices

_FEW = 8


class LabelKey(StrEnum):
    """What a file says about its label image; every value is JSON.

    The keys of the OME map annotation whose namespace is ``LABEL_NAMESPACE``: ``writing``
    writes them, ``reading`` reads them back.
    """

    NAME = "name"
    PLANES = "planes"
    CLASSES = "classes"
    UNLABELLED = "unlabelled"
    PIXEL_SIZE = "pixel_size"
    SPECIMEN = "specimen"


class MicrographKey(StrEnum):
    """What a file that emseg wrote says about its micrograph, as `LabelKey` does for labels."""

    NAME = "name"
    PLANES = "planes"
    CHANNELS = "channels"
    PIXEL_SIZE = "pixel_size"
    SPECIMEN = "specimen"


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a plane in pixels.

    Parameters
    ----------
    top, bottom, left, right : int
        Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, the ends not included.
    source : str
        How we know, as a phrase: ``"the FEI tags"``.

    Raises
    ------
    ValueError
        When it holds no pixel or begins before the plane does.
    """

    top: int
    bottom: int
    left: int
    right: int
    source: str = ""

    def __post_init__(self) -> None:
        if not (0 <= self.top < self.bottom and 0 <= self.left < self.right):
            raise ValueError(f"a region holds at least one pixel; {self} does not")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.bottom - self.top, self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """What to index the rows and columns of a plane with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def rectangle(self) -> dict[str, int]:
        """Its sides by their names, without the source."""
        return {name: getattr(self, name) for name in ("top", "bottom", "left", "right")}

    def __str__(self) -> str:
        rows, columns = f"rows {self.top}:{self.bottom}", f"columns {self.left}:{self.right}"
        return f"{rows}, {columns}" + (f", from {self.source}" if self.source else "")


@dataclass(frozen=True, slots=True)
class Micrograph:
    """One image plane with its calibration.

    Parameters
    ----------
    pixels : Pixels, shape (C, Y, X)
        Intensities in the dtype of the file, never cast: an array, or what is read when sliced.
    name : str
        Stem of the file; what outputs are named after.
    path : Path or None
        The file it came from.
    plane : int or None
        Index in its stack; None when the file holds one plane.
    pixel_size : PixelSize or None
        None when unknown; unknown is never 1.
    channels : tuple of str
        A name for each channel, in order; empty when the file names none.
    specimen : Region or None
        The part that shows the specimen, where the rest is an information bar; None when
        every pixel does.
    palette : array of uint8, shape (K, 3), or None
        The colour table of which the values are indices, where they were left as they are
        stored: in masks and label images, and where it is laid over intensities.
    is_grey_in_colour : bool
        Whether the file stores its one channel as red, green and blue, which agree.
    neighbours : tuple of Micrograph
        As many slices before it as after it in its stack, in their order, for a network that sees
        them too; each of the same size. Most networks see a slice alone.
    """

    pixels: Pixels
    name: str
    path: Path | None = None
    plane: int | None = None
    pixel_size: PixelSize | None = None
    channels: tuple[str, ...] = ()
    specimen: Region | None = None
    palette: NDArray[np.uint8] | None = None
    is_grey_in_colour: bool = False
    neighbours: tuple["Micrograph", ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3:
            raise ValueError(f"a micrograph has the axes (C, Y, X), not shape {self.pixels.shape}")
        if len(self.neighbours) % 2 or any(each.size != self.size for each in self.neighbours):
            raise ValueError("neighbours have the size of their slice, as many before as after it")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @property
    def array(self) -> NDArray[Any]:
        """All pixels as one array in memory, shape (C, Y, X)."""
        return np.asarray(self.pixels)

    @property
    def title(self) -> str:
        """The name, with the plane behind it when it is one of a stack."""
        return self.name if self.plane is None else f"{self.name}[{self.plane}]"

    @property
    def slices(self) -> tuple["Micrograph", ...]:
        """Its neighbours with itself in their middle, each alone: itself where it has none."""
        if not self.neighbours:
            return (self,)
        middle = len(self.neighbours) // 2
        alone = replace(self, neighbours=())
        return (*self.neighbours[:middle], alone, *self.neighbours[middle:])

    @property
    def without_bar(self) -> "Micrograph":
        """The part that shows the specimen, as a micrograph of its own; no pixel is copied."""
        return self if self.specimen is None else self.part(*self.specimen.slices)

    def part(self, rows: slice, columns: slice) -> "Micrograph":
        """Cut rows and columns out of it and of its neighbours; no pixel is copied."""
        return replace(
            self,
            pixels=window(self.pixels, rows, columns),
            specimen=None,
            neighbours=tuple(each.part(rows, columns) for each in self.neighbours),
        )


def of_slices(slices: Sequence[Micrograph]) -> Micrograph:
    """Make one micrograph of a slice and its neighbours, as many before as after it."""
    middle = len(slices) // 2
    if not middle:
        return slices[0]
    return replace(slices[middle], neighbours=(*slices[:middle], *slices[middle + 1 :]))


def stacked(slices: Sequence[Micrograph]) -> Micrograph:
    """Lay the channels of slices one behind the other, as a network sees them.

    Parameters
    ----------
    slices : sequence of Micrograph
        As `Micrograph.slices` gives them, each with C channels, all of one size.

    Returns
    -------
    Micrograph
        That in their middle, with all their channels, ``len(slices) * C``: channel ``c`` of slice
        ``s`` is channel ``s * C + c``. No pixel is copied before it is sliced.
    """
    middle = slices[len(slices) // 2]
    if len(slices) == 1:
        return middle
    return replace(middle, pixels=layered([each.pixels for each in slices]), channels=())


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One class: what its pixels are called, look like, and were in the user's masks.

    Parameters
    ----------
    name : str
        The name that identifies the class everywhere.
    colour : tuple of int
        Red, green and blue, 0 to 255.
    values : tuple of int
        The mask values that mean this class.
    """

    name: str
    colour: tuple[int, int, int]
    values: tuple[int, ...] = ()


def unlabelled_value(classes: int) -> int:
    """Value of an unlabelled pixel: 255, or 65535 above 254 classes."""
    return UNLABELLED_8 if classes <= 254 else UNLABELLED_16


def label_dtype(classes: int) -> np.dtype[Any]:
    """Smallest unsigned type that holds the indices of so many classes, and the unlabelled."""
    return np.dtype(np.uint8 if unlabelled_value(classes) == UNLABELLED_8 else np.uint16)


def count_values(plane: NDArray[Any]) -> NDArray[np.int64]:
    """Count how often each value of a plane occurs, a band of rows at a time.

    Counting works on copies of 64 bits, eight times an image of bytes; hence the bands.

    Parameters
    ----------
    plane : array of bool, or of integers of 8 or 16 bits, shape (Y, X)
        Any byte order.

    Returns
    -------
    array of int64, shape (2**bits,)
        The first is the count of the smallest value of the type: 0, or -128 for int8.
    """
    lowest = int(np.iinfo(plane.dtype).min) if plane.dtype.kind == "i" else 0
    counts = np.zeros(2 ** (8 * plane.dtype.itemsize), dtype=np.int64)
    rows = max(1, _BAND // max(1, plane.shape[1]))
    for start in range(0, len(plane), rows):
        band = plane[start : start + rows].ravel()
        places = band.astype(np.int64) - lowest if lowest else band
        counts += np.bincount(places, minlength=counts.size)
    return counts


def count_classes(labels: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Count the pixels of each class; what is unlabelled is not counted.

    Parameters
    ----------
    labels : array of uint8 or uint16, shape (Y, X)
        Class indices, or the unlabelled value.
    classes : int
        How many classes there are.

    Returns
    -------
    array of int64, shape (classes,)
    """
    if classes <= _FEW:  # comparing takes a tenth of the time of counting
        return np.array([np.count_nonzero(labels == k) for k in range(classes)], np.int64)
    return count_values(labels)[:classes]


@dataclass(frozen=True, slots=True)
class LabelImage:
    """Class indices of one plane.

    Parameters
    ----------
    pixels : array of uint8 or uint16, shape (Y, X)
        Class indices 0..K-1 in the order of ``classes``; ``unlabelled`` elsewhere.
    classes : tuple of LabelClass
        K classes.
    name : str
        Stem of the micrograph that it describes.
    plane : int or None
        Index in its stack; None for a single plane.
    pixel_size : PixelSize or None
        That of the micrograph.
    specimen : Region or None
        That of the micrograph; what lies outside is unlabelled because it is no specimen.
    """

    pixels: NDArray[Any]
    classes: tuple[LabelClass, ...]
    name: str
    plane: int | None = None
    pixel_size: PixelSize | None = None
    specimen: Region | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2:
            raise ValueError(f"a label image has the axes (Y, X), not shape {self.pixels.shape}")

    @property
    def unlabelled(self) -> int:
        """Value of the pixels that belong to no class."""
        return unlabelled_value(len(self.classes))

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in card order."""
        return tuple(each.name for each in self.classes)

    def counts(self) -> NDArray[np.int64]:
        """Pixels of each class, shape (K,); unlabelled pixels are not counted."""
        return count_classes(self.pixels, len(self.classes))
