"""Jobs for the engine, what becomes of them, and those that wait to be asked."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import EmsegError
from emseg.inference.preparing import Prepared
from emseg.micrograph import Micrograph
from emseg.outcomes import worded
from emseg.tiling import Tile


@dataclass(frozen=True, slots=True, eq=False)
class TileJob:
    """One tile of one micrograph, ready for the network.

    Parameters
    ----------
    plane : Prepared
        The micrograph.
    tile : Tile
        Where the tile lies in what the network sees.
    values : array of float32, shape (C, Y, X)
        Normalised, padded to the stride.
    wants_scores : bool
        Whether the probabilities of the classes are needed, or the most probable class alone.
    together : int
        How many alike may be asked at once.
    stop : int or None
        For the last tile of a band: the row up to which the band is then complete.
    number : tuple of int
        Which it is of the tiles of its micrograph, counted from 1, and of how many.
    """

    plane: Prepared
    tile: Tile
    values: NDArray[np.float32]
    wants_scores: bool
    together: int = 1
    stop: int | None = None
    number: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class TileAnswer:
    """What the network said to a job.

    Parameters
    ----------
    job : TileJob
        Answered.
    values : array, shape (K, Y, X) of float32, (1, Y, X) of class indices, or (K,) of float32
        Probabilities where scores were wanted, and the maps that the backend tells behind them;
        else class indices; of a classifier one a class.
    """

    job: TileJob
    values: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """A micrograph that could not be predicted, in the place of its answers.

    Parameters
    ----------
    plane : Prepared or Path
        The micrograph, or the file that it was to come from.
    error : EmsegError
        Why.
    """

    plane: Prepared | Path
    error: EmsegError


def jobs_of(
    planes: Iterable[Prepared | Failed], cut: Callable[[Prepared], Iterable[TileJob]], cure: str
) -> Iterator[TileJob | Failed]:
    """Cut planes into jobs one after the other; what goes wrong is told in its place.

    Parameters
    ----------
    planes : iterable of Prepared or Failed
        What failed already passes through.
    cut : callable
        Makes the jobs of a plane.
    cure : str
        What helps where there is too little memory for it.
    """
    for plane in planes:
        if isinstance(plane, Failed):
            yield plane
            continue
        try:
            yield from cut(plane)
        except (EmsegError, MemoryError) as error:
            yield Failed(plane, worded(error, file_of(plane.micrograph), cure))


def file_of(micrograph: Micrograph) -> str:
    """Name the file of a micrograph, and its plane."""
    plane = "" if micrograph.plane is None else f"[{micrograph.plane}]"
    return f"{micrograph.path or micrograph.name}{plane}"


class TileSource:
    """Jobs that are still to be asked, in order."""

    def __init__(
        self, jobs: Iterable[TileJob | Failed], is_dropped: Callable[[Prepared], bool]
    ) -> None:
        self._jobs = iter(jobs)
        self._waiting: deque[TileJob | Failed] = deque()
        self._is_dropped = is_dropped
        self.error: Exception | None = None  # of whoever makes jobs, which nobody can ask again

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to be asked."""
        return self._peek() is None

    @property
    def wants_scores(self) -> bool:
        """What the next job wants."""
        job = self._peek()
        return isinstance(job, TileJob) and job.wants_scores

    def put_back(self, entries: list[TileJob | Failed]) -> None:
        """Have these asked before all others."""
        self._waiting.extendleft(reversed(entries))

    def next_group(self, most: int | None, wants_scores: bool) -> list[TileJob] | Failed | None:
        """Take the next jobs of one shape, or what failed; None where other jobs begin."""
        first = self._peek()
        if isinstance(first, Failed):
            self._waiting.popleft()
            return first
        if first is None:
            return None
        group: list[TileJob] = []
        most = min(first.together, most or first.together)
        while isinstance(job := self._peek() if len(group) < most else None, TileJob):
            is_alike = job.values.shape == first.values.shape
            if not is_alike or job.wants_scores != wants_scores:
                break
            group.append(job)
            self._waiting.popleft()
        return group or None

    def _peek(self) -> TileJob | Failed | None:
        while True:
            if not self._waiting:
                following = self._following()
                if following is None:
                    return None
                self._waiting.append(following)
            entry = self._waiting[0]
            if isinstance(entry, Failed) or not self._is_dropped(entry.plane):
                return entry
            self._waiting.popleft()

    def _following(self) -> TileJob | Failed | None:
        try:
            return next(self._jobs, None)
        except Exception as error:
            self.error = error
            raise
