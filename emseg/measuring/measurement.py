"""Measures every object of a label image."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.errors import LabelError, MismatchError
from emseg.measuring.hulls import feret_diameters, find_outlines
from emseg.measuring.intensities import mean_intensities
from emseg.measuring.moments import find_moments
from emseg.measuring.runs import find_runs
from emseg.measuring.table import ObjectTable
from emseg.measuring.transitions import find_transitions

_LARGEST = 2**63 - 1  # numbers of objects are int64


def measure_objects(
    labels: NDArray[Any],
    pixel_size: PixelSize | None,
    *,
    intensities: NDArray[Any] | None = None,
    channels: tuple[str, ...] = (),
) -> ObjectTable:
    """Measure every object of a label image.

    Parameters
    ----------
    labels : array of an integer type, shape (Y, X)
        0 is background, every other value an object, connected or not; values may be missing.
        Cut an information bar off before, so that objects that it cuts touch the border.
    pixel_size : PixelSize or None
        Lengths are in nm where it is given and in pixels where it is None.
    intensities : array, shape (C, Y, X), optional
        Of any real type.
    channels : tuple of str
        Names of the C channels; they are numbered from 1 where there are none.

    Returns
    -------
    ObjectTable
        In the order of the labels; empty when there is no object.

    Raises
    ------
    LabelError
        When the labels are no whole numbers, or some are negative or beyond 63 bits.
    MismatchError
        When the intensities have another size, or there are more or fewer names than channels.
    """
    labels = _checked(labels)
    channels = _names(labels, intensities, channels)
    pixel = (float(pixel_size.y_nm), float(pixel_size.x_nm)) if pixel_size else (1.0, 1.0)
    runs = find_runs(labels)
    moments, outlines = find_moments(runs), find_outlines(runs)
    top, bottom, left, right = outlines.boxes()
    transitions = find_transitions(labels, runs.labels)
    area, perimeter = moments.area * pixel[0] * pixel[1], crofton(transitions.entries, pixel)
    aspect_ratio, orientation = moments.ellipses(pixel)
    largest, smallest = feret_diameters(outlines, pixel)
    centroids = np.stack([moments.row * pixel[0], moments.column * pixel[1]], axis=1)
    nearest_distance, nearest = _nearest(centroids, runs.labels)
    height, width = labels.shape
    return ObjectTable(
        label=runs.labels,
        area=area,
        diameter=np.sqrt(4 * area / math.pi),
        feret_max=largest,
        feret_min=smallest,
        perimeter=perimeter,
        circularity=4 * math.pi * area / perimeter**2,
        aspect_ratio=aspect_ratio,
        orientation=orientation,
        centroid_x=centroids[:, 1],
        centroid_y=centroids[:, 0],
        centroid_column=moments.column,
        centroid_row=moments.row,
        box_width=(right - left) * pixel[1],
        box_height=(bottom - top) * pixel[0],
        touches_border=(top == 0) | (left == 0) | (bottom == height) | (right == width),
        neighbours=np.bincount(transitions.touching.ravel(), minlength=len(runs.labels)),
        nearest_distance=nearest_distance,
        nearest=nearest,
        mean_intensity=mean_intensities(runs, intensities),
        channels=channels,
        unit="nm" if pixel_size else "px",
    )


def crofton(entries: NDArray[np.int64], pixel: tuple[float, float]) -> NDArray[np.float64]:
    """Estimate perimeters by Crofton's formula in 4 directions.

    Lines of pixels in direction k lie ``d_k = A / s_k`` apart, where A is the area of a pixel and
    ``s_k`` the distance of two pixels along the line. An object that they enter ``n_k`` times has
    the perimeter::

        P = pi * sum_k c_k n_k d_k

    where ``c_k`` is the share of all directions to which k is the nearest. Square pixels have
    ``c_k = 1/4``; wide or high pixels turn the two diagonals, and the shares with them, so that a
    disc has the perimeter ``pi * diameter`` on any grid.

    Legland, Kieu, Devaux 2007, "Computation of Minkowski measures on 2D and 3D binary images",
    Image Analysis & Stereology 26, 83-92; Lehmann, Legland 2012, "Efficient N-dimensional surface
    estimation using Crofton formula and run-length encoding", Insight Journal.

    Parameters
    ----------
    entries : array of int64, shape (4, n)
        How often lines across, down, falling and rising enter each object.
    pixel : tuple of float
        Height and width of a pixel.

    Returns
    -------
    array of float64, shape (n,)
        In the unit of ``pixel``.
    """
    height, width = pixel
    diagonal = math.hypot(height, width)
    slope = math.atan2(height, width)
    shares = np.array([slope, math.pi / 2 - slope, math.pi / 4, math.pi / 4]) / math.pi
    apart = height * width / np.array([width, height, diagonal, diagonal])
    perimeters: NDArray[np.float64] = math.pi * (shares * apart) @ entries
    return perimeters


def _nearest(
    centroids: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distance to the nearest other centroid, and its label."""
    if len(labels) < 2:
        return np.full(len(labels), np.nan), np.zeros(len(labels), np.int64)
    from scipy.spatial import KDTree

    distances, found = KDTree(centroids).query(centroids, k=2)
    other = (found[:, 0] == np.arange(len(labels))).astype(np.intp)  # itself comes first, mostly
    rows = np.arange(len(labels))
    return distances[rows, other], labels[found[rows, other]]


def _checked(labels: NDArray[Any]) -> NDArray[Any]:
    if labels.ndim != 2:
        raise LabelError(f"a label image has the axes (Y, X), not the shape {labels.shape}")
    if labels.dtype.kind not in "biu":
        raise LabelError(
            f"labels are whole numbers, not {labels.dtype}; give one number to each object"
        )
    if labels.dtype.kind == "i" and labels.size and labels.min() < 0:
        raise LabelError(
            f"the label image holds the value {labels.min()}; labels are 0 for the background and "
            "positive for objects"
        )
    if labels.dtype.kind == "u" and labels.size and labels.max() > _LARGEST:
        raise LabelError(
            f"the label image holds the value {labels.max()}, and objects are numbered up to "
            f"{_LARGEST}; leave it out with --unlabelled {labels.max()}, or number the objects "
            "from 1"
        )
    return labels


def _names(
    labels: NDArray[Any], intensities: NDArray[Any] | None, channels: tuple[str, ...]
) -> tuple[str, ...]:
    """Names of the channels; refuses intensities that do not belong to the labels."""
    if intensities is None:
        return ()
    if intensities.ndim != 3 or intensities.shape[1:] != labels.shape:
        raise MismatchError(
            f"the label image has the shape {labels.shape} and the intensities "
            f"{intensities.shape}; they must be (C, Y, X) of the same picture"
        )
    if channels and len(channels) != len(intensities):
        raise MismatchError(
            f"there are {len(channels)} names ({', '.join(channels)}) for {len(intensities)} "
            "channels; name each channel once"
        )
    if len(set(channels)) == len(intensities):
        return channels
    return tuple(str(number) for number in range(1, len(intensities) + 1))
