"""Numbers whose pixels lie in several pieces far apart, which are no single objects.

The numbers of 300 objects saved with 8 bits begin again behind 255, so that two objects far apart
have one number, whose bounding box is no size of anything::

    as numbered     as saved        box of number 1
    1 . . . .       1 . . . .       + - - - +
    . . . 2 .       . . . 2 .       |       |
    . 256 . 257     . 0 . 1         + - - - +
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.measuring.runs import Runs, find_runs

_CRUMB = 0.1  # of the largest piece of a number, below which another is no object of its own
_FULL = {255: 200, 65535: 60_000}  # largest number of a type, and how many of them are nearly all


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of numbered objects: pixels of one number that hang together by side or corner.

    Parameters
    ----------
    runs : Runs
        The image as runs; its labels are the numbers in the file but 0, ascending.
    piece : array of intp, shape (m,)
        Which piece each run belongs to, counted from 0 in reading order.
    shape : tuple of int
        Height and width of the image.
    scattered : array of bool, shape (n,)
        Whether a number has pieces far apart: further than the largest of them is long.
    heights, widths : array of int64, shape (n,)
        Bounding box of the largest piece of each number, in pixels.
    """

    runs: Runs
    piece: NDArray[np.intp]
    shape: tuple[int, ...]
    scattered: NDArray[np.bool_]
    heights: NDArray[np.int64]
    widths: NDArray[np.int64]

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The numbers in the file but 0, ascending."""
        return self.runs.labels

    def painted(self) -> NDArray[np.int32]:
        """Give each piece a number of its own, from 1 in reading order, shape (Y, X)."""
        plane = np.zeros(self.shape, np.int32)
        columns = zip(self.piece + 1, self.runs.row, self.runs.start, self.runs.stop, strict=True)
        for number, row, start, stop in columns:
            plane[row, start:stop] = number
        return plane

    @property
    def count(self) -> int:
        """How many numbers are scattered."""
        return int(self.scattered.sum())

    @property
    def begins_again_at(self) -> int | None:
        """The number, 256 or 65536, that became 0 where nearly all of 8 or 16 bits are taken."""
        highest = int(self.numbers[-1]) if len(self.numbers) else 0
        for most, nearly_all in _FULL.items():
            if nearly_all <= len(self.numbers) and highest <= most:
                return most + 1
        return None

    @property
    def in_words(self) -> str:
        """What was seen, and where it comes from as far as that shows."""
        lie = "lies" if self.count == 1 else "lie"
        said = f"{self.count} of {len(self.numbers)} numbers {lie} in several pieces far apart"
        most = (self.begins_again_at or 0) - 1
        if most < 0:
            return said
        return (
            f"{said}, as those of more than {most} objects saved with {most.bit_length()} bits do"
        )

    @property
    def remedy(self) -> str:
        """What to do about it."""
        most = (self.begins_again_at or 1) - 1
        if not most:
            return "give each object a number of its own"
        return f"save the objects with {2 * most.bit_length()} bits"


def find_pieces(labels: NDArray[Any]) -> Pieces:
    """Part numbered objects into the pieces that hang together.

    Memory is that of the runs of the image, not of its pixels.

    Parameters
    ----------
    labels : array of an integer type, shape (Y, X)
        0 is background, every other value the number of an object.
    """
    runs = find_runs(labels)
    piece, count = _joined(runs, labels.shape)
    sizes = np.bincount(piece, runs.length, count)
    boxes = _boxes(runs, piece, count)
    owner = np.zeros(count, np.intp)
    owner[piece] = runs.owner
    order = np.lexsort([-sizes, owner])
    largest = order[np.unique(owner[order], return_index=True)[1]]  # of each number
    main = boxes[largest]
    sides = main[:, 1] - main[:, 0]
    gaps = np.maximum(boxes[:, 0] - main[owner, 1], main[owner, 0] - boxes[:, 1]).max(axis=1)
    is_far = gaps > sides.max(axis=1, initial=0)[owner]
    is_far &= sizes >= _CRUMB * sizes[largest][owner]
    scattered = np.bincount(owner, is_far, len(runs.labels)) > 0
    return Pieces(runs, piece, labels.shape, scattered, sides[:, 0], sides[:, 1])


def _joined(runs: Runs, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], int]:
    """Give each run the number of its piece, from 0 in reading order.

    Runs of one number touch where one begins before the other, one row below, is over by more than
    a corner::

        . 1 1 1 . .        stop 4
        . . . . 1 1        start 4: they share a corner
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    height, width = shape[0] + 1, shape[1] + 1  # so that no row is below that of another number
    line = (runs.owner.astype(np.int64) * height + runs.row) * width
    order = np.argsort(line + runs.start)
    starts, stops = (line + runs.start)[order], (line + runs.stop)[order]
    first = np.searchsorted(stops, line + width + runs.start, "left")
    behind = np.searchsorted(starts, line + width + runs.stop, "right")
    touching = np.maximum(behind - first, 0)
    upper = np.repeat(np.arange(len(line)), touching)
    steps = np.arange(len(upper)) - np.repeat(np.cumsum(touching) - touching, touching)
    lower = order[np.repeat(first, touching) + steps]
    graph = coo_array((np.ones(len(upper), bool), (upper, lower)), (len(line),) * 2)
    count, joined = connected_components(graph, directed=False)
    seen, index = np.unique(joined, return_index=True)
    number = np.empty(count, np.intp)
    number[seen[np.argsort(index)]] = np.arange(count)
    return number[joined], count


def _boxes(runs: Runs, piece: NDArray[np.intp], count: int) -> NDArray[np.int64]:
    """Find first and last row and column, the ends not included, shape (count, 2, 2)."""
    boxes = np.empty((count, 2, 2), np.int64)
    boxes[:, 0], boxes[:, 1] = np.iinfo(np.int64).max, -1
    for axis, (first, last) in enumerate(((runs.row, runs.row + 1), (runs.start, runs.stop))):
        np.minimum.at(boxes[:, 0, axis], piece, first)
        np.maximum.at(boxes[:, 1, axis], piece, last)
    return boxes
