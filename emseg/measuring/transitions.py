"""Where one label meets another: the crossings of object outlines, and which objects touch.

A step goes from a pixel to the next in one of four directions::

    across (0, 1)      down (1, 0)      falling (1, 1)      rising (1, -1)
        a b                 a               a                     a
                            b                 b                 b
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.measuring.runs import bands

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Across, down, falling and rising: (rows, columns) from a pixel to the next."""


@dataclass(frozen=True, slots=True)
class Transitions:
    """What the steps of a label image meet.

    Parameters
    ----------
    entries : array of int64, shape (4, n)
        How often the lines of pixels in each direction of `STEPS` enter each object.
    touching : array of int64, shape (p, 2)
        Pairs of objects, by their index, that share a side or a corner of a pixel; each once.
    """

    entries: NDArray[np.int64]
    touching: NDArray[np.int64]


def find_transitions(labels: NDArray[Any], known: NDArray[np.int64]) -> Transitions:
    """Follow the lines of pixels in four directions through a label image.

    Parameters
    ----------
    labels : array of an integer type, shape (Y, X)
        0 is background, and so is what lies outside.
    known : array of int64, shape (n,)
        The labels but 0, ascending.
    """
    count = len(known)
    entries = np.zeros((len(STEPS), count), np.int64)
    pairs = [np.zeros(0, np.int64)]
    for direction, step in enumerate(STEPS):
        for left, entered in _changes(labels, *step):
            into = entered != 0
            inside = np.searchsorted(known, entered[into])
            entries[direction] += np.bincount(inside, minlength=count)
            both = left[into] != 0
            one, other = np.searchsorted(known, left[into][both]), inside[both]
            pairs.append(np.unique(np.minimum(one, other) * count + np.maximum(one, other)))
    touching = np.stack(np.divmod(np.unique(np.concatenate(pairs)), max(1, count)), axis=1)
    return Transitions(entries, touching)


def _changes(
    labels: NDArray[Any], down: int, right: int
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Labels before and after each step that changes the label, a band of rows at a time."""
    height, width = labels.shape
    before = slice(max(0, -right), width - max(0, right))
    after = slice(max(0, right), width - max(0, -right))
    for rows in bands((height - down, width)):
        left = labels[rows, before]
        entered = labels[rows.start + down : rows.stop + down, after]
        differ = left != entered
        yield left[differ], entered[differ]
    side = {1: slice(0, 1), 0: slice(0), -1: slice(-1, None)}[right]
    for edge in (labels[:down].ravel(), labels[down:, side].ravel()):
        yield np.zeros_like(edge), edge
