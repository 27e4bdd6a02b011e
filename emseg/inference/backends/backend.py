"""What every backend answers, and the choice of a class for those that answer scores alone."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.micrograph import label_dtype

PRECISIONS = ("float32", "bfloat16", "float16", "int8")
_CACHED = 1 << 15  # pixels of which a class is chosen at a time


@dataclass(frozen=True, slots=True)
class Labels:
    """The most probable class of each pixel of a batch, and what is wrong with it.

    Parameters
    ----------
    indices : array of uint8 or uint16, shape (N, Y, X)
        Of classes; of equal scores the first.
    are_finite : array of bool, shape (N,)
        Whether all scores of an image are numbers; what follows from NaN is no class.
    are_flat : array of bool, shape (N,)
        Whether all classes have the same score in every pixel of an image.
    """

    indices: NDArray[Any]
    are_finite: NDArray[np.bool_]
    are_flat: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a model is to be opened.

    Parameters
    ----------
    device : str
        As ``--device`` takes it: ``"auto"``, ``"cpu"``, ``"cuda:1"``.
    threads : int or None
        Of the processor; None finds out how many win time.
    precision : str
        One of `PRECISIONS`.
    """

    device: str
    threads: int | None
    precision: str


class Backend(ABC):
    """A network made ready to predict, on one device, in one precision.

    Batches and answers come as iterators, so that a backend may work on the next batch before
    it hands over the answer to the last; it answers in order, a batch a batch.

    Parameters
    ----------
    name : str
        As ``--backend`` takes it.
    device : str
        In words: ``"CPU, 2 threads"``.
    precision : str
        In what numbers it computes, one of `PRECISIONS`.
    maps : tuple of str
        What `scores` answers behind the scores of the classes, a map (N, Y, X) of each.
    """

    name: str
    device: str
    precision: str = "float32"
    maps: tuple[str, ...] = ()

    @abstractmethod
    def compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Answer one batch.

        Parameters
        ----------
        batch : array of float32, shape (N, C, Y, X)
            Normalised; Y and X are multiples of the stride of the network.

        Returns
        -------
        array of float32, shape (N, K, Y, X), or (N, K) of a classifier
            Scores before softmax.

        Raises
        ------
        ModelError
            When the network does not take the size, or answers another one.
        MemoryError
            When it does not fit; `emseg.memory.is_shortage` knows it.
        """

    def scores(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Answer batches with the scores of their classes, as `compute` does."""
        return (self.compute(batch) for batch in batches)

    def labels(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[Labels]:
        """Answer batches with the most probable class of each pixel alone."""
        return (labels_of(scores) for scores in self.scores(batches))

    def free_bytes(self) -> int | None:
        """Memory that is free on a device of its own; None where it is that of the machine."""
        return None


def labels_of(scores: NDArray[np.float32]) -> Labels:
    """Choose the class of the highest score, the first of equal ones.

    Parameters
    ----------
    scores : array of float32, shape (N, K, Y, X)
        Logits, or probabilities.
    """
    count, classes, height, width = scores.shape
    indices = np.empty((count, height, width), label_dtype(classes))
    are_finite, are_flat = np.ones(count, bool), np.ones(count, bool)
    step = max(1, _CACHED // max(1, width))
    for image in range(count):
        for top in range(0, height, step):
            rows = scores[image, :, top : top + step]
            is_finite, is_flat = _choose(rows, indices[image, top : top + step])
            are_finite[image] &= is_finite
            are_flat[image] &= is_flat
    return Labels(indices, are_finite, are_flat)


def _choose(scores: NDArray[np.float32], into: NDArray[Any]) -> tuple[bool, bool]:
    """Choose the class of some rows; say whether all scores are numbers, and whether all equal.

    Comparing class by class takes a third of the time of argmax over the first axis.
    """
    highest, lowest = scores[0].copy(), scores.min(axis=0)
    into[...] = 0
    for index in range(1, len(scores)):
        is_higher = (scores[index] > highest).view(np.uint8)
        np.maximum(into, is_higher * into.dtype.type(index), out=into)
        np.maximum(highest, scores[index], out=highest)  # NaN stays NaN, infinity infinite
    are_finite = np.isfinite(highest).all() and np.isfinite(lowest).all()
    return bool(are_finite), bool((highest == lowest).all())
