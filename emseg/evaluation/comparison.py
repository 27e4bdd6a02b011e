"""Images and what they are compared with, each read where it is compared: here or by a worker."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from emseg.evaluation.ahead import ahead
from emseg.evaluation.choice import MetricSelection
from emseg.evaluation.exchanged import Advise
from emseg.evaluation.matching import Match
from emseg.evaluation.metric import Metric
from emseg.evaluation.scoring import Compared, Observer, Scoring, score
from emseg.meters import tracked


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared; of the images nothing is in memory.

    Parameters
    ----------
    names : tuple of str
        The classes.
    matches : tuple of Match
        The images, and what each is compared with.
    read : callable
        Reads one of them, or predicts it.
    selection : MetricSelection
        Which numbers are wanted.
    advise : callable, optional
        Says what to type where classes are exchanged.
    doing : str
        What a meter shows of it.
    is_ahead : bool
        Whether the next image may be read while one is compared.
    metrics : tuple of Metric
        That look at them; chosen with the first image where there are none.
    """

    names: tuple[str, ...]
    matches: tuple[Match, ...]
    read: Callable[[Match], Compared]
    selection: MetricSelection
    advise: Advise | None = None
    doing: str = "comparing"
    is_ahead: bool = False
    metrics: tuple[Metric[Any], ...] = ()

    def score(self, observers: Sequence[Observer] = ()) -> Scoring:
        """Compare one image after the other; see `emseg.evaluation.scoring.score`."""
        pairs: Iterable[Compared] = map(self.read, self.matches)
        if self.is_ahead:
            pairs = ahead(pairs)
        done = (pair for _, pair in zip(tracked(self.doing)(self.matches), pairs, strict=True))
        return score(
            self.names,
            done,
            self.selection,
            observers=observers,
            advise=self.advise,
            metrics=self.metrics,
        )
