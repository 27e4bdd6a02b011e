"""The values that flow through emseg: a micrograph and a label image."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize

UNLABELLED_8 = 255
UNLABELLED_16 = 65535
LABEL_NAMESPACE = "emseg/label-image/1"


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


@dataclass(frozen=True, slots=True)
class Micrograph:
    """One image plane with its calibration.

    Parameters
    ----------
    pixels : array, shape (C, Y, X)
        Intensities in the dtype of the file, never cast.
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
    """

    pixels: NDArray[Any]
    name: str
    path: Path | None = None
    plane: int | None = None
    pixel_size: PixelSize | None = None
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3:
            raise ValueError(f"a micrograph has the axes (C, Y, X), not shape {self.pixels.shape}")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @property
    def title(self) -> str:
        """The name, with the plane behind it when it is one of a stack."""
        return self.name if self.plane is None else f"{self.name}[{self.plane}]"


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
    """

    pixels: NDArray[Any]
    classes: tuple[LabelClass, ...]
    name: str
    plane: int | None = None
    pixel_size: PixelSize | None = None

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
        found = np.bincount(self.pixels.ravel(), minlength=len(self.classes))
        return found[: len(self.classes)].astype(np.int64)
