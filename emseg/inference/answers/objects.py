"""Objects of a predicted plane of any size: holes filled, small ones dropped, the others numbered.

Which object a pixel belongs to may be decided by the last row, so the plane is taken twice. On the
way in, each band goes to a temporary file as runs, and a few numbers are kept for each fragment of
it; in between, holes and objects are found among the fragments; on the way out, the bands are
painted anew::

    put(band) ... -> temporary file     finish() -> objects     bands() -> labels and numbers

Numbers that are found by watershed need the whole plane in memory, which `finish` checks.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from emseg.answering import InstanceMethod
from emseg.measuring.fragments import Cover, FragmentCollector, Fragments
from emseg.measuring.joining import (
    JoinedObjects,
    drop_small,
    fill_holes,
    number_objects,
    summed,
)
from emseg.measuring.splitting import DEPTH, split_objects
from emseg.memory import require_free
from emseg.micrograph import label_dtype, unlabelled_value
from emseg.writing.whole import explained

_OF_A_BOX = 60  # bytes a pixel of the bounding box of an object that is split
_OF_REFINING = 250_000_000  # bytes, at most, where pixels are cut for it
_OF_THE_PLANE = 4


@dataclass(frozen=True, slots=True)
class ObjectRules:
    """What becomes of the objects of a plane.

    Parameters
    ----------
    classes : int
        How many the model knows; label images have the type that holds them.
    values : tuple of int
        The classes that have objects; all but the first, which is the matrix, as a rule.
    smallest : int
        Pixels; objects of fewer go to the class around them.
    largest_hole : int
        Pixels; holes of up to so many go to the class around them, before sizes are looked at.
    instances : InstanceMethod or None
        How objects are numbered; None where they are not.
    sampling : tuple of float
        Height and width of a pixel in any unit, for the watershed.
    """

    classes: int
    values: tuple[int, ...]
    smallest: int = 1
    largest_hole: int = 0
    instances: InstanceMethod | None = None
    sampling: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class ObjectBand:
    """The next rows of a plane whose objects are settled.

    Parameters
    ----------
    labels : array of uint8 or uint16, shape (rows, X)
        Class indices.
    numbers : array of uint32, shape (rows, X), or None
        Of objects, from 1 over all classes; 0 for none. None where they are not numbered.
    """

    labels: NDArray[Any]
    numbers: NDArray[np.uint32] | None


class ObjectFinder:
    """Takes a label plane from top to bottom, and gives it back with its objects settled.

    A context manager: at its end the temporary files are gone.

    Parameters
    ----------
    rules : ObjectRules
        What becomes of the objects.
    width : int
        Of the plane, in pixels.
    folder : Path
        Where temporary files lie: 8 bytes a run of equal pixels; for a watershed with
        probabilities, 4 bytes a pixel and class beside.
    name : str
        Of the micrograph, for messages.
    """

    def __init__(self, rules: ObjectRules, width: int, folder: Path, name: str = "") -> None:
        self._rules, self._width, self._folder, self._name = rules, width, folder, name
        self._is_split = rules.instances is InstanceMethod.WATERSHED
        self._collector: FragmentCollector | None = None
        self._value = np.zeros(0, label_dtype(rules.classes))
        self._numbers = np.zeros(0, np.uint32)
        self._plane: NDArray[np.int32] | None = None
        self._parts = 0
        self._has_probabilities = False
        with ExitStack() as stack:
            self._runs = stack.enter_context(TemporaryFile(dir=folder))
            self._kept = stack.enter_context(TemporaryFile(dir=folder))
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def put(self, labels: NDArray[Any], probabilities: NDArray[np.float32] | None = None) -> None:
        """Take the next rows.

        Parameters
        ----------
        labels : array of uint8 or uint16, shape (rows, X)
            Class indices, or unlabelled.
        probabilities : array of float32, shape (K, rows, X), or None
            For the scores of objects; with all bands or with none.

        Raises
        ------
        StorageError
            When the disk of the temporary files is full or fails.
        """
        if self._collector is None:
            self._has_probabilities = probabilities is not None
            known = len(probabilities) if probabilities is not None else 0
            self._collector = FragmentCollector(self._width, known)
        with explained(self._folder, self._folder):
            for cover in self._collector.add(labels, probabilities):
                self._keep(cover)
            if self._is_split and probabilities is not None:
                np.save(self._kept, probabilities)

    def _keep(self, cover: Cover) -> None:
        base = int(cover.fragment.min(initial=0))
        for part in (cover.start, cover.fragment - base):
            np.save(self._runs, part.astype(np.int32))
        np.save(self._runs, np.array([base, *cover.shape]))
        self._parts += 1

    def finish(self) -> JoinedObjects:
        """Settle the objects, and say what is known of them.

        Returns
        -------
        JoinedObjects
            Those of the classes that have objects, numbered or not.

        Raises
        ------
        ContentError
            When a watershed needs more memory than is free.
        """
        collector = self._collector or FragmentCollector(self._width)
        fragments, rules = collector.finish(), self._rules
        self._collector = None
        if rules.largest_hole:
            fragments = fill_holes(fragments, rules.values, rules.largest_hole)
        if rules.smallest > 1:
            outside = unlabelled_value(rules.classes)
            fragments = drop_small(fragments, rules.values, rules.smallest, outside=outside)
        numbers, objects = number_objects(fragments, rules.values)
        self._value = fragments.value.astype(label_dtype(rules.classes))
        self._numbers = numbers.astype(np.uint32)
        return self._split(fragments, objects) if self._is_split else objects

    def bands(self) -> Iterator[ObjectBand]:
        """Give the plane back, some million pixels at a time."""
        top = 0
        for cover in self._covers():
            labels, numbers = cover.painted(self._value), None
            if self._plane is not None:
                numbers = self._plane[top : top + len(labels)].astype(np.uint32)
            elif self._rules.instances is not None:
                numbers = cover.painted(self._numbers)
            top += len(labels)
            yield ObjectBand(labels, numbers)

    def _covers(self) -> Iterator[Cover]:
        self._runs.seek(0)
        for _ in range(self._parts):
            start, local = np.load(self._runs), np.load(self._runs)
            base, rows, columns = np.load(self._runs).tolist()
            yield Cover(start.astype(np.int64), local + np.int64(base), (rows, columns))

    def _split(self, fragments: Fragments, objects: JoinedObjects) -> JoinedObjects:
        """Tell touching objects apart, on the whole plane."""
        self._require_memory(fragments.size, objects)
        plane = np.empty(fragments.size, np.int32)
        top = 0
        for cover in self._covers():
            painted = cover.painted(self._numbers)
            plane[top : top + len(painted)] = painted
            top += len(painted)
        depth, sampling = DEPTH, self._rules.sampling
        count = split_objects(plane, len(objects), depth=depth, sampling=sampling)
        self._plane = plane
        return self._looked_at(plane, count)

    def _looked_at(self, plane: NDArray[np.int32], count: int) -> JoinedObjects:
        """Say what is known of objects that were split."""
        known = self._rules.classes if self._has_probabilities else 0
        collector = FragmentCollector(plane.shape[1], known)
        value = np.zeros(count + 1, np.int64)
        top = 0
        for cover in self._covers():
            labels = cover.painted(self._value)
            value[plane[top : top + len(labels)]] = labels
            top += len(labels)
        self._kept.seek(0)
        top = 0
        while top < len(plane):
            shares = np.load(self._kept) if known else None
            rows = shares.shape[1] if shares is not None else len(plane)
            collector.add(plane[top : top + rows], shares)
            top += rows
        fragments = collector.finish()
        return summed(fragments, fragments.value, value[1:])

    def _require_memory(self, size: tuple[int, int], objects: JoinedObjects) -> None:
        top, bottom, left, right = objects.box.T
        largest = int(((bottom - top + 2) * (right - left + 2)).max(initial=0))
        needed = _OF_THE_PLANE * size[0] * size[1] + _OF_A_BOX * largest + _OF_REFINING
        require_free(
            needed,
            f"{self._name}: the watershed, which looks at the whole plane of "
            f"{size[0]} x {size[1]} pixels,",
            "use --instances connected, which works in bands",
        )
