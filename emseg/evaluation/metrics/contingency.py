"""Which segments overlap by how many pixels: all that a score of partitions needs to know."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class OverlapCounts:
    """The overlaps of two partitions of the same pixels that are not empty.

    ::

        prediction  1 1 2 2        prediction  reference  pixels
                    1 1 2 2             1           1        4
        reference   1 1 1 2             2           1        2
                    1 1 1 0             2           2        1   one pixel has no reference

    Parameters
    ----------
    prediction, reference : array of int64, shape (J,)
        A segment of each, counted from 0.
    pixels : array of int64, shape (J,)
        What both share, at least one.
    """

    prediction: NDArray[np.int64]
    reference: NDArray[np.int64]
    pixels: NDArray[np.int64]

    @property
    def of_prediction(self) -> NDArray[np.float64]:
        """Pixels of each segment of the prediction that count."""
        return np.bincount(self.prediction, weights=self.pixels).astype(np.float64)

    @property
    def of_reference(self) -> NDArray[np.float64]:
        """Pixels of each segment of the reference that count."""
        return np.bincount(self.reference, weights=self.pixels).astype(np.float64)

    def joined(self, groups: NDArray[np.int64]) -> "OverlapCounts":
        """Join segments of the prediction: segment s becomes part of ``groups[s]``."""
        return _added_up(groups[self.prediction], self.reference, self.pixels)


def count_overlaps(prediction: NDArray[Any], reference: NDArray[Any]) -> OverlapCounts:
    """Count the pixels that segments share where the reference has a segment.

    Parameters
    ----------
    prediction, reference : array of int, one shape
        Segments, counted from 0. Pixels whose reference is 0 do not count; 0 of the prediction
        is a segment like any other.
    """
    rows, columns = prediction.ravel(), reference.ravel()
    starts, lengths = _runs(rows, columns)
    rows, columns = rows[starts], columns[starts]
    counted = columns > 0
    return _added_up(rows[counted], columns[counted], lengths[counted])


def sum_of_squares(sizes: NDArray[Any]) -> float:
    """Sum of n^2 over the sizes n of segments, twice the pairs of pixels in them, plus n."""
    sizes = sizes.astype(np.float64)
    return float(sizes @ sizes)


def sum_of_n_log_n(sizes: NDArray[Any]) -> float:
    """Sum of n log2 n over the sizes n of segments; an empty one adds nothing."""
    there = sizes[sizes > 0].astype(np.float64)
    return float(there @ np.log2(there))


def _runs(*planes: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Where runs of pixels with the same values in all planes begin, and how long they are.

    Adding up runs takes half the time of adding up pixels where segments are ten pixels wide.
    """
    size = planes[0].size
    changes = np.zeros(max(0, size - 1), dtype=np.bool_)
    for plane in planes:
        changes |= plane[1:] != plane[:-1]
    starts = np.concatenate((np.zeros(min(1, size), dtype=np.intp), np.flatnonzero(changes) + 1))
    return starts, np.diff(starts, append=size)


def _added_up(
    rows: NDArray[Any], columns: NDArray[Any], pixels: NDArray[np.int64]
) -> OverlapCounts:
    from scipy.sparse import coo_array

    shape = int(rows.max(initial=0)) + 1, int(columns.max(initial=0)) + 1
    table = coo_array((pixels, (rows, columns)), shape=shape).tocsr().tocoo()
    return OverlapCounts(table.row.astype(np.int64), table.col.astype(np.int64), table.data)
