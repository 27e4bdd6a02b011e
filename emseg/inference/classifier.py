"""Micrographs to the probabilities of their classes, by crops at native sampling."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from emseg.bundle import ModelCard, StoredModel
from emseg.config import Rescale
from emseg.inference.backends import Backend
from emseg.inference.engine import Engine
from emseg.inference.jobs import Failed, TileJob, jobs_of
from emseg.inference.pipeline import ahead
from emseg.inference.plan import TilePlan
from emseg.inference.preparing import Prepared, Preparing
from emseg.inference.segmenter import Watch, unwatched
from emseg.micrograph import Micrograph
from emseg.tiling import Span, Tile

if TYPE_CHECKING:
    import torch

_MOST = 5  # crops along an axis; more change the mean of a large micrograph little
_TOGETHER = 8
_AHEAD = 16  # crops that wait for the network
_CURE = "end other programs, or look at a part of it with --crop"


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """What was predicted for one plane.

    Parameters
    ----------
    plane : Prepared
        The micrograph.
    names : tuple of str
        Class names in card order.
    probabilities : array of float64, shape (K,)
        Mean over the crops; they sum to 1.
    """

    plane: Prepared
    names: tuple[str, ...]
    probabilities: NDArray[np.float64]

    @property
    def title(self) -> str:
        """Name of the micrograph, with its plane."""
        return self.plane.micrograph.title

    def ranked(self) -> list[tuple[str, float]]:
        """Classes with their probabilities, the most probable first."""
        order = np.argsort(-self.probabilities, kind="stable")
        return [(self.names[index], float(self.probabilities[index])) for index in order]


def crop_starts(length: int, crop: int) -> list[int]:
    """Where crops start along one axis: evenly spread from end to end, at most five.

    Up to five crops long, the axis is covered; of a longer one, gaps are left out::

        length 10, crop 4      0 1 2 3 . . . . . .
                               . . . 3 4 5 6 . . .
                               . . . . . . 6 7 8 9
    """
    if length <= crop:
        return [0]
    count = min(_MOST, -(-length // crop))
    return [int(start) for start in np.rint(np.linspace(0, length - crop, count))]


class Classifier:
    """A classification model on a backend.

    Parameters
    ----------
    card : ModelCard
        Says the crop that it was trained at; a micrograph is never squashed to it.
    backend : Backend
        What computes its network.
    rescale : Rescale
        Whether micrographs at another pixel size than the card's are brought to it.
    """

    def __init__(
        self, card: ModelCard, backend: Backend, *, rescale: Rescale = Rescale.AUTO
    ) -> None:
        self.card, self.backend = card, backend
        self.preparing = Preparing(card, rescale)
        self._engine = Engine(backend, None, card.stride)

    @classmethod
    def of(cls, model: StoredModel, device: "torch.device", **settings: Any) -> Self:
        """Let PyTorch compute the network of a model on a device."""
        from emseg.inference.backends.with_torch import TorchBackend

        return cls(model.card, TorchBackend.of(model, device), **settings)

    def stream(
        self, planes: Iterable[Prepared | Failed], *, watch: Watch = unwatched
    ) -> Generator[Classification | Failed]:
        """Predict planes one after the other; crops of several may share a batch.

        Parameters
        ----------
        planes : iterable of Prepared or Failed
            Taken by a thread of its own; what failed passes through in its place.
        watch : callable
            Told after each crop of which micrograph it is, how many of it are done, and of how
            many; what it raises ends the work.

        Yields
        ------
        Classification or Failed
            One for each plane: the mean of the probabilities of crops spread over it.
        """
        names = tuple(each.name for each in self.card.classes)
        crops = list[NDArray[Any]]()
        with closing(ahead(jobs_of(planes, self._crops, _CURE), _AHEAD)) as jobs:
            for said in self._engine.answers(jobs):
                if isinstance(said, Failed):
                    crops.clear()
                    yield said
                    continue
                crops.append(said.values)
                if said.job.stop is not None:
                    yield Classification(said.job.plane, names, np.mean(crops, axis=0))
                    crops.clear()
                watch(said.job.plane, *said.job.number)

    def classify(self, micrograph: Micrograph, *, watch: Watch = unwatched) -> Classification:
        """Predict one plane.

        Parameters
        ----------
        micrograph : Micrograph
            Any dtype; channels as the card says.
        watch : callable
            As for `stream`.

        Raises
        ------
        MismatchError
            When the channels do not fit the model, or the pixel size is too far from its own.
        ModelError
            When the network does not take the size, or answers what is no number.
        """
        prepared = self.preparing.prepare(micrograph)
        (said,) = self.stream([prepared], watch=watch)
        if isinstance(said, Failed):
            raise said.error
        return said

    def plan(self, seen: Micrograph) -> TilePlan:
        """Say in how many crops a micrograph is seen, which is given as the network sees it."""
        crop, size = self.card.crop, seen.size
        count = len(crop_starts(size[0], crop)) * len(crop_starts(size[1], crop))
        pixels, batch = crop * crop, min(_TOGETHER, count)
        layers = batch * pixels * max(1, self.card.bytes_per_pixel)
        values = count * pixels * 4 * self.card.in_channels
        return TilePlan((crop, crop), count, batch, layers + values, 0, count * pixels)

    def _crops(self, plane: Prepared) -> Iterator[TileJob]:
        crop = self.card.crop
        corners = [
            (top, left)
            for top in crop_starts(plane.size[0], crop)
            for left in crop_starts(plane.size[1], crop)
        ]
        for number, (top, left) in enumerate(corners, start=1):
            tile = Tile(_all_of(top, crop), _all_of(left, crop))
            stop = plane.size[0] if number == len(corners) else None
            values = plane.cut(top, left, crop, crop)
            yield TileJob(plane, tile, values, True, _TOGETHER, stop, (number, len(corners)))


def _all_of(start: int, length: int) -> Span:
    """Span that keeps all it reads."""
    return Span(start, start + length, start, start + length)
