"""What a generator returns: a micrograph, the truth about it, and what lies in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.errors import UsageError
from emseg.micrograph import LabelClass, LabelImage, Micrograph

_COLOURS = ((68, 119, 170), (238, 119, 51), (204, 51, 119))  # safe for the colour-blind
SOURCE = "the sample generator"


@dataclass(frozen=True, slots=True)
class KnownObject:
    """One thing that a generator put into an image.

    Parameters
    ----------
    name : str
        Name of its class.
    y_px, x_px : float
        Its centre; the centre of the top left pixel is (0, 0). It may lie outside the image.
    diameter_nm : float
        Diameter of the disc that the truth shows, cut by the edges of the image.
    """

    name: str
    y_px: float
    x_px: float
    diameter_nm: float


@dataclass(frozen=True, slots=True)
class Sample:
    """A synthetic micrograph with its exact truth.

    Parameters
    ----------
    micrograph : Micrograph
        What the detector recorded, shape (1, Y, X).
    truth : LabelImage
        The class of every pixel, uint8, shape (Y, X); 255 where there is no specimen.
    objects : tuple of KnownObject
        The particles or atom sites, empty for the other kinds.
    """

    micrograph: Micrograph
    truth: LabelImage
    objects: tuple[KnownObject, ...] = ()


def compose(
    image: NDArray[Any],
    truth: NDArray[np.uint8],
    names: Sequence[str],
    *,
    name: str,
    pixel_size: PixelSize,
    plane: int | None = None,
    objects: tuple[KnownObject, ...] = (),
) -> Sample:
    """Put one plane and its truth together.

    Parameters
    ----------
    image : array, shape (Y, X)
        Intensities in the dtype of the detector.
    truth : array of uint8, shape (Y, X)
        Class indices in the order of ``names``.
    names : sequence of str
        Class names.
    name : str
        What the micrograph is called.
    pixel_size : PixelSize
        Calibration of both.
    plane : int or None
        Index in a stack.
    objects : tuple of KnownObject
        What lies in the image.
    """
    classes = tuple(
        LabelClass(each, colour, (value,))
        for value, (each, colour) in enumerate(zip(names, _COLOURS, strict=False))
    )
    micrograph = Micrograph(image[np.newaxis], name, plane=plane, pixel_size=pixel_size)
    return Sample(micrograph, LabelImage(truth, classes, name, plane, pixel_size), objects)


def pixel_size(y_nm: float, x_nm: float | None = None, z_nm: float | None = None) -> PixelSize:
    """Calibration of a synthetic image; square pixels unless ``x_nm`` is given."""
    x_nm = y_nm if x_nm is None else x_nm
    require_positive(pixel_size_nm=min(y_nm, x_nm, z_nm or y_nm))
    return PixelSize(y_nm, x_nm, SOURCE, z_nm)


def require_positive(**values: float) -> None:
    """Refuse parameters that are not positive and finite.

    Raises
    ------
    UsageError
        Names the parameter and its value.
    """
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise UsageError(f"{name} must be a positive number, not {value}")


def require_share(**values: float) -> None:
    """Refuse parameters that are not between 0 and 1, both excluded.

    Raises
    ------
    UsageError
        Names the parameter and its value.
    """
    for name, value in values.items():
        if not 0 < value < 1:
            raise UsageError(f"{name} must lie between 0 and 1, not {value}")


def require_size(size: tuple[int, int], least: int = 16) -> None:
    """Refuse images too small to show anything.

    Raises
    ------
    UsageError
        When height or width is below ``least`` pixels.
    """
    if min(size) < least:
        raise UsageError(f"a sample image has at least {least} x {least} pixels, not {size}")
