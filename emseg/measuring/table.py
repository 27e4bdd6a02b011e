"""What is known of each object of a label image: one column a property, with its unit."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

PERIMETER_ESTIMATOR = "Crofton, 4 directions"

_LENGTHS = (
    "diameter", "feret_max", "feret_min", "perimeter", "centroid_x", "centroid_y",
    "box_width", "box_height", "nearest_distance",
)  # fmt: skip
_COLUMNS = (
    "label", "area", "diameter", "feret_max", "feret_min", "perimeter", "circularity",
    "aspect_ratio", "orientation", "centroid_x", "centroid_y", "centroid_column", "centroid_row",
    "box_width", "box_height", "touches_border", "neighbours", "nearest_distance", "nearest",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ObjectTable:
    """Measurements of n objects, in the order of their labels.

    Lengths are in ``unit`` and areas in its square: nanometres where the pixel size is known,
    pixels where it is not, never a mixture. Every column has the shape (n,), but for
    ``mean_intensity``.

    Parameters
    ----------
    label : array of int64
        The value of the object in the label image, ascending.
    area : array of float64
        Number of pixels times the area of a pixel.
    diameter : array of float64
        Of the circle of the same area (equivalent circular diameter), ``sqrt(4 area / pi)``.
    feret_max, feret_min : array of float64
        Largest and smallest distance of two parallel lines that enclose the object (maximum and
        minimum Feret, or caliper, diameter), from the convex hull of the corners of its pixels:
        one pixel measures its diagonal and its shorter side. From the centres of pixels, as
        some programs do, both would be about a pixel less.
    perimeter : array of float64
        By Crofton's formula in 4 directions, as `PERIMETER_ESTIMATOR` says; holes count.
    circularity : array of float64
        ``4 pi area / perimeter**2``: 1 for a disc, less for others. Objects of few pixels may
        exceed 1, because the perimeter is an estimate.
    aspect_ratio : array of float64
        Major over minor axis of the ellipse with the same second moments, 1 or more. Each pixel
        counts as the square or rectangle that it is (a variance of 1/12 of its squared side),
        so that a line of pixels has a width.
    orientation : array of float64
        Direction of the major axis in degrees, 0 or more and less than 180, counter-clockwise
        from the x axis as seen in the picture; NaN where no axis is longer, as of a disc.
    centroid_x, centroid_y : array of float64
        Mean position in ``unit``, from the centre of the first pixel, x to the right, y down.
    centroid_column, centroid_row : array of float64
        The same in pixels.
    box_width, box_height : array of float64
        Size of the bounding box in ``unit``.
    touches_border : array of bool
        Whether a pixel lies in the first or last row or column of the image.
    neighbours : array of int64
        Number of other objects that share a side or a corner of a pixel with it.
    nearest_distance : array of float64
        To the centroid of the nearest other object; NaN when there is no other.
    nearest : array of int64
        Label of that object; 0 when there is no other.
    mean_intensity : array of float64, shape (n, C)
        Mean of each channel over the pixels of the object.
    channels : tuple of str
        The C names of the channels.
    unit : "nm" or "px"
        Of lengths; areas are in its square.
    perimeter_estimator : str
        How perimeters were estimated.
    """

    label: NDArray[np.int64]
    area: NDArray[np.float64]
    diameter: NDArray[np.float64]
    feret_max: NDArray[np.float64]
    feret_min: NDArray[np.float64]
    perimeter: NDArray[np.float64]
    circularity: NDArray[np.float64]
    aspect_ratio: NDArray[np.float64]
    orientation: NDArray[np.float64]
    centroid_x: NDArray[np.float64]
    centroid_y: NDArray[np.float64]
    centroid_column: NDArray[np.float64]
    centroid_row: NDArray[np.float64]
    box_width: NDArray[np.float64]
    box_height: NDArray[np.float64]
    touches_border: NDArray[np.bool_]
    neighbours: NDArray[np.int64]
    nearest_distance: NDArray[np.float64]
    nearest: NDArray[np.int64]
    mean_intensity: NDArray[np.float64]
    channels: tuple[str, ...]
    unit: Literal["nm", "px"]
    perimeter_estimator: str = PERIMETER_ESTIMATOR

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.label)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Name each column as a table does, with its unit: ``diameter_nm``, ``area_nm2``.

        ``orientation_deg`` is in degrees, and a channel is ``mean_intensity_NAME``.
        """
        named = {self._header(each): getattr(self, each) for each in _COLUMNS}
        intensity = (f"mean_intensity_{name}" for name in self.channels)
        return named | dict(zip(intensity, self.mean_intensity.T, strict=True))

    def rows(self) -> list[dict[str, Any]]:
        """One dict an object for a table: plain Python values, None where there is no number."""
        columns = self.columns()
        lists = [_plain(column) for column in columns.values()]
        return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]

    def _header(self, column: str) -> str:
        if column == "area":
            return f"area_{self.unit}2"
        if column == "orientation":
            return "orientation_deg"
        return f"{column}_{self.unit}" if column in _LENGTHS else column


def _plain(column: NDArray[Any]) -> list[Any]:
    """Turn an array into Python values, NaN into None."""
    values: list[Any] = column.tolist()
    return [None if value != value else value for value in values]
