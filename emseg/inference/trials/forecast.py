"""What a prediction will take, told before it begins: tiles, bytes and about how long."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emseg.bundle import ModelCard
from emseg.inference.backends import Backend
from emseg.inference.files.batch import Batch
from emseg.inference.plan import TilePlan
from emseg.micrograph import Micrograph
from emseg.outcomes import Outcome

_REPEATED = 2  # runs of a tile that are timed, after one that is not


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the planes of one file will take.

    Parameters
    ----------
    planes : int
        How many are predicted.
    size : tuple of int
        Height and width of a plane in the file, in pixels.
    plan : TilePlan
        How each is cut.
    is_streamed : bool
        Whether its pixels are read a band at a time, because they are many.
    seconds : float
        That the network will take; reading and writing come on top where they are slower.
    """

    planes: int
    size: tuple[int, int]
    plan: TilePlan
    is_streamed: bool
    seconds: float


class Stopwatch:
    """Seconds that a network takes for a batch of tiles; each shape is tried once.

    Parameters
    ----------
    card : ModelCard
        Says the channels of its input.
    backend : Backend
        What computes it.
    """

    def __init__(self, card: ModelCard, backend: Backend) -> None:
        self._channels, self._backend = card.in_channels, backend
        self._seconds: dict[tuple[int, int, int], float] = {}

    def seconds(self, plan: TilePlan) -> float:
        """Expect so many seconds for all tiles of a plan."""
        shape = (min(plan.batch, plan.tiles), *plan.tile)
        if shape not in self._seconds:
            self._seconds[shape] = self._tried(shape)
        pixels = shape[0] * shape[1] * shape[2]
        return self._seconds[shape] * plan.computed / pixels

    def _tried(self, shape: tuple[int, int, int]) -> float:
        count, height, width = shape
        batch = np.zeros((count, self._channels, height, width), np.float32)
        next(self._backend.scores([batch]))
        start = time.perf_counter()
        for _ in self._backend.scores(batch for _ in range(_REPEATED)):
            pass
        return (time.perf_counter() - start) / _REPEATED


def forecast(batch: Batch) -> Iterator[Outcome[Forecast]]:
    """Look at the files of a batch without predicting or writing anything.

    Returns
    -------
    iterator of Outcome
        One a file, in order: what it will take, or what is wrong with it or with the memory that
        is allowed.

    Raises
    ------
    UsageError
        When an option fits no file.
    """
    watch = Stopwatch(batch.card, batch.backend)

    def look(_path: Path, planes: int, micrograph: Micrograph) -> Forecast:
        plan = batch.plan(micrograph)
        is_streamed = not isinstance(micrograph.pixels, np.ndarray)
        seconds = planes * watch.seconds(plan)
        return Forecast(planes, micrograph.size, plan, is_streamed, seconds)

    return batch.looked_at(look)
