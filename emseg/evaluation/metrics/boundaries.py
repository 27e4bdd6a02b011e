"""How well boundaries are placed: F1 of boundary pixels, Hausdorff and mean surface distance.

A pixel is on the boundary of its class when one of its four neighbours belongs to another class.
Both pixels must be scored and labelled: the border of the image is no boundary, nor is the border
of what the reference, or the prediction, leaves unlabelled. Where two classes meet, each has a
boundary of its own, one pixel wide::

    a a b b b        . A B . .
    a a b b ?   ->   . A B . .        capitals: on a boundary; ? is unlabelled
    a a a b ?        . . A B .
    a a a a ?        . . . A .

Distances are measured between the centres of boundary pixels, along y and x in their own pixel
sizes. Every boundary pixel counts the same.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from emseg.errors import MismatchError, UsageError
from emseg.evaluation.averages import mean_of_defined
from emseg.evaluation.description import DISTANCE, Description, Group, Style, describe_score
from emseg.evaluation.metric import Additive, ComparedPair, Key, of_classes
from emseg.micrograph import LabelImage, count_values

Unit = Literal["nm", "px"]
"""What distances are measured in: nm where every image is calibrated, pixels otherwise."""

_ROUNDING = 1e-9  # relative: five pixels of 0.2 nm are within 1 nm, whatever the last bit says
_PERCENTILE = 95
_F1 = describe_score(
    "Boundary F1",
    "boundary that lies within the distance of the settings from the other one",
    "boundary F1",
    group=Group.BOUNDARIES,
    is_beside_overlap=True,
)
_distance = partial(Description, group=Group.BOUNDARIES, style=Style.LENGTH, scale=DISTANCE)


@dataclass(frozen=True, slots=True)
class BoundaryF1(Additive):
    """F1 of the boundary pixels of each class, with a tolerance.

    A boundary pixel is right when the other label image has a boundary pixel of the same class
    within ``distance``, the distance itself included::

        precision = right boundary pixels of the prediction / boundary pixels of the prediction
        recall    = right boundary pixels of the reference / boundary pixels of the reference
        F1        = 2 precision recall / (precision + recall)

    Over images the four counts are summed. A class with a boundary on one side only has an F1 of
    0; one with a boundary on neither side has none (NaN) and is left out of the mean.

    Parameters
    ----------
    names : tuple of str
        The K classes, in the order of the label images.
    distance : float
        The tolerance in ``unit``, positive. Csurka et al. take 0.75 % of the image diagonal.
    unit : {"nm", "px"}
        Unit of the distance.

    Raises
    ------
    UsageError
        When the distance is not positive and finite.

    References
    ----------
    Martin, Fowlkes and Malik, IEEE Trans. Pattern Anal. Mach. Intell. 26 (2004) 530: precision and
    recall of boundaries. There pixels are matched one to one; here each looks for any partner, as
    in Csurka, Larlus and Perronnin, Proc. British Machine Vision Conf. (2013) 32, who compute it
    for each class.
    """

    names: tuple[str, ...]
    distance: float
    unit: Unit

    def __post_init__(self) -> None:
        if not (math.isfinite(self.distance) and self.distance > 0):
            raise UsageError(
                f"boundaries are compared within a positive distance, not {self.distance} "
                f"{self.unit}; give one of a few pixels"
            )

    @property
    def numbers(self) -> Mapping[Key, Description]:
        """``classes.<name>.boundary_f1`` of each class, then ``mean.boundary_f1``."""
        mean: Key = ("mean", "boundary_f1")
        classes = of_classes(self.names, {"boundary_f1": _F1})
        return classes | {mean: _F1.averaged("boundary F1", is_tested=True)}

    def look(self, pair: ComparedPair) -> NDArray[np.float64]:
        """Count boundary pixels: for each class right and all, of prediction and reference.

        Raises
        ------
        MismatchError
            When the unit is nm and the pixel size of the pair is unknown.
        """
        shape, step = pair.counted.shape, _pixel(pair, self.unit)
        reach = _half_widths(self.distance * (1 + _ROUNDING), step, shape)
        found, true = (
            _outline(pair.prediction, pair.counted),
            _outline(pair.reference, pair.counted),
        )
        classes = len(self.names)
        counts = (
            _right(found, true, classes, reach),
            count_values(found)[:classes],
            _right(true, found, classes, reach),
            count_values(true)[:classes],
        )
        return np.stack(counts, axis=1).astype(np.float64).ravel()

    def of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """F1 of each class and their mean, shape (B, K + 1), of counts, shape (B, 4 K)."""
        right, found, caught, true = np.moveaxis(sums.reshape(len(sums), -1, 4), -1, 0)
        with np.errstate(invalid="ignore"):
            precision, recall = right / found, caught / true
            f1 = np.nan_to_num(2 * precision * recall / (precision + recall))  # 0 / 0 counts as 0
        f1[found + true == 0] = np.nan
        return np.column_stack((f1, mean_of_defined(f1)))


@dataclass(frozen=True, slots=True)
class SurfaceDistances(Additive):
    """Distances between the boundaries of each class in prediction and reference.

    With d the distance of a boundary pixel to the nearest one of the same class in the other label
    image, taken for all N pixels of both boundaries::

        surface distance = sum of d / N
        Hausdorff 95 %   = max(P95 of d over the prediction, P95 of d over the reference)

    Over images the surface distance pools the boundary pixels, and the Hausdorff distance is the
    mean of that of the images. Both are defined by the images in which both sides have a boundary
    of the class and say nothing of the others, in which it was missed or invented: read them beside
    `BoundaryF1`, which does. Without such an image they are NaN.

    Percentiles interpolate linearly, and the larger of the two directions is taken, as MONAI does.
    The surface-distance package of DeepMind takes the larger one too, but weighs by the length of
    boundary that a pixel stands for; MedPy takes the percentile of both directions together. All
    three also draw a boundary where an object is cut by the border of the image.

    Parameters
    ----------
    names : tuple of str
        The K classes, in the order of the label images.
    unit : {"nm", "px"}
        Unit of the distances; it ends the keys.

    References
    ----------
    Huttenlocher, Klanderman and Rucklidge, IEEE Trans. Pattern Anal. Mach. Intell. 15 (1993) 850:
    ranks of Hausdorff distances. Heimann et al., IEEE Trans. Med. Imaging 28 (2009) 1251: average
    symmetric surface distance.
    """

    names: tuple[str, ...]
    unit: Unit

    @property
    def numbers(self) -> Mapping[Key, Description]:
        """``classes.<name>.hausdorff_95_nm`` and ``classes.<name>.surface_distance_nm``."""
        unit, title = self.unit, "Hausdorff 95 %"
        meaning = "95 % of each boundary lie nearer to the other one"
        mean = "Mean distance", "of the two boundaries", "mean distance"
        kinds = {
            f"hausdorff_95_{unit}": _distance(title, meaning, title, unit=unit, place=1),
            f"surface_distance_{unit}": _distance(*mean, unit=unit, is_tested=True),
        }
        return of_classes(self.names, kinds)

    def look(self, pair: ComparedPair) -> NDArray[np.float64]:
        """Measure each class: Hausdorff distance, 1, sum of distances, number of distances.

        Raises
        ------
        MismatchError
            When the unit is nm and the pixel size of the pair is unknown.
        """
        step = _pixel(pair, self.unit)
        found, true = (
            _centres(_outline(image, pair.counted), len(self.names), step)
            for image in (pair.prediction, pair.reference)
        )
        return np.ravel([_apart(*sides) for sides in zip(found, true, strict=True)])

    def of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Both distances of each class, shape (B, 2 K), of sums, shape (B, 4 K)."""
        lengths, counts = np.moveaxis(sums.reshape(len(sums), -1, 2), -1, 0)
        with np.errstate(invalid="ignore"):
            distances: NDArray[np.float64] = lengths / counts
        return distances


def _pixel(pair: ComparedPair, unit: Unit) -> tuple[float, float]:
    """Height and width of a pixel in the unit."""
    if unit == "px":
        return 1.0, 1.0
    if pair.pixel_size is None:
        raise MismatchError(
            f"{pair.name} has no pixel size, so its boundaries cannot be compared in nm with those "
            "of the other images; give it one, or compare all in pixels"
        )
    return pair.pixel_size.y_nm, pair.pixel_size.x_nm


def _outline(image: LabelImage, counted: NDArray[np.bool_]) -> NDArray[Any]:
    """Keep the classes of the boundary pixels, shape (Y, X); all others become unlabelled."""
    pixels = image.pixels
    valid = counted & (pixels != image.unlabelled)
    edge = np.zeros(pixels.shape, dtype=np.bool_)
    for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differ = (pixels[one] != pixels[other]) & valid[one] & valid[other]
        edge[one] |= differ
        edge[other] |= differ
    return np.where(edge, pixels, pixels.dtype.type(image.unlabelled))


def _half_widths(
    distance: float, step: tuple[float, float], shape: tuple[int, ...]
) -> NDArray[np.intp]:
    """How many columns to each side are within a distance, so many rows up or down: 0, 1 ...

    ::

        2 2 1   is the ellipse   . x x x .
                                 x x x x x
                                 x x o x x   row 0
                                 x x x x x
                                 . x x x .
    """
    rows = np.arange(min(int(distance / step[0]), shape[0] - 1) + 1)
    widths = np.sqrt(np.maximum(distance**2 - (rows * step[0]) ** 2, 0)) / step[1]
    within: NDArray[np.intp] = np.minimum(widths, shape[1] - 1).astype(np.intp)
    return within


def _right(
    mine: NDArray[Any], theirs: NDArray[Any], classes: int, reach: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Count boundary pixels of each class that have one of the same class of theirs in reach.

    Eight classes are the bits of a byte, and spread together.
    """
    right = np.zeros(classes, dtype=np.int64)
    for first in range(0, classes, 8):
        bit = np.zeros(np.iinfo(mine.dtype).max + 1, dtype=np.uint8)
        here = slice(first, min(first + 8, classes))
        bit[here] = 1 << np.arange(here.stop - first)
        met = mine[(_spread(bit[theirs], reach) & bit[mine]) > 0]
        right += np.bincount(met, minlength=classes)
    return right


def _spread(bits: NDArray[np.uint8], reach: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Give each pixel the bits of all pixels in reach, shape (Y, X).

    From the farthest row inwards the ellipse only grows wider, so that each width is added once.
    A search tree of the boundary pixels takes several times as long where they are many.
    """
    spread, row, wide = np.zeros_like(bits), bits.copy(), 0
    for up in range(len(reach) - 1, -1, -1):
        for aside in range(wide + 1, reach[up] + 1):
            row[:, aside:] |= bits[:, :-aside]
            row[:, :-aside] |= bits[:, aside:]
        wide = reach[up]
        spread[up:] |= row[: len(row) - up]
        spread[: len(row) - up] |= row[up:]
    return spread


def _centres(
    outline: NDArray[Any], classes: int, step: tuple[float, float]
) -> list[NDArray[np.float64]]:
    """Centres of the boundary pixels of each class, K arrays of shape (n, 2)."""
    rows, columns = np.nonzero(outline < classes)
    own = outline[rows, columns]
    points = np.column_stack((rows, columns)) * np.array(step)
    return [points[own == index] for index in range(classes)]


def _nearest(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each point to the nearest of the others, shape (n,)."""
    from scipy.spatial import cKDTree

    # points of a grid fill cells that are cut in the middle as well as balanced ones
    distances: NDArray[np.float64] = cKDTree(others, balanced_tree=False).query(points)[0]
    return distances


def _apart(
    found: NDArray[np.float64], true: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Hausdorff 95 %, 1, sum of distances and their number; zeros where a side has no boundary."""
    if not (len(found) and len(true)):
        return 0.0, 0.0, 0.0, 0.0
    directions = _nearest(found, true), _nearest(true, found)
    farthest = max(float(np.percentile(each, _PERCENTILE)) for each in directions)
    total = math.fsum(float(each.sum()) for each in directions)
    return farthest, 1.0, total, float(len(found) + len(true))
