"""Several networks asked as one: the mean of their probabilities, and how far they disagree.

What a pixel is may be unclear to every network alike (a blurred edge), or each may be sure of
something else (what none was trained on). The entropy of the mean has both; the part of it that is
disagreement is what the mean has more than the members on average::

    members        0.5 0.5 | 0.5 0.5      1 0 | 0 1
    mean           0.5 0.5                0.5 0.5
    entropy        1                      1
    disagreement   0                      1
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emseg.inference.answers.uncertainty import entropy
from emseg.inference.backends.averaging import log_of_mean, softmax
from emseg.inference.backends.backend import Backend, Labels, labels_of


@dataclass(frozen=True, slots=True)
class Opinion:
    """What an ensemble says to a batch.

    Parameters
    ----------
    scores : array of float32, shape (N, K, Y, X), or (N, K) of classifiers
        The logarithm of the mean probability.
    disagreement : array of float32, shape (N, Y, X), or (N,)
        0 where all members say the same, 1 where each is sure of another class. It is the mutual
        information of class and member, the entropy of the mean less the mean of the entropies
        (Houlsby et al. 2011, "Bayesian active learning for classification and preference
        learning"; of ensembles: Lakshminarayanan et al. 2017), over ln K like
        `emseg.inference.answers.uncertainty.entropy`.
    """

    scores: NDArray[np.float32]
    disagreement: NDArray[np.float32]


class Ensemble(Backend):
    """Backends of networks that know the same classes, as one.

    Tiles that are turned are turned for each member, each in a `TurnedBackend` of its own, so that
    the members disagree and not the turns.

    Parameters
    ----------
    backends : sequence of Backend
        Two or more.
    orders : sequence of sequences of int, optional
        For each member, where it has the classes of the first one: the scores of class ``k`` are
        at ``order[k]``; all have the same order by default.
    tells : bool
        Whether `scores` answers the disagreement too, as the map behind the scores.

    Raises
    ------
    ValueError
        When there is no backend, or not an order for each.
    """

    def __init__(
        self,
        backends: Sequence[Backend],
        orders: Sequence[Sequence[int]] | None = None,
        *,
        tells: bool = False,
    ) -> None:
        if not backends:
            raise ValueError("an ensemble has members")
        if orders is not None and len(orders) != len(backends):
            raise ValueError(f"{len(backends)} members and {len(orders)} orders of classes")
        self.members = tuple(backends)
        self.maps = ("disagreement",) if tells else ()
        self._orders = [_moved(order) for order in orders or [()] * len(backends)]
        self.name = ", ".join(dict.fromkeys(each.name for each in backends))
        self.device = ", ".join(dict.fromkeys(each.device for each in backends))
        self.precision = ", ".join(dict.fromkeys(each.precision for each in backends))

    def compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Answer one batch with the logarithm of the mean probability; see `Backend`."""
        return next(iter(self.scores([batch])))

    def scores(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Answer batches with the logarithm of the mean probability; softmax gives the mean."""
        if self.maps:
            for said in self.opinions(batches):
                yield np.concatenate([said.scores, said.disagreement[:, np.newaxis]], axis=1)
            return
        for answers in self._answers(batches):
            total = next(answers)
            for probabilities in answers:
                total += probabilities
            yield log_of_mean(total, len(self.members))

    def opinions(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[Opinion]:
        """Answer batches with scores, and with the disagreement of the members."""
        for answers in self._answers(batches):
            total = next(answers)
            own = entropy(total, axis=1)
            for probabilities in answers:
                total += probabilities
                own += entropy(probabilities, axis=1)
            scores = log_of_mean(total, len(self.members))
            more = entropy(np.exp(scores), axis=1) - own / np.float32(len(self.members))
            yield Opinion(scores, np.maximum(more, 0))  # NaN stays NaN

    def labels(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[Labels]:
        """Answer batches with the most probable class of each pixel alone."""
        last = -len(self.maps) or None
        return (labels_of(scores[:, :last]) for scores in self.scores(batches))

    def free_bytes(self) -> int | None:
        """Give what the member with the least memory has left; None where all use the machine's."""
        known = [free for each in self.members if (free := each.free_bytes()) is not None]
        return min(known, default=None)

    def _answers(
        self, batches: Iterable[NDArray[np.float32]]
    ) -> Iterator[Iterator[NDArray[np.float32]]]:
        """For each batch the probabilities of each member, one at a time."""
        shared = _Shared(iter(batches), len(self.members))
        streams = [member.scores(shared.taken_by(at)) for at, member in enumerate(self.members)]
        for first in streams[0]:
            yield self._in_order(first, streams[1:])

    def _in_order(
        self, first: NDArray[np.float32], others: Sequence[Iterator[NDArray[np.float32]]]
    ) -> Iterator[NDArray[np.float32]]:
        yield softmax(first[:, self._orders[0]])
        for order, stream in zip(self._orders[1:], others, strict=True):
            yield softmax(next(stream)[:, order])


class _Shared:
    """One stream of batches for several takers; `itertools.tee` is not safe between threads.

    A batch is kept until the last of them has taken it.
    """

    def __init__(self, batches: Iterator[NDArray[np.float32]], takers: int) -> None:
        self._batches = batches
        self._waiting: list[deque[NDArray[np.float32]]] = [deque() for _ in range(takers)]
        self._lock = threading.Lock()

    def taken_by(self, taker: int) -> Iterator[NDArray[np.float32]]:
        own = self._waiting[taker]
        while True:
            with self._lock:
                if not own:
                    with suppress(StopIteration):
                        batch = next(self._batches)
                        for each in self._waiting:
                            each.append(batch)
                if not own:
                    return
                batch = own.popleft()
            yield batch


def _moved(order: Sequence[int]) -> slice | list[int]:
    """Turn an order into an index; one that changes nothing copies nothing."""
    return slice(None) if list(order) == list(range(len(order))) else list(order)
