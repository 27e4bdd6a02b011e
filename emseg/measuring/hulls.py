"""Convex hulls of many objects at once, and the Feret diameters that they give.

The hull is that of the corners of the pixels, of which only the outermost of each row matter: at
every height y between two rows an object has a leftmost and a rightmost corner::

    y = 0     o-----o            o  corners that are kept; the two chains of them, down the left
    y = 1  o--+     +--o            and down the right side, are made convex by taking out each
    y = 2  o-----------o            corner that lies inside the line between its neighbours
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.measuring.runs import Runs

_DISTANCES = 1 << 20  # distances between corners that are held at a time


@dataclass(frozen=True, slots=True)
class HullOutlines:
    """The outermost pixels of each row of each object, object by object from top to bottom.

    Parameters
    ----------
    owner, row : array of int, shape (k,)
        Index of the object, and the row.
    left, right : array of int, shape (k,)
        First column of the object in that row, and the one behind the last.
    """

    owner: NDArray[np.intp]
    row: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]

    def boxes(self) -> NDArray[np.int64]:
        """Bounding box of each object: top, bottom, left and right, shape (4, n), ends not in."""
        if not len(self.owner):
            return np.zeros((4, 0), np.int64)
        first = _firsts(self.owner)
        last = np.append(first[1:], len(self.owner)) - 1
        left = np.minimum.reduceat(self.left, first)
        right = np.maximum.reduceat(self.right, first)
        return np.stack([self.row[first], self.row[last] + 1, left, right])


def find_outlines(runs: Runs) -> HullOutlines:
    """Find the outermost pixels of each row of each object."""
    order = np.argsort(runs.owner, kind="stable")
    owner, row = runs.owner[order], runs.row[order].astype(np.int64)
    first = _firsts(owner, row)
    last = np.append(first[1:], len(owner))[: len(first)] - 1
    left, right = runs.start[order[first]], runs.stop[order[last]]
    return HullOutlines(owner[first], row[first], left.astype(np.int64), right.astype(np.int64))


def feret_diameters(
    outlines: HullOutlines, pixel: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure the largest and the smallest Feret diameter of each object.

    The largest is the diameter of the convex hull, between two of its corners; the smallest is
    its width across one of its sides (rotating calipers: Toussaint 1983, "Solving geometric
    problems with the rotating calipers", IEEE MELECON).

    Parameters
    ----------
    outlines : HullOutlines
        Of n objects.
    pixel : tuple of float
        Height and width of a pixel.

    Returns
    -------
    largest, smallest : array of float64, shape (n,)
        In the unit of ``pixel``.
    """
    owner, y, x = _hulls(outlines)
    corners = np.stack([y, x], axis=1) * np.array(pixel, np.float64)
    first = _firsts(owner)
    count = np.diff(first, append=len(owner))
    largest, smallest = np.zeros(len(first)), np.zeros(len(first))
    for chosen, size in _of_equal_size(count):
        polygons = corners[first[chosen, None] + np.arange(size)]
        largest[chosen] = _diameters(polygons)
        smallest[chosen] = _widths(polygons)
    return largest, smallest


def _firsts(*keys: NDArray[Any]) -> NDArray[np.intp]:
    """Where a key differs from the one before."""
    new = np.ones(len(keys[0]), bool)
    new[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return np.flatnonzero(new)


def _hulls(outlines: HullOutlines) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.int64]]:
    """Owner, y and x of the corners of the convex hulls, each hull in one turn."""
    if not len(outlines.owner):
        return outlines.owner, outlines.row, outlines.left
    owner = np.repeat(outlines.owner, 2)
    y = (outlines.row[:, None] + np.array([0, 1])).ravel()
    first = _firsts(owner, y)
    left = np.minimum.reduceat(np.repeat(outlines.left, 2), first)
    right = np.maximum.reduceat(np.repeat(outlines.right, 2), first)
    owner, y = owner[first], y[first]
    down = _convex(owner, y, left)
    up = _convex(owner, y, -right)
    side = np.repeat([0, 1], [len(down), len(up)])
    owner, x = owner[np.append(down, up)], np.append(left[down], right[up])
    y = np.append(y[down], y[up])
    turn = np.lexsort([np.where(side == 0, y, -y), side, owner])
    return owner[turn], y[turn], x[turn]


def _convex(
    owner: NDArray[np.intp], y: NDArray[np.int64], x: NDArray[np.int64]
) -> NDArray[np.intp]:
    """Index the corners of chains that bulge to the left.

    A corner that does not lie left of the line between its neighbours is none of the hull,
    whichever others are; so all such are taken out together until none is left.
    """
    kept = np.arange(len(owner))
    while True:
        o, v, u = owner[kept], y[kept], x[kept]
        inner = o[:-2] == o[2:]
        line = (u[2:] - u[:-2]) * (v[1:-1] - v[:-2])
        dented = inner & ((u[1:-1] - u[:-2]) * (v[2:] - v[:-2]) >= line)
        if not dented.any():
            return kept
        kept = np.delete(kept, np.flatnonzero(dented) + 1)


def _of_equal_size(count: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Group hulls with equally many corners; not too many of them at a time."""
    order = np.argsort(count, kind="stable")
    ends = np.append(_firsts(count[order]), len(count)) if len(count) else np.zeros(1, np.intp)
    for start, stop in pairwise(ends.tolist()):
        size = int(count[order[start]])
        step = max(1, _DISTANCES // size**2)
        for begin in range(start, stop, step):
            yield order[begin : min(begin + step, stop)], size


def _diameters(polygons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest distance between two corners of polygons (m, h, 2), shape (m,)."""
    y, x = polygons[..., 0], polygons[..., 1]
    squares = (y[:, :, None] - y[:, None, :]) ** 2 + (x[:, :, None] - x[:, None, :]) ** 2
    largest: NDArray[np.float64] = np.sqrt(squares.max(axis=(1, 2)))
    return largest


def _widths(polygons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smallest over the sides of the largest distance of a corner from it, shape (m,)."""
    sides = np.roll(polygons, -1, axis=1) - polygons
    sides /= np.linalg.norm(sides, axis=2, keepdims=True)
    ahead = sides[..., None, 0] * polygons[:, None, :, 1] - (
        sides[..., None, 1] * polygons[:, None, :, 0]
    )
    smallest: NDArray[np.float64] = np.ptp(ahead, axis=2).min(axis=1)
    return smallest
