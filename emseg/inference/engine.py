"""Jobs in, answers out: batches of one shape, through any backend, in the memory there is."""

import logging
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg import memory
from emseg.errors import ContentError, ModelError
from emseg.inference.backends import Backend, Labels
from emseg.inference.backends.averaging import softmax
from emseg.inference.jobs import Failed, TileAnswer, TileJob, TileSource, file_of
from emseg.inference.preparing import Prepared
from emseg.micrograph import Micrograph
from emseg.tiling import Tile, quarters

_log = logging.getLogger(__name__)


_Flight = deque[list[TileJob] | Failed]


class Engine:
    """Asks a backend in batches; what it cannot hold is asked in smaller pieces.

    Parameters
    ----------
    backend : Backend
        What computes the network.
    halo, stride : int
        Of the network, by which a tile that does not fit into memory is cut into four; a halo of
        None means that it cannot be cut.
    """

    def __init__(self, backend: Backend, halo: int | None, stride: int) -> None:
        self.backend = backend
        self._most: int | None = None  # jobs at once, since more did not fit
        self._halo, self._stride = halo, stride
        self.largest: int | None = None
        """Pixels that a tile may have, once one with more did not fit."""
        self._alone = 0  # batches that are asked one at a time, since one of several failed
        self._dropped: object = None

    def drop(self, plane: Prepared) -> None:
        """Pass over the jobs of a micrograph that are still to be asked."""
        self._dropped = plane

    def is_dropped(self, plane: Prepared | Path) -> bool:
        """Whether nobody wants to know more of a micrograph."""
        return self._dropped is plane

    def answers(self, jobs: Iterable[TileJob | Failed]) -> Iterator[TileAnswer | Failed]:
        """Answer jobs in order; what failed passes through in its place.

        A micrograph whose answers make no sense fails alone: its later jobs are passed over.
        """
        source = TileSource(jobs, self.is_dropped)
        while not source.is_empty:
            flight: _Flight = deque()
            try:
                for answered in self._asked(source, flight):
                    yield from answered
            except (MemoryError, RuntimeError, ModelError) as error:
                if error is source.error:
                    raise
                source.put_back(self._lesson(error, flight))

    def _asked(self, source: TileSource, flight: _Flight) -> Iterator[list[TileAnswer | Failed]]:
        """Ask for what the next job wants, for as long as jobs want it."""
        wants_scores = source.wants_scores
        batches = self._batches(source, flight, wants_scores)
        said: Iterator[NDArray[np.float32] | Labels]
        said = self.backend.scores(batches) if wants_scores else self.backend.labels(batches)
        for answer in said:
            yield [*_passing(flight)]
            for each in _checked(flight.popleft(), answer, len(self.backend.maps)):
                if not self.is_dropped(each.plane if isinstance(each, Failed) else each.job.plane):
                    yield [self._failed(each) if isinstance(each, Failed) else each]
        yield [*_passing(flight)]

    def _failed(self, failed: Failed) -> Failed:
        """Pass over what is left of a micrograph that failed."""
        if isinstance(failed.plane, Prepared):
            self.drop(failed.plane)
        return failed

    def _batches(
        self, source: TileSource, flight: _Flight, wants_scores: bool
    ) -> Iterator[NDArray[np.float32]]:
        while (group := source.next_group(self._most, wants_scores)) is not None:
            flight.append(group)
            if isinstance(group, Failed):
                continue
            yield _stacked(group)
            if self._alone:
                self._alone -= 1
                return

    def _lesson(self, error: Exception, flight: _Flight) -> list[TileJob | Failed]:
        """Say what is asked again after an error: in smaller pieces, or without who caused it."""
        is_short = memory.is_shortage(error)
        asked = [each for each in flight if not isinstance(each, Failed)]
        if not asked or not (is_short or isinstance(error, ModelError)):
            raise error
        first, again = asked[0], list[TileJob | Failed](asked[0])
        if len(asked) > 1:  # of several under way it is not known which one it was
            self._alone = sys.maxsize if is_short else len(asked)
        elif is_short:
            again = self._smaller(first, error)
        else:
            failed = Failed(first[0].plane, _about(first[0].plane, error))
            again = [self._failed(failed), *first[1:]]
        entries: list[TileJob | Failed] = []
        for each in flight:
            entries += again if each is first else [each] if isinstance(each, Failed) else each
        return entries

    def _smaller(self, group: list[TileJob], error: Exception) -> list[TileJob | Failed]:
        """Ask fewer tiles at once, or quarters of the one that does not fit."""
        if len(group) > 1:
            self._most = max(1, len(group) // 2)
            return [*group]
        job = group[0]
        size = job.values.shape[1:]
        parts = list[Tile]()
        if self._halo is not None:
            parts = quarters(job.tile, halo=self._halo, stride=self._stride)
        if len(parts) < 2:
            place = file_of(job.plane.micrograph)
            refusal = ContentError(
                f"{place} does not fit into memory, even {size[0]} x {size[1]} pixels at a time; "
                "end other programs, or take a smaller --tile"
            )
            refusal.__cause__ = error
            return [self._failed(Failed(job.plane, refusal))]
        if self.largest is None:
            _log.warning(
                "memory is short: tiles of %d x %d pixels are cut into quarters, which takes "
                "longer and changes no class",
                *size,
            )
        self.largest = size[0] * size[1] // 4
        return [*_parts_of(job, parts)]


def _passing(flight: _Flight) -> Iterator[TileAnswer | Failed]:
    """Let through what failed before the next answer."""
    while flight and isinstance(failed := flight[0], Failed):
        flight.popleft()
        yield failed


def _checked(
    group: list[TileJob] | Failed, said: NDArray[np.float32] | Labels, maps: int
) -> list[TileAnswer | Failed]:
    """Give each job its answer; refuse those from which no class follows."""
    if isinstance(group, Failed):
        return [group]
    if isinstance(said, Labels):
        values, are_finite, are_flat = said.indices[:, np.newaxis], said.are_finite, said.are_flat
    else:
        classes = said.shape[1] - maps
        values, are_finite, are_flat = probabilities_of(said[:, :classes])
        if maps:
            values = np.concatenate([values, said[:, classes:]], axis=1)
    checked: list[TileAnswer | Failed] = []
    failed: object = None
    for job, each, is_finite, is_flat in zip(group, values, are_finite, are_flat, strict=True):
        if job.plane is failed:
            continue
        if not is_finite:
            failed = job.plane
            checked.append(Failed(job.plane, _no_numbers(job.plane.micrograph)))
            continue
        if is_flat:
            _tell_flat(job.plane.micrograph)
        checked.append(TileAnswer(job, each))
    return checked


def _stacked(group: list[TileJob]) -> NDArray[np.float32]:
    """Put tiles together, shape (N, C, Y, X); a large one, which comes alone, is not copied."""
    if len(group) == 1:
        return group[0].values[np.newaxis]
    return np.stack([job.values for job in group])


def _parts_of(job: TileJob, parts: list[Tile]) -> Iterator[TileJob]:
    """Cut a job into those of parts of its tile; the last one ends what the job ended."""
    for number, part in enumerate(parts, start=1):
        rows, columns = (
            slice(inner.read_start - outer.read_start, inner.read_stop - outer.read_start)
            for inner, outer in ((part.y, job.tile.y), (part.x, job.tile.x))
        )
        values = np.ascontiguousarray(job.values[:, rows, columns])
        stop = job.stop if number == len(parts) else None
        yield replace(job, tile=part, values=values, stop=stop)


def probabilities_of(
    scores: NDArray[np.float32],
) -> tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]:
    """Turn scores into probabilities, and look whether classes follow from them.

    Parameters
    ----------
    scores : array of float32, shape (N, K, Y, X) or (N, K)
        Before softmax.

    Returns
    -------
    probabilities : array of float32, or of float64 where there is no pixel, of the same shape
    are_finite, are_flat : array of bool, shape (N,)
        Whether all scores of an image are numbers; whether all its classes have equal ones.
    """
    count = len(scores)
    highest, lowest = scores.max(axis=1), scores.min(axis=1)
    finite = np.isfinite(highest) & np.isfinite(lowest)
    are_finite: NDArray[np.bool_] = np.all(finite.reshape(count, -1), axis=1)
    are_flat: NDArray[np.bool_] = np.all((highest == lowest).reshape(count, -1), axis=1)
    exact = softmax(scores.astype(np.float64)) if scores.ndim == 2 else softmax(scores)
    return exact, are_finite, are_flat


def require_numbers(scores: NDArray[np.float32], micrograph: Micrograph) -> None:
    """Refuse scores, shape (N, K, ...), from which no class follows; tell what says nothing.

    Raises
    ------
    ModelError
        When any is infinite or NaN.
    """
    _, are_finite, are_flat = probabilities_of(scores)
    if not are_finite.all():
        raise _no_numbers(micrograph)
    if are_flat.any():
        _tell_flat(micrograph)


def _about(plane: Prepared, error: Exception) -> ModelError:
    """Say which file it was that a network did not take."""
    told = ModelError(f"{file_of(plane.micrograph)}: {error}")
    told.__cause__ = error
    return told


def _no_numbers(micrograph: Micrograph) -> ModelError:
    return ModelError(
        f"{file_of(micrograph)}: what the network answers is no number (NaN) or infinite, and no "
        "class follows from it; the weights of the model are too large or its training went "
        "wrong: train anew, or use another model"
    )


def _tell_flat(micrograph: Micrograph) -> None:
    _log.warning(
        "%s: the network answers that all classes are equally probable, and the first is taken; "
        "its weights say nothing: train anew, or use another model",
        file_of(micrograph),
        extra={"more": "of {} more the network says that all classes are equally probable"},
    )
