"""Objects, holes and small objects of a plane of any size, found among its fragments.

Objects are pixels of one class that share a side or a corner, as everywhere in emseg. What is
not the object then hangs together by sides alone, so that no hole leaks through a corner::

    . A A .        one object of class A, and one hole:
    A . . A        the corners of A close it
    . A A .
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.measuring.fragments import Fragments, components


@dataclass(frozen=True, slots=True)
class JoinedObjects:
    """The objects 1 to n of a plane, in the reading order of their first pixels; shape (n,) each.

    Parameters
    ----------
    value : array of int64
        The class of each.
    pixels : array of int64
        How many it has.
    score : array of float64
        Mean probability of its class over its pixels; NaN where none were given.
    row, column : array of float64
        Mean position in pixels; the centre of the first pixel is 0.
    box : array of int64, shape (n, 4)
        Top, bottom, left and right in pixels, the ends not included.
    """

    value: NDArray[np.int64]
    pixels: NDArray[np.int64]
    score: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    box: NDArray[np.int64]

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.value)


def fill_holes(fragments: Fragments, values: Sequence[int], most: int) -> Fragments:
    """Give the holes of classes to the classes around them.

    A hole of a class is all that is not of it, hangs together by sides, and does not reach the
    border of the plane; whatever lies in a hole goes with it, objects of other classes too. Of
    holes in holes the largest that is filled counts.

    Parameters
    ----------
    fragments : Fragments
        Of a whole plane.
    values : sequence of int
        The classes whose holes are filled.
    most : int
        Pixels; a larger hole stays.

    Returns
    -------
    Fragments
        The same with other values.
    """
    filled, size = fragments.value.copy(), np.zeros(len(fragments), np.int64)
    on_border = fragments.on_border
    for value in values:
        is_other = fragments.value != value
        kept = is_other[fragments.one] & is_other[fragments.other] & (fragments.sides > 0)
        region, count = _joined(fragments, kept)
        pixels = np.bincount(region, fragments.pixels, count)
        reaches = np.bincount(region, on_border, count) > 0
        area = np.where(reaches, 0, pixels)[region]
        takes = is_other & (area <= most) & (area > size)
        filled[takes], size[takes] = value, area[takes]
    return replace(fragments, value=filled)


def drop_small(
    fragments: Fragments,
    values: Sequence[int],
    smallest: int,
    *,
    background: int = 0,
    outside: int | None = None,
) -> Fragments:
    """Give objects of too few pixels to the class around them.

    Small objects that share sides go together, to the class with which they share the most sides;
    of equal ones to the first. Where nothing but small objects is, they become background.

    Parameters
    ----------
    fragments : Fragments
        Of a whole plane.
    values : sequence of int
        The classes whose objects are meant.
    smallest : int
        Pixels; objects of as many stay.
    background : int
        The class of what nothing surrounds.
    outside : int or None
        The value of pixels of no class, which take only what no class surrounds.

    Returns
    -------
    Fragments
        The same with other values.
    """
    owner, is_object = _objects(fragments, values)
    sizes = np.bincount(owner, fragments.pixels)
    is_small = is_object & (sizes[owner] < smallest)
    one, other, sides = fragments.one, fragments.other, fragments.sides
    group, count = _joined(fragments, is_small[one] & is_small[other] & (sides > 0))
    distinct, index = np.unique(fragments.value, return_inverse=True)
    around = np.zeros((count, len(distinct)), np.int64)
    for inner, outer in ((one, other), (other, one)):
        edge = is_small[inner] & ~is_small[outer]
        np.add.at(around, (group[inner[edge]], index[outer[edge]]), sides[edge])
    if outside is not None:
        around[:, distinct == outside] = around[:, distinct == outside] > 0
        around[:, distinct != outside] *= 2
    taken = np.where(around.any(axis=1), distinct[around.argmax(axis=1)], background)
    return replace(fragments, value=np.where(is_small, taken[group], fragments.value))


def number_objects(
    fragments: Fragments, values: Sequence[int]
) -> tuple[NDArray[np.int64], JoinedObjects]:
    """Give the objects of classes numbers from 1, in the reading order of their first pixels.

    Parameters
    ----------
    fragments : Fragments
        Of a whole plane.
    values : sequence of int
        The classes whose objects are meant.

    Returns
    -------
    numbers : array of int64, shape (n,)
        The object that each fragment belongs to; 0 for none.
    objects : JoinedObjects
        What is known of them.
    """
    owner, is_object = _objects(fragments, values)
    distinct, own = np.unique(owner[is_object], return_inverse=True)
    first = np.full(len(distinct), np.iinfo(np.int64).max)
    np.minimum.at(first, own, fragments.first[is_object])
    number = np.empty(len(distinct), np.int64)
    number[np.argsort(first)] = np.arange(1, len(distinct) + 1)
    numbers = np.zeros(len(fragments), np.int64)
    numbers[is_object] = number[own]
    value = np.zeros(len(distinct) + 1, np.int64)
    value[numbers] = fragments.value
    return numbers, summed(fragments, numbers, value[1:])


def summed(fragments: Fragments, numbers: NDArray[Any], value: NDArray[np.int64]) -> JoinedObjects:
    """Add up what is known of fragments over the objects that they belong to.

    Parameters
    ----------
    fragments : Fragments
        Of a whole plane.
    numbers : array of int, shape (fragments,)
        The object of each fragment, 1 to n; 0 for none.
    value : array of int64, shape (n,)
        The class of each object.
    """
    kept = numbers > 0
    owner, count = numbers[kept] - 1, len(value)

    def total(each: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(owner, each[kept], count).astype(np.float64)  # of no object it is int

    pixels = total(fragments.pixels)
    score = np.full(count, np.nan)
    if fragments.shares.shape[1]:
        own = fragments.shares[np.flatnonzero(kept), value[owner]]
        score = np.bincount(owner, own, count) / pixels
    box = np.empty((count, 4), np.int64)
    ends = (np.minimum, np.maximum)
    for side, start in enumerate([*fragments.size[:1], 0, *fragments.size[1:], 0]):
        box[:, side] = start
        ends[side % 2].at(box[:, side], owner, fragments.box[kept, side])
    row, column = total(fragments.row_sum) / pixels, total(fragments.column_sum) / pixels
    return JoinedObjects(value, pixels.astype(np.int64), score, row, column, box)


def _objects(
    fragments: Fragments, values: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Say which object each fragment belongs to, and whether it is of one of the classes."""
    alike = fragments.value[fragments.one] == fragments.value[fragments.other]
    return _joined(fragments, alike)[0], np.isin(fragments.value, list(values))


def _joined(fragments: Fragments, kept: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
    return components(len(fragments), fragments.one[kept], fragments.other[kept])
