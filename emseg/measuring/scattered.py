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

_CRUMB = 0.1  # of the largest piece of a number, below which another is no object of its own
_FULL = {255: 200, 65535: 60_000}  # largest number of a type, and how many of them are nearly all


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of numbered objects: pixels of one number that hang together by side or corner.

    Parameters
    ----------
    plane : array of int32, shape (Y, X)
        Each piece with a number of its own, 1 to m in reading order; 0 where there is no object.
    numbers : array of an integer type, shape (n,)
        The numbers in the file but 0, ascending.
    scattered : array of bool, shape (n,)
        Whether a number has pieces far apart: further than the largest of them is long.
    heights, widths : array of int64, shape (n,)
        Bounding box of the largest piece of each number, in pixels.
    """

    plane: NDArray[np.int32]
    numbers: NDArray[Any]
    scattered: NDArray[np.bool_]
    heights: NDArray[np.int64]
    widths: NDArray[np.int64]

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
        said = f"{self.count} of {len(self.numbers)} numbers lie in several pieces far apart"
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

    Parameters
    ----------
    labels : array of an integer type, shape (Y, X)
        0 is background, every other value the number of an object.
    """
    from skimage.measure import label

    plane = label(labels, background=0, connectivity=2).astype(np.int32)  # type: ignore[no-untyped-call]
    count = int(plane.max(initial=0))
    numbers = np.zeros(count + 1, labels.dtype)
    numbers[plane.ravel()] = labels.ravel()
    sizes = np.bincount(plane.ravel(), minlength=count + 1)
    boxes = _boxes(plane, count)
    distinct, owner = np.unique(numbers[1:], return_inverse=True)
    order = np.lexsort([-sizes[1:], owner])
    largest = order[np.unique(owner[order], return_index=True)[1]]  # of each number
    main = boxes[largest]
    sides = main[:, 1] - main[:, 0]
    gaps = np.maximum(boxes[:, 0] - main[owner, 1], main[owner, 0] - boxes[:, 1]).max(axis=1)
    is_far = gaps > sides.max(axis=1, initial=0)[owner]
    is_far &= sizes[1:] >= _CRUMB * sizes[1:][largest][owner]
    scattered = np.bincount(owner, is_far, minlength=len(distinct)) > 0
    return Pieces(plane, distinct, scattered, sides[:, 0], sides[:, 1])


def _boxes(plane: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Find first and last row and column, the ends not included, shape (count, 2, 2)."""
    from scipy.ndimage import find_objects

    found = [
        [[rows.start, columns.start], [rows.stop, columns.stop]]
        for rows, columns in find_objects(plane, count)
    ]
    return np.array(found, np.int64).reshape(-1, 2, 2)
