"""Tells touching particles apart: a watershed of the distance to the background.

Each pixel is as high as it is far from the background, so that a round particle is a hill and two
that touch are two hills with a saddle in the neck between them::

    distance   1 2 3 4 3 2 2 3 4 3 2 1          peaks 4 and 4, saddle 2: two particles
               1 2 3 4 4 3 3 4 4 3 2 1          peaks 4 and 4, saddle 3: one, with a dent

A hill whose peak rises too little above the saddle is no particle of its own, but part of the one
that it leans on.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.measuring.runs import bands
from emseg.measuring.transitions import STEPS

DEPTH = 0.25
"""How much narrower than the smaller of two particles their neck is, as a share of it, at least."""

_WHOLE = 1 << 24  # pixels of a plane that is split as a whole; larger ones object by object
_Window = tuple[slice, slice]


def split_objects(
    labels: NDArray[np.int32],
    count: int,
    *,
    depth: float = DEPTH,
    sampling: tuple[float, float] = (1.0, 1.0),
) -> int:
    """Split objects that consist of touching convex particles, in place.

    Two peaks of the distance to the background are two particles when the saddle between them is
    lower than the lower peak by the share ``depth`` of it, and by the longer side of a pixel:
    less is what pixels alone do to an outline, so that particles of fewer than some ten pixels
    across may stay together. Discs of one size that overlap by 15 % of their diameter have a neck
    of 53 % of it; a depth of 0.25 tells discs apart that overlap by up to about 34 %.

    It takes some 60 bytes a pixel of the plane up to 4096 x 4096 pixels, and of the bounding box
    of the largest object in larger planes.

    Parameters
    ----------
    labels : array of int32, shape (Y, X)
        Connected objects 1 to ``count``, none of which share a side or a corner of a pixel.
    count : int
        How many there are.
    depth : float
        0 to 1; larger splits less.
    sampling : tuple of float
        Height and width of a pixel in any unit.

    Returns
    -------
    int
        How many there are now; in the reading order of their first pixels.
    """
    following = count
    for window, object_ in _windows(labels, count):
        part = labels[window]
        mask = part > 0 if object_ is None else part == object_
        pieces = _split(mask, depth, sampling)
        if pieces is not None:
            inside = mask & (pieces > 0)
            part[inside] = pieces[inside] + following
            following += int(pieces.max())
    return _in_reading_order(labels, following)


def _windows(labels: NDArray[np.int32], count: int) -> Iterator[tuple[_Window, int | None]]:
    """Cut out the whole plane, or the box of each object with a margin of a pixel and its label."""
    if labels.size <= _WHOLE:
        yield (slice(0, labels.shape[0]), slice(0, labels.shape[1])), None
        return
    from scipy.ndimage import find_objects

    for number, box in enumerate(find_objects(labels, count), start=1):
        rows, columns = (slice(max(0, each.start - 1), each.stop + 1) for each in box)
        yield (rows, columns), number


def _split(
    mask: NDArray[np.bool_], depth: float, sampling: tuple[float, float]
) -> NDArray[np.int32] | None:
    """Give each particle of a mask a number; None when it has no background or a single peak."""
    if mask.all():
        return None
    from scipy.ndimage import distance_transform_edt, label
    from skimage.morphology import local_maxima
    from skimage.segmentation import watershed

    distance = distance_transform_edt(mask, sampling=sampling)
    tops = local_maxima(distance, connectivity=2)  # type: ignore[no-untyped-call]
    peaks, count = label(tops & mask, np.ones((3, 3)))
    if count < 2:
        return None
    hills = watershed(-distance, peaks, connectivity=2, mask=mask)  # type: ignore[no-untyped-call]
    heights = np.zeros(count + 1)
    heights[peaks.ravel()] = distance.ravel()
    saddles = _saddles(hills, distance)
    particle = _merged(heights, *saddles, depth=depth, least=max(sampling))
    pieces: NDArray[np.int32] = particle[hills]
    return pieces


def _saddles(
    hills: NDArray[np.int32], distance: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of hills that touch, shape (p, 2), and the height of the saddle between, descending."""
    count = int(hills.max()) + 1
    keys, heights = [], []
    for down, right in STEPS:
        here, there = _shifted(hills, down, right)
        meets = (here != there) & (here > 0) & (there > 0)
        one, other = here[meets].astype(np.int64), there[meets].astype(np.int64)
        keys.append(np.minimum(one, other) * count + np.maximum(one, other))
        heights.append(np.minimum(*(each[meets] for each in _shifted(distance, down, right))))
    key, height = np.concatenate(keys), np.concatenate(heights)
    order = np.lexsort([key, -height])
    key, height = key[order], height[order]
    first = np.sort(np.unique(key, return_index=True)[1])
    return np.stack(np.divmod(key[first], count), axis=1), height[first]


def _shifted(plane: NDArray[Any], down: int, right: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Leave out the last, and the first, rows and columns of a plane along a step."""
    height, width = plane.shape
    before = plane[: height - down, max(0, -right) : width - max(0, right)]
    return before, plane[down:, max(0, right) : width - max(0, -right)]


def _merged(
    heights: NDArray[np.float64],
    pairs: NDArray[np.int64],
    saddles: NDArray[np.float64],
    *,
    depth: float,
    least: float,
) -> NDArray[np.int32]:
    """Find the number of the particle that each hill belongs to, shape (hills + 1,); 0 stays 0."""
    top = list(range(len(heights)))  # the highest hill that each leans on, step by step

    def summit(hill: int) -> int:
        while top[hill] != hill:
            top[hill] = top[top[hill]]
            hill = top[hill]
        return hill

    for (one, other), saddle in zip(pairs.tolist(), saddles.tolist(), strict=True):
        lower, higher = sorted((summit(one), summit(other)), key=lambda hill: heights[hill])
        if heights[lower] - saddle < max(depth * heights[lower], least):
            top[lower] = higher
    summits = [summit(hill) for hill in range(len(heights))]
    return np.unique(summits, return_inverse=True)[1].astype(np.int32)


def _in_reading_order(labels: NDArray[np.int32], highest: int) -> int:
    """Give the labels the numbers 1 to n in the reading order of their first pixels, in place."""
    first = np.full(highest + 1, labels.size, np.int64)
    for rows in bands(labels.shape):
        value, index = np.unique(labels[rows], return_index=True)
        first[value] = np.minimum(first[value], index + rows.start * labels.shape[1])
    first[0] = -1
    order = np.argsort(first, kind="stable")
    count = int(np.count_nonzero(first < labels.size)) - 1
    number = np.zeros(highest + 1, np.int32)
    number[order[: count + 1]] = np.arange(count + 1)
    for rows in bands(labels.shape):
        labels[rows] = number[labels[rows]]
    return count
