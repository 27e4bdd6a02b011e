"""The parts of objects that a band of rows shows, and where they touch: planes of any size.

A plane is taken band by band. In each band the pixels of one class that hang together by their
sides are a *fragment*; what is kept is a few numbers a fragment, and where two fragments touch.
Objects and holes are then found among fragments, not pixels, and come out the same whatever the
bands were::

    band 1   A A . B B        A and B touch nobody of their class
             A A . B B
    band 2   C C C C C        C touches A and B: one object of three fragments

All runs of a row are looked at, those of the background too, so that each row is tiled by runs and
the neighbours of a run in the next row are neighbours in the list of runs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.measuring.runs import bands


@dataclass(frozen=True, slots=True)
class Cover:
    """A band as runs that tile its rows, each with its fragment.

    Parameters
    ----------
    start : array of int64, shape (m,)
        Where in the band each run begins, row after row; ascending from 0.
    fragment : array of int64, shape (m,)
        Which fragment of the plane it belongs to.
    shape : tuple of int
        Height and width of the band.
    """

    start: NDArray[np.int64]
    fragment: NDArray[np.int64]
    shape: tuple[int, int]

    def painted(self, by_fragment: NDArray[Any]) -> NDArray[Any]:
        """Give each pixel what stands at the place of its fragment, shape (rows, X)."""
        lengths = np.diff(self.start, append=self.shape[0] * self.shape[1])
        return np.repeat(by_fragment[self.fragment], lengths).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Fragments:
    """What is known of the n fragments of a plane, and of the m pairs of them that touch.

    Parameters
    ----------
    value : array of int64, shape (n,)
        The value that all pixels of a fragment have.
    pixels, first : array of int64, shape (n,)
        Number of pixels, and the place of the first in reading order.
    row_sum, column_sum : array of float64, shape (n,)
        Of its pixels; exact.
    box : array of int64, shape (n, 4)
        Top, bottom, left and right, the ends not included.
    shares : array of float64, shape (n, K)
        Sum of the probabilities of each class over its pixels; K is 0 where none were given.
    one, other : array of int64, shape (m,)
        Pairs that touch, each once.
    sides : array of int64, shape (m,)
        How many sides of pixels they share; 0 where they touch by corners alone.
    size : tuple of int
        Height and width of the plane.
    """

    value: NDArray[np.int64]
    pixels: NDArray[np.int64]
    first: NDArray[np.int64]
    row_sum: NDArray[np.float64]
    column_sum: NDArray[np.float64]
    box: NDArray[np.int64]
    shares: NDArray[np.float64]
    one: NDArray[np.int64]
    other: NDArray[np.int64]
    sides: NDArray[np.int64]
    size: tuple[int, int]

    def __len__(self) -> int:
        """Count the fragments."""
        return len(self.value)

    @property
    def on_border(self) -> NDArray[np.bool_]:
        """Whether a fragment has a pixel in the first or last row or column, shape (n,)."""
        top, bottom, left, right = self.box.T
        ends: NDArray[np.bool_] = (top == 0) | (bottom == self.size[0])
        ends |= (left == 0) | (right == self.size[1])
        return ends


class FragmentCollector:
    """Takes a plane from top to bottom and finds its fragments.

    Parameters
    ----------
    width : int
        Of the plane, in pixels.
    classes : int
        How many probabilities each pixel comes with; 0 for none.
    """

    def __init__(self, width: int, classes: int = 0) -> None:
        self._width, self._classes = width, classes
        self._rows = self._count = 0
        self._found: list[tuple[NDArray[Any], ...]] = []
        self._touching: list[tuple[NDArray[np.int64], ...]] = []
        self._above = _Row(*(np.zeros(0, np.int64),) * 3)

    def add(
        self, labels: NDArray[Any], probabilities: NDArray[np.float32] | None = None
    ) -> list[Cover]:
        """Take the next rows.

        Parameters
        ----------
        labels : array of an integer type, shape (rows, X)
            Class indices, or any other values.
        probabilities : array of float32, shape (K, rows, X), or None
            None where the collector was made for none.

        Returns
        -------
        list of Cover
            The same rows as runs, in parts of some million pixels.
        """
        return [
            self._add(labels[rows], None if probabilities is None else probabilities[:, rows])
            for rows in bands((len(labels), self._width))
        ]

    def finish(self) -> Fragments:
        """Put together what was found in all bands."""
        size = (self._rows, self._width)
        empty = (*(np.zeros(0, np.int64),) * 5, np.zeros((0, 4), np.int64))
        found = [(*empty, np.zeros((0, self._classes))), *self._found]
        columns = [np.concatenate(each) for each in zip(*found, strict=True)]
        touching = [(np.zeros(0, np.int64),) * 3, *self._touching]
        one, other, sides = (np.concatenate(each) for each in zip(*touching, strict=True))
        value, pixels, first, row_sum, column_sum, box, shares = columns
        return Fragments(
            value,
            pixels,
            first,
            row_sum.astype(np.float64),
            column_sum.astype(np.float64),
            box,
            shares,
            one,
            other,
            sides,
            size,
        )

    def _add(self, band: NDArray[Any], probabilities: NDArray[np.float32] | None) -> Cover:
        value, start = _tiling_runs(band)
        stop, above = np.append(start[1:], band.size), self._above
        ahead = len(above.start)
        shift = self._width if ahead else 0  # of what lies below the last row of the band above
        upper, lower, shared = _meeting(
            np.append(above.start, start + shift), band.size + shift, self._width
        )
        new = lower >= ahead  # what touches within the row above was told with it
        upper, lower, shared = upper[new], lower[new], shared[new]
        values = np.append(above.value, value)
        alike = (values[upper] == values[lower]) & (shared > 0) & (upper >= ahead)
        local, count = components(len(start), upper[alike] - ahead, lower[alike] - ahead)
        fragment = local + self._count
        self._touch(np.append(above.fragment, fragment), upper, lower, shared)
        self._note(value, start, stop, local, count)
        self._found[-1] = (*self._found[-1], self._sums(probabilities, start, local, count))
        last = start >= band.size - self._width
        self._above = _Row(start[last] - (band.size - self._width), value[last], fragment[last])
        self._rows += len(band)
        self._count += count
        return Cover(start, fragment, (len(band), self._width))

    def _touch(
        self,
        fragment: NDArray[np.int64],
        upper: NDArray[np.int64],
        lower: NDArray[np.int64],
        shared: NDArray[np.int64],
    ) -> None:
        """Keep each pair of fragments that touch once, with the sides that they share."""
        one, other = fragment[upper], fragment[lower]
        differ = one != other
        low, high = np.minimum(one, other)[differ], np.maximum(one, other)[differ]
        key, index = np.unique(low << 32 | high, return_inverse=True)
        sides = np.bincount(index, shared[differ], len(key)).astype(np.int64)
        self._touching.append((key >> 32, key & 0xFFFFFFFF, sides))

    def _note(
        self,
        value: NDArray[np.int64],
        start: NDArray[np.int64],
        stop: NDArray[np.int64],
        local: NDArray[np.int64],
        count: int,
    ) -> None:
        """Add up what is kept of each fragment of a band over its runs."""
        row, left = np.divmod(start, self._width)
        row, length = row + self._rows, stop - start
        first = np.unique(local, return_index=True)[1]  # runs come in reading order
        box = np.empty((count, 4), np.int64)
        box[:, 0], box[:, 1], box[:, 2], box[:, 3] = row[first], 0, self._width, 0
        np.maximum.at(box[:, 1], local, row + 1)
        np.minimum.at(box[:, 2], local, left)
        np.maximum.at(box[:, 3], local, left + length)
        columns = length * (2 * left + length - 1) / 2
        self._found.append(
            (
                value[first],
                np.bincount(local, length, count).astype(np.int64),
                start[first] + self._rows * self._width,
                np.bincount(local, length * row, count),
                np.bincount(local, columns, count),
                box,
            )
        )

    def _sums(
        self,
        probabilities: NDArray[np.float32] | None,
        start: NDArray[np.int64],
        local: NDArray[np.int64],
        count: int,
    ) -> NDArray[np.float64]:
        sums = np.zeros((count, self._classes))
        for index in range(self._classes if probabilities is not None else 0):
            plane = probabilities[index].astype(np.float64).ravel()  # type: ignore[index]
            sums[:, index] = np.bincount(local, np.add.reduceat(plane, start), count)
        return sums


@dataclass(frozen=True, slots=True)
class _Row:
    """The runs of the last row of the band above."""

    start: NDArray[np.int64]
    value: NDArray[np.int64]
    fragment: NDArray[np.int64]


def _tiling_runs(band: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Value and start of each run of a band, all rows behind one another."""
    begins = np.ones(band.shape, bool)
    np.not_equal(band[:, 1:], band[:, :-1], out=begins[:, 1:])
    start = np.flatnonzero(begins)
    return band.reshape(-1)[start].astype(np.int64), start.astype(np.int64)


def _meeting(
    start: NDArray[np.int64], size: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find the pairs of runs that touch, the earlier first, and how many sides they share.

    Runs of one row that follow one another share one; a run shares with those below it as many as
    they overlap, and none with one that begins where it ends::

        row 0   a a a b b
        row 1   c d d d e        a c: 1, a d: 2, b d: 1, b e: 1; c b: none, no corner
    """
    stop = np.append(start[1:], size)
    count = int(np.searchsorted(start, size - width))  # runs above the last row
    begin, end = start[:count], stop[:count]
    head = begin // width * width
    first = np.searchsorted(start, np.maximum(begin - 1, head) + width, "right") - 1
    behind = np.searchsorted(start, np.minimum(end + 1, head + width) + width, "left")
    touching = behind - first
    upper = np.repeat(np.arange(count), touching)
    steps = np.arange(len(upper)) - np.repeat(np.cumsum(touching) - touching, touching)
    lower = np.repeat(first, touching) + steps
    shared = np.minimum(stop[upper] + width, stop[lower]) - np.maximum(
        start[upper] + width, start[lower]
    )
    follows = np.flatnonzero(start[1:] % width)  # and is of the same row
    return (
        np.append(upper, follows),
        np.append(lower, follows + 1),
        np.append(shared, np.ones(len(follows), np.int64)),
    )


def components(
    count: int, one: NDArray[np.int64], other: NDArray[np.int64]
) -> tuple[NDArray[np.int64], int]:
    """Give what hangs together one number from 0, shape (count,), and count the numbers."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(one), bool), (one, other)), (count, count))
    found, numbers = connected_components(graph, directed=False)
    return numbers.astype(np.int64), int(found)
