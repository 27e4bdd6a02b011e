"""The error of what a user measures: phase fraction, number, mean diameter, size distribution."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import ANY_SIZE, Smallest
from emseg.errors import MismatchError
from emseg.evaluation.description import (
    AMOUNT,
    DISTANCE,
    Better,
    Description,
    Deviation,
    Group,
    NumberScale,
    Style,
)
from emseg.evaluation.metric import ComparedPair, Key, of_classes
from emseg.evaluation.metrics.pieces import Side, pieces
from emseg.measuring.numbering import count_pixels

_AT_ONCE = 1 << 22  # numbers in memory while mixtures of many objects are compared

_quantity = partial(Description, group=Group.QUANTITIES)
_share = partial(_quantity, style=Style.SHARE, scale=NumberScale(0.0, 1.0))
_FOUND, _TRUE = "area_fraction", "area_fraction_reference"
_AREAS = {
    _FOUND: _share("Area fraction", "", "predicted", place=1),
    _TRUE: _share("Area fraction, reference", "", "area in masks"),
    "area_fraction_error": _quantity(
        "Error of the area fraction",
        "",
        "",
        style=Style.POINTS,
        scale=NumberScale(-1.0, 1.0, Better.NEARER_ZERO),
        deviation=Deviation("Area fraction", _TRUE, _FOUND, "too little", "too much"),
    ),
}
_OBJECTS = "objects_reference", "objects_prediction"
_COUNT = _quantity(
    "Error of the number of objects",
    "",
    "count",
    style=Style.CHANGE,
    scale=NumberScale(-1.0, inf, Better.NEARER_ZERO),  # -1 where none was found
    place=2,
    deviation=Deviation("Number of objects", *_OBJECTS, "too few", "too many"),
)


def _sizes(unit: str) -> dict[str, Description]:
    """Describe the numbers of a class of objects, whose diameters are in this unit."""
    found, true = f"mean_diameter_{unit}", f"mean_diameter_reference_{unit}"
    length = partial(_quantity, style=Style.LENGTH, unit=unit)
    apart = "Size distribution", "diameters differ by {value} on average", "sizes apart"
    return {
        "count_error": _COUNT,
        found: length("Mean diameter", "", "predicted", scale=AMOUNT, place=4),
        true: length("Mean diameter, reference", "", "diameter in masks", scale=AMOUNT, place=3),
        f"mean_diameter_error_{unit}": _quantity(
            "Error of the mean diameter",
            "",
            "",
            style=Style.DIFFERENCE,
            scale=NumberScale(better=Better.NEARER_ZERO),
            unit=unit,
            deviation=Deviation("Mean diameter", true, found, "too small", "too large"),
        ),
        f"size_distance_{unit}": length(*apart, scale=DISTANCE, place=5),
    }


@dataclass(frozen=True, slots=True)
class Measured:
    """What one pair adds.

    Parameters
    ----------
    pixels : array of float64, shape (2, K)
        Of each class, where the reference is labelled; prediction and reference.
    diameters : tuple of arrays of float64
        Equivalent circular diameters of the objects of each object class of the prediction, then
        of each of the reference.
    """

    pixels: NDArray[np.float64]
    diameters: tuple[NDArray[np.float64], ...]


class MeasuredQuantities:
    """The same quantities measured in the prediction and in the reference, and their difference.

    For every class the area fraction: pixels of the class over labelled pixels, pooled over images.
    For every object class, whose 8-connected components are its objects, their number, their mean
    equivalent circular diameter sqrt(4 A / pi), and the distance of the two number-weighted size
    distributions, the area between their cumulative curves: the first Wasserstein distance (Rubner,
    Tomasi and Guibas, Int. J. Comput. Vis. 40, 99, 2000, as the earth mover's distance). Errors are
    prediction less reference; that of the number is a share of the number in the reference.
    Objects at the border of the image count as they are, on both sides alike.

    Parameters
    ----------
    names : sequence of str
        The K classes.
    objects : sequence of str
        Those among them that consist of objects.
    unit : str
        ``"nm"`` or ``"px"``, of diameters.
    smallest : Smallest
        The smallest object that counts; a length is so many pixels as the pixel size of each image
        makes it.
    """

    def __init__(
        self,
        names: Sequence[str],
        objects: Sequence[str],
        unit: str,
        smallest: Smallest = ANY_SIZE,
    ) -> None:
        self.names, self.objects = tuple(names), tuple(objects)
        self.unit, self.smallest = unit, smallest

    @property
    def numbers(self) -> Mapping[Key, Description]:
        """Three numbers a class, and five more an object class."""
        return of_classes(self.names, _AREAS) | of_classes(self.objects, _sizes(self.unit))

    def look(self, pair: ComparedPair) -> Measured:
        """Measure both sides of a pair.

        Raises
        ------
        MismatchError
            When the diameters are wanted in nm and the pixel size is unknown.
        """
        area, smallest = self._pixel_area(pair), self.smallest.in_pixels(pair.pixel_size)
        sides: tuple[Side, ...] = ("prediction", "reference")
        counts, missed = pair.confusion.counts, pair.confusion.missed
        pixels = np.stack([counts.sum(axis=0), counts.sum(axis=1) + missed]).astype(np.float64)
        objects = (
            pieces(pair, side, self.names.index(name), connectivity=8)
            for side in sides
            for name in self.objects
        )
        return Measured(pixels, tuple(_diameters(each, area, smallest) for each in objects))

    def scores(self, seen: Sequence[Measured], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the numbers of mixtures of the images, as `Metric.scores`."""
        pixels = np.tensordot(weights, np.stack([each.pixels for each in seen]), axes=1)
        labelled = pixels[:, 1].sum(axis=1)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            found, true = pixels[:, 0] / labelled, pixels[:, 1] / labelled
        columns = [np.stack([found, true, found - true], axis=2).reshape(len(weights), -1)]
        columns += [self._of_objects(seen, weights, place) for place in range(len(self.objects))]
        return np.concatenate(columns, axis=1)

    def _pixel_area(self, pair: ComparedPair) -> float:
        if self.unit == "px":
            return 1.0
        size = pair.pixel_size
        if size is None:
            raise MismatchError(
                f"{pair.name} has no pixel size and other images have one; evaluate them apart, or "
                "ask for distances in pixels, such as --distance 2px"
            )
        return size.y_nm * size.x_nm

    def _of_objects(
        self, seen: Sequence[Measured], weights: NDArray[np.float64], place: int
    ) -> NDArray[np.float64]:
        """Compare the objects of one class, shape (B, 5)."""
        sides = [
            [each.diameters[side * len(self.objects) + place] for each in seen] for side in (0, 1)
        ]
        images = [np.repeat(np.arange(len(seen)), [len(own) for own in side]) for side in sides]
        found, true = (np.concatenate(side) for side in sides)
        rows = max(1, _AT_ONCE // max(1, len(found) + len(true)))
        parts = [
            _compared(found, true, chunk[:, images[0]], chunk[:, images[1]])
            for chunk in np.split(weights, range(rows, len(weights), rows))
        ]
        return np.concatenate(parts)


def _compared(
    found: NDArray[np.float64],
    true: NDArray[np.float64],
    found_weights: NDArray[np.float64],
    true_weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Error of the number, both mean diameters, their difference and the distance, shape (B, 5)."""
    counts = found_weights.sum(axis=1), true_weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        number = (counts[0] - counts[1]) / counts[1]
        means = found_weights @ found / counts[0], true_weights @ true / counts[1]
        both = np.concatenate([found, true])
        order = np.argsort(both, kind="stable")
        shares = np.concatenate(
            [found_weights / counts[0][:, None], -true_weights / counts[1][:, None]], axis=1
        )
        curves = np.abs(np.cumsum(shares[:, order], axis=1))[:, :-1]
        distance = curves @ np.diff(both[order])
    undefined = (counts[0] == 0) | (counts[1] == 0)
    distance = np.where(undefined, np.nan, distance)
    return np.stack(
        [np.where(counts[1] == 0, np.nan, number), *means, means[0] - means[1], distance], axis=1
    )


def _diameters(objects: NDArray[np.int32], pixel_area: float, smallest: int) -> NDArray[np.float64]:
    """Equivalent circular diameters of numbered objects."""
    sizes = count_pixels(objects, int(objects.max(initial=0)))[1:]
    areas = sizes[sizes >= smallest] * pixel_area
    diameters: NDArray[np.float64] = np.sqrt(4 * areas / np.pi)
    return diameters
