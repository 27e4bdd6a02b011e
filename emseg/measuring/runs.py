"""A label image as runs: the stretches of a row that belong to one object.

A run says in four numbers what its pixels would say one by one, so that areas and moments are sums
over runs and no array of the size of the image is ever made::

    row 0   . 1 1 1 . 2        (owner 0, row 0, columns 1 to 4), (owner 1, row 0, columns 5 to 6)
    row 1   . . 1 1 . 2        (owner 0, row 1, columns 2 to 4), (owner 1, row 1, columns 5 to 6)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BAND = 1 << 21  # pixels that are looked at together; a few arrays of this size stay in the cache


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of all objects, row by row and from left to right.

    Parameters
    ----------
    labels : array of int64, shape (n,)
        The distinct labels but 0, ascending.
    owner : array of intp, shape (m,)
        Which of them a run belongs to: an index into ``labels``.
    row, start, stop : array of int32, shape (m,)
        Its row and its columns, the end not included.
    """

    labels: NDArray[np.int64]
    owner: NDArray[np.intp]
    row: NDArray[np.int32]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]

    @property
    def length(self) -> NDArray[np.int32]:
        """Pixels of each run, shape (m,)."""
        return self.stop - self.start

    def total(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Add up a value of each run, shape (m,), over the runs of each object, shape (n,)."""
        totals = np.bincount(self.owner, weights=values, minlength=len(self.labels))
        return np.asarray(totals, np.float64)


def bands(size: tuple[int, int], pixels: int = _BAND) -> Iterator[slice]:
    """Cut the rows of a plane of (Y, X) pixels into bands of about so many pixels."""
    rows = max(1, pixels // max(1, size[1]))
    for top in range(0, size[0], rows):
        yield slice(top, min(top + rows, size[0]))


def find_runs(labels: NDArray[Any]) -> Runs:
    """Find the runs of a label image.

    Parameters
    ----------
    labels : array of an integer type, shape (Y, X)
        0 is background.
    """
    found = [_runs_of_band(labels[rows], rows.start) for rows in bands(labels.shape)]
    empty = (np.zeros(0, labels.dtype), *(np.zeros(0, np.int32),) * 3)
    value, row, start, stop = (np.concatenate(each) for each in zip(*found, empty, strict=True))
    distinct, owner = np.unique(value, return_inverse=True)
    return Runs(distinct.astype(np.int64), owner, row, start, stop)


def _runs_of_band(
    band: NDArray[Any], top: int
) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Label, row, start and stop of each run but those of the background."""
    begins = np.ones(band.shape, bool)
    np.not_equal(band[:, 1:], band[:, :-1], out=begins[:, 1:])
    first = np.flatnonzero(begins)
    length = np.diff(first, append=band.size)
    value = band.reshape(-1)[first]
    kept = value != 0
    row, start = np.divmod(first[kept], max(1, band.shape[1]))
    columns = (row + top, start, start + length[kept])
    row, start, stop = (each.astype(np.int32) for each in columns)
    return value[kept], row, start, stop
