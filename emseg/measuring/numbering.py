"""Counts and renumbers the objects of a label image, a band of rows at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.measuring.runs import bands


def count_pixels(labels: NDArray[np.int32], highest: int) -> NDArray[np.int64]:
    """Count the pixels of each label 0 to ``highest``, shape (highest + 1,)."""
    counts = np.zeros(highest + 1, np.int64)
    for rows in bands(labels.shape):
        counts += np.bincount(labels[rows].ravel(), minlength=highest + 1)
    return counts


def renumber(labels: NDArray[np.int32], number: NDArray[Any]) -> None:
    """Give each label the number that stands at its place, in place."""
    for rows in bands(labels.shape):
        labels[rows] = number[labels[rows]]


def put_in_reading_order(labels: NDArray[np.int32], highest: int) -> int:
    """Make the labels 1 to n in the reading order of their first pixels, in place; give n."""
    first = np.full(highest + 1, labels.size, np.int64)
    for rows in bands(labels.shape):
        found, index = np.unique(labels[rows], return_index=True)
        first[found] = np.minimum(first[found], index + rows.start * labels.shape[1])
    first[0] = -1  # the background stays 0
    number = np.zeros(highest + 1, np.int32)
    number[np.argsort(first, kind="stable")] = np.arange(highest + 1)
    renumber(labels, number)
    return int(np.count_nonzero(first < labels.size)) - 1
