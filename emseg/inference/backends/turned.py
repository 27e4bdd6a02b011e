"""Looks at every tile flipped and turned, and answers the mean: test-time augmentation.

A micrograph has no up and no left, but a network that saw few images may think so. The answer to
each turned tile is turned back, and their probabilities are averaged::

    flips   F  flipped left to right, top to bottom, and both ways             4 x the work
    d4      the same four, and each of them turned by 90 degrees               8 x the work
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.answering import Turns
from emseg.inference.backends.averaging import log_of_mean, softmax
from emseg.inference.backends.backend import Backend

_KINDS = {  # quarter turns, and four more where it is then flipped left to right
    Turns.FLIPS: (0, 2, 4, 6),
    Turns.D4: (0, 2, 4, 6, 1, 3, 5, 7),  # those that keep the shape of a tile together
}


class TurnedBackend(Backend):
    """A backend that asks another for each tile in several positions.

    Parameters
    ----------
    backend : Backend
        The one that is asked; a pipelined one gets all positions of all batches as one stream.
    turns : Turns
        Which positions.
    """

    def __init__(self, backend: Backend, turns: Turns) -> None:
        self._backend, self._kinds = backend, _KINDS[turns]
        self.name, self.device = backend.name, backend.device
        self.precision = backend.precision

    @property
    def count(self) -> int:
        """How many times each tile is looked at."""
        return len(self._kinds)

    def compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Answer one batch with the logarithm of the mean probability; see `Backend`."""
        return next(iter(self.scores([batch])))

    def scores(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Answer batches with the logarithm of the mean probability; softmax gives the mean."""
        answers = self._backend.scores(turn(b, kind) for b in batches for kind in self._kinds)
        for first in answers:
            total = softmax(turn_back(first, self._kinds[0]))
            for kind in self._kinds[1:]:
                total += softmax(turn_back(next(answers), kind))
            yield log_of_mean(total, self.count)

    def free_bytes(self) -> int | None:
        """Memory that is free on the device of the backend; see there."""
        return self._backend.free_bytes()


def turn(batch: NDArray[Any], kind: int) -> NDArray[Any]:
    """Turn a batch (N, C, Y, X) by quarters, counter-clockwise, and flip it from kind 4 on."""
    turned = np.rot90(batch, kind % 4, axes=(2, 3))
    return np.ascontiguousarray(turned[..., ::-1] if kind >= 4 else turned)


def turn_back(scores: NDArray[Any], kind: int) -> NDArray[Any]:
    """Undo `turn` on what was answered; the scores of a classifier, (N, K), have no direction."""
    if scores.ndim == 2:
        return scores
    return np.rot90(scores[..., ::-1] if kind >= 4 else scores, -(kind % 4), axes=(2, 3))
