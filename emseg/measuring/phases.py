"""Area of each class of a label image."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from emseg.micrograph import LabelImage, count_values


@dataclass(frozen=True, slots=True)
class Phases:
    """Area of each of the K classes of one field.

    Parameters
    ----------
    names : tuple of str
        The classes in card order.
    pixels : array of int64, shape (K,)
        Pixels of each.
    area : array of float64, shape (K,)
        In the square of ``unit``.
    fraction : array of float64, shape (K,)
        Of the labelled pixels; they add up to 1. NaN when no pixel is labelled.
    unlabelled : int
        Pixels of the specimen that have no class.
    unit : "nm" or "px"
        Whether the area is in nm2 or in pixels.
    """

    names: tuple[str, ...]
    pixels: NDArray[np.int64]
    area: NDArray[np.float64]
    fraction: NDArray[np.float64]
    unlabelled: int
    unit: Literal["nm", "px"]

    @property
    def labelled_area(self) -> float:
        """Area of all classes together: what fractions are of."""
        return float(self.area.sum())

    def rows(self) -> list[dict[str, Any]]:
        """One dict a class for a table: class, pixels, ``area_nm2`` or ``area_px2``, fraction."""
        columns = (self.names, self.pixels.tolist(), self.area.tolist(), self.fraction.tolist())
        return [
            {
                "class": name,
                "pixels": pixels,
                f"area_{self.unit}2": area,
                "fraction": None if fraction != fraction else fraction,
            }
            for name, pixels, area, fraction in zip(*columns, strict=True)
        ]


def phase_areas(label_image: LabelImage) -> Phases:
    """Measure the area of each class.

    An information bar is left out, and unlabelled pixels are in no denominator.

    Parameters
    ----------
    label_image : LabelImage
        Its pixel size decides the unit.
    """
    plane = label_image.pixels
    if label_image.specimen is not None:
        plane = plane[label_image.specimen.slices]
    pixels = count_values(plane)[: len(label_image.classes)]
    labelled = int(pixels.sum())
    size = label_image.pixel_size
    with np.errstate(invalid="ignore"):
        fraction = pixels / np.float64(labelled)  # no labelled pixel, no fraction
    return Phases(
        names=label_image.names,
        pixels=pixels,
        area=pixels * np.float64(size.area_nm2 if size else 1.0),
        fraction=fraction,
        unlabelled=plane.size - labelled,
        unit="nm" if size else "px",
    )
