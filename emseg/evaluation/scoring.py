"""Pairs in, one report out: every metric looks at each pair once, then all numbers are computed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.choice import Question, choose_metrics
from emseg.evaluation.confidence import Interval, Source, intervals, membership
from emseg.evaluation.confusion import Confusion
from emseg.evaluation.metric import Metric, Pair
from emseg.evaluation.pairing import pair_up
from emseg.evaluation.report import ImageNumbers, Number, SegmentationReport, plain_values
from emseg.micrograph import LabelImage

_ROWS = 256  # images whose numbers are computed at once


@dataclass(frozen=True, slots=True)
class Compared:
    """A prediction with its reference, and where it came from.

    Parameters
    ----------
    source : Source
        Names the image, its file and its plane.
    prediction, reference : LabelImage
        As they were read.
    probabilities : array of float, shape (K, Y, X), optional
        Of the classes of the prediction.
    """

    source: Source
    prediction: LabelImage
    reference: LabelImage
    probabilities: NDArray[Any] | None = None


Onlooker = Callable[[Pair, Compared], None]
"""Sees every pair while it is in memory."""


def segmentation_report(
    names: Sequence[str],
    compared: Iterable[Compared],
    question: Question | None = None,
    *,
    onlookers: Sequence[Onlooker] = (),
) -> SegmentationReport:
    """Score label images against their references.

    Parameters
    ----------
    names : sequence of str
        The classes that are compared.
    compared : iterable of Compared
        Taken one at a time.
    question : Question, optional
        Which numbers are wanted, and of what the units of their intervals are.
    onlookers : sequence of callable
        Called with each pair, for example to draw it.

    Raises
    ------
    MismatchError, UnknownNameError, LabelError
        As `pair_up` does, and when a metric cannot look at a pair.
    """
    scoring = _Scoring(tuple(names), question or Question())
    for each in compared:
        pair = scoring.add(each)
        for look in onlookers:
            look(pair, each)
    return scoring.report()
