"""Smaller copies of large planes, by which viewers show them at once.

::

    5000 x 4200  ->  2500 x 2100  ->  1250 x 1050  ->  625 x 525

Intensities are averaged over areas of 2 x 2 pixels. Label values are picked and never averaged,
because between class 1 and class 3 there is no class 2.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LARGE = 4096
_SMALL = 1024


def level_count(height: int, width: int) -> int:
    """How many smaller copies a plane gets; none unless a side is longer than 4096 pixels."""
    longest = max(height, width)
    if longest <= _LARGE:
        return 0
    count = 0
    while longest > _SMALL:
        longest = -(-longest // 2)
        count += 1
    return count


def level_size(height: int, width: int, level: int) -> tuple[int, int]:
    """Height and width of a copy; level 0 is the plane itself, odd lengths are rounded up."""
    step = 1 << level
    return -(-height // step), -(-width // step)


def smaller_copies(plane: NDArray[Any], count: int, *, averaged: bool) -> Iterator[NDArray[Any]]:
    """Halve a plane again and again.

    Parameters
    ----------
    plane : array of numbers, shape (Y, X)
        The plane itself, which is not handed out.
    count : int
        How many copies.
    averaged : bool
        Whether areas are averaged, or every other pixel is taken.

    Yields
    ------
    array of the same dtype, shape (Y/2, X/2), then (Y/4, X/4) ..., rounded up
    """
    for _ in range(count):
        plane = _mean_of_areas(plane) if averaged else np.ascontiguousarray(plane[::2, ::2])
        yield plane


def _mean_of_areas(plane: NDArray[Any]) -> NDArray[Any]:
    """Average 2 x 2 pixels in their own type, without overflow; an odd edge counts twice."""
    height, width = plane.shape
    if height % 2 or width % 2:
        plane = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    a, b, c, d = (plane[y::2, x::2] for y in (0, 1) for x in (0, 1))
    if plane.dtype.kind == "f":
        quarter = plane.dtype.type(0.25)
        with np.errstate(all="ignore"):  # not finite in, not finite out
            averaged: NDArray[Any] = a * quarter + b * quarter + c * quarter + d * quarter
        return averaged
    quarters = (a >> 2) + (b >> 2) + (c >> 2) + (d >> 2)
    rests = (a & 3) + (b & 3) + (c & 3) + (d & 3)
    mean: NDArray[Any] = quarters + ((rests + 2) >> 2)
    return mean
