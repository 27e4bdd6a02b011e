"""Bands of rows: what the network said becomes classes of the pixels of the file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.inference.backends import labels_of
from emseg.inference.preparing import Prepared
from emseg.inference.preparing.resampling import ResampledStream
from emseg.micrograph import unlabelled_value


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Some rows of a predicted micrograph, over its whole width, in the pixels of its file.

    Parameters
    ----------
    plane : Prepared
        The micrograph.
    top : int
        Its first row, in the micrograph.
    labels : array of uint8 or uint16, shape (rows, X)
        Class indices; unlabelled where there is no specimen.
    probabilities : array of float32, shape (K, rows, X), or None
        Summing to 1, and 0 where there is no specimen; None unless they were asked for.
    maps : array of float32, shape (M, rows, X), or None
        What else the backend tells, as `Backend.maps` names it; with the probabilities.
    """

    plane: Prepared
    top: int
    labels: NDArray[Any]
    probabilities: NDArray[np.float32] | None = None
    maps: NDArray[np.float32] | None = None

    @property
    def is_last(self) -> bool:
        """Whether the micrograph ends with it."""
        return self.top + len(self.labels) == self.plane.micrograph.size[0]


class Finishing:
    """Brings what a network said of one micrograph to the pixels of its file.

    Parameters
    ----------
    plane : Prepared
        The micrograph.
    classes : int
        Of the model.
    keep_probabilities : bool
        Whether they go along with the classes.
    maps : int
        How many maps the backend tells beside them.
    start : int
        First row of what the network sees that is told of; more than 0 only where it sees the
        pixels of the file.
    """

    def __init__(
        self,
        plane: Prepared,
        classes: int,
        *,
        keep_probabilities: bool,
        maps: int = 0,
        start: int = 0,
    ) -> None:
        self._plane, self._classes, self._keeps = plane, classes, keep_probabilities
        specimen = plane.micrograph.specimen
        # the row of the micrograph that follows
        self._next = start + specimen.top if start and specimen else start
        self._back: ResampledStream | None = None
        if plane.is_rescaled:
            self._back = ResampledStream(classes + maps, plane.size, plane.specimen_size)

    def put(self, values: NDArray[Any]) -> Iterator[Band]:
        """Take the next rows, shape (K + M, rows, X) with maps, or (1, rows, X) of classes.

        Yields
        ------
        Band
            Of the whole width of the micrograph, as far as the rows that came say.
        """
        if len(values) == 1:  # a model has two classes at least
            yield from self._framed(values[0], None)
            return
        for rows in self._rescaled(values):
            labels = labels_of(rows[np.newaxis, : self._classes]).indices[0]
            yield from self._framed(labels, rows if self._keeps else None)

    def _rescaled(self, values: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Bring probabilities to the pixels of the file, where the network saw others."""
        if self._back is None:
            yield values
        else:
            yield from (band for _, band in self._back.put(values))

    def _framed(self, labels: NDArray[Any], kept: NDArray[np.float32] | None) -> Iterator[Band]:
        """Put rows of the specimen where they lie, with rows of no specimen before and after."""
        micrograph = self._plane.micrograph
        specimen = micrograph.specimen
        if specimen is None:
            yield self._band(self._next, labels, kept)
            self._next += len(labels)
            return
        above = specimen.top if self._next == 0 else 0
        self._next = self._next or specimen.top
        is_end = self._next + len(labels) == specimen.bottom
        below = micrograph.size[0] - specimen.bottom if is_end else 0
        around = ((above, below), (specimen.left, micrograph.size[1] - specimen.right))
        framed = np.pad(labels, around, constant_values=unlabelled_value(self._classes))
        kept = None if kept is None else np.pad(kept, ((0, 0), *around))
        yield self._band(self._next - above, framed, kept)
        self._next += len(labels)

    def _band(self, top: int, labels: NDArray[Any], kept: NDArray[np.float32] | None) -> Band:
        if kept is None:
            return Band(self._plane, top, labels)
        count = self._classes
        return Band(self._plane, top, labels, kept[:count], kept[count:])
