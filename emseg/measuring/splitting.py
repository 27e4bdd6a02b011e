"""Tells touching particles apart: a watershed of the distance to the background.

Each pixel is as high as it is far from the background, so that a round particle is a hill and two
that touch are two hills with a saddle in the neck between them::

    distance   1 2 3 4 3 2 2 3 4 3 2 1          peaks 4 and 4, saddle 2: two particles
               1 2 3 4 4 3 3 4 4 3 2 1          peaks 4 and 4, saddle 3: one, with a dent

A hill whose peak rises too little above the saddle is no particle of its own, but part of the one
that it leans on.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.measuring.numbering import count_pixels, put_in_reading_order
from emseg.measuring.transitions import STEPS

DEPTH = 0.25
"""How much narrower than the smaller of two particles their neck is, as a share of it, at least."""

_THIN = 12  # pixels from the outline: pixels are cut in objects that are nowhere as thick
_PARTS = 3  # an odd number, so that a pixel has a middle; more finds hardly more
_MOST = 1 << 22  # pixels after that, some 250 MB while they are looked at
_ROUNDING = 1e-6  # of float32
_LEAST = 18  # pixels of two blocks of 3 x 3: no peak of fewer is a pixel above its saddle


def split_objects(
    labels: NDArray[np.int32],
    count: int,
    *,
    depth: float = DEPTH,
    sampling: tuple[float, float] = (1.0, 1.0),
) -> int:
    """Split objects that consist of touching convex particles, in place.

    Two peaks of the distance to the background are two particles when the saddle between them is
    lower than the lower peak by the share ``depth`` of it, and by the longer side of a pixel, or
    half of it in small objects, whose outlines are drawn smoothly with finer pixels: less is what
    pixels alone do to an outline, so that particles of fewer than some eight pixels across may stay
    together. Discs of one size that overlap by 15 % of their diameter have a neck
    of 53 % of it; a depth of 0.25 tells discs apart that overlap by up to about 34 %.

    Each object is looked at by itself, which takes some 60 bytes a pixel of its bounding box, and
    250 MB more at most.

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
    from scipy.ndimage import find_objects

    highest = count
    sizes = count_pixels(labels, count)
    for number, box in enumerate(find_objects(labels, count), start=1):
        if sizes[number] < _LEAST:
            continue
        part = labels[tuple(slice(max(0, each.start - 1), each.stop + 1) for each in box)]
        mask = part == number
        pieces = _split(mask, depth, sampling)
        if pieces is not None:
            part[mask] = pieces[mask] + highest
            highest += int(pieces.max())
    return put_in_reading_order(labels, highest)


def _split(
    mask: NDArray[np.bool_], depth: float, sampling: tuple[float, float]
) -> NDArray[np.int32] | None:
    """Give each particle of an object a number from 1; None when there is only one."""
    if mask.all():
        return None
    from scipy.ndimage import distance_transform_edt, label
    from skimage.morphology import local_maxima
    from skimage.segmentation import watershed

    distance = distance_transform_edt(mask, sampling=sampling)
    least, fine = max(sampling), _finer(mask.shape, sampling, float(distance.max()))
    if fine is not None:
        mask, sampling = _refined(mask, fine), (sampling[0] / fine[0], sampling[1] / fine[1])
        distance = distance_transform_edt(mask, sampling=sampling)
        least /= 2
    tops = mask & local_maxima(distance, connectivity=2)  # type: ignore[no-untyped-call]
    peaks, count = label(tops, np.ones((3, 3)))
    if count < 2:
        return None
    hills = watershed(-distance, peaks, connectivity=2, mask=mask)  # type: ignore[no-untyped-call]
    heights = np.zeros(count + 1)
    heights[peaks[tops]] = distance[tops]
    saddles = _saddles(hills, distance)
    particle = _merged(heights, *saddles, depth=depth, least=least)
    if fine is not None:  # the middle of each pixel
        hills = hills[fine[0] // 2 :: fine[0], fine[1] // 2 :: fine[1]]
    kept, pieces = np.unique(particle[hills], return_inverse=True)  # 0, the background, first
    return pieces.reshape(hills.shape).astype(np.int32) if kept.size > 2 else None


def _finer(
    shape: tuple[int, ...], sampling: tuple[float, float], thickness: float
) -> tuple[int, int] | None:
    """Find into how many parts the pixels of a thin object are cut; None where none need be."""
    if thickness >= _THIN * max(sampling):
        return None
    step = min(sampling) / _PARTS
    rows, columns = (max(_PARTS, round(side / step)) for side in sampling)
    return (rows, columns) if shape[0] * rows * shape[1] * columns <= _MOST else None


def _refined(mask: NDArray[np.bool_], parts: tuple[int, int]) -> NDArray[np.bool_]:
    """Draw a mask with finer pixels and a smooth outline, half way between in and out.

    What hangs together by the corner of a pixel still does, and the middle of each pixel stays on
    its side.
    """
    from scipy.ndimage import zoom

    share = zoom(mask.astype(np.float32), parts, order=1, grid_mode=True, mode="nearest")
    finer: NDArray[np.bool_] = share >= 0.5 - _ROUNDING
    return finer


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
