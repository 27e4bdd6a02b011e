"""Pairs in, one report out: every metric looks at each pair once, then all numbers are computed."""

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.choice import Question, boundary_distance, choose_metrics
from emseg.evaluation.confidence import (
    BLOCK,
    IMAGE,
    Interval,
    Source,
    Units,
    blocks,
    group_images,
    intervals,
    remark,
)
from emseg.evaluation.confusion import Confusion
from emseg.evaluation.metric import Key, Metric, Objects, Pair
from emseg.evaluation.metrics.calibration import Calibration
from emseg.evaluation.metrics.probabilities import ProbabilityScores
from emseg.evaluation.pairing import pair_up
from emseg.evaluation.report import ImageNumbers, Number, SegmentationReport, plain_values
from emseg.micrograph import LabelImage, Micrograph

_log = logging.getLogger(__name__)
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
    micrograph : Micrograph, optional
        What was segmented, where it was read.
    files : tuple of Path
        Everything that was read for this.
    objects : pair of arrays of int, shape (Y, X), or None
        Numbers of objects in the files of prediction and reference.
    """

    source: Source
    prediction: LabelImage
    reference: LabelImage
    probabilities: NDArray[Any] | None = None
    micrograph: Micrograph | None = None
    files: tuple[Path, ...] = ()
    objects: Objects = (None, None)


Onlooker = Callable[[Pair, Compared], None]
"""Sees every pair while it is in memory."""


def segmentation_report(
    names: Sequence[str],
    compared: Iterable[Compared],
    question: Question | None = None,
    *,
    onlookers: Sequence[Onlooker] = (),
) -> SegmentationReport:
    """Score label images against their references; see `score` and `Scoring.report`."""
    return score(names, compared, question, onlookers=onlookers).report()


def score(
    names: Sequence[str],
    compared: Iterable[Compared],
    question: Question | None = None,
    *,
    onlookers: Sequence[Onlooker] = (),
) -> "Scoring":
    """Look at label images and their references.

    Parameters
    ----------
    names : sequence of str
        The classes that are compared.
    compared : iterable of Compared
        Taken one at a time.
    question : Question, optional
        Which numbers are wanted, and of what the units of their intervals are.
    onlookers : sequence of callable
        Called with each pair, for example to draw it, one after the other in a second thread while
        the metrics look at the same pair.

    Raises
    ------
    MismatchError, UnknownNameError, LabelError
        As `pair_up` does, and when a metric cannot look at a pair.
    """
    scoring = Scoring(tuple(names), question or Question())

    def show(pair: Pair, each: Compared) -> None:
        for look in onlookers:
            look(pair, each)

    with ThreadPoolExecutor(1, "onlookers") as beside:
        for each in compared:
            pair = scoring.pair(each)
            shown = beside.submit(show, pair, each)
            scoring.look(pair, each.source)
            shown.result()
    return scoring


def check_units(sources: Sequence[Source], question: Question) -> None:
    """Refuse a grouping that does not fit before any work, and say what a reader must know of it.

    Raises
    ------
    UsageError, UnknownNameError, PathMissingError, ContentError
        As `group_images` does.
    """
    group_images(sources, question.group_by)
    said = remark(sources, question.group_by)
    if said and question.draws:
        _log.warning("%s", said)


class Scoring:
    """What the metrics saw of each pair so far.

    Parameters
    ----------
    names : tuple of str
        The classes that are compared.
    question : Question
        Which numbers are wanted.
    """

    def __init__(self, names: tuple[str, ...], question: Question) -> None:
        self.names, self.question = names, question
        self.confusion = Confusion(names)
        self.metrics: tuple[Metric[Any], ...] = ()
        self.sources: list[Source] = []
        self.pixels: list[int] = []
        self.seen: list[list[Any]] = []
        self._only: Pair | None = None  # kept while it is the only one, to be cut into blocks

    def pair(self, compared: Compared) -> Pair:
        """Make label images comparable pixel by pixel.

        Raises
        ------
        MismatchError, UnknownNameError, LabelError
            As `pair_up` does.
        """
        return pair_up(
            compared.source.title,
            compared.prediction,
            compared.reference,
            self.names,
            compared.probabilities,
            compared.objects,
        )

    def look(self, pair: Pair, source: Source) -> None:
        """Look at one more pair."""
        if not self.metrics:
            self.metrics = choose_metrics(self.question, self.names, pair)
            self.distance = boundary_distance(self.question, pair)
        self._only = None if self.seen else pair
        self.confusion += pair.confusion
        self.sources.append(source)
        self.pixels.append(int(np.count_nonzero(pair.counted)))
        self.seen.append([metric.look(pair) for metric in self.metrics])

    def seen_by(self, place: int) -> list[Any]:
        """Take what the metric at a place saw of each pair."""
        return [each[place] for each in self.seen]

    @property
    def units(self) -> Units | None:
        """Which pairs are independent; None when each is a unit."""
        rule = self.question.group_by
        return None if rule == IMAGE else group_images(self.sources, rule)

    def report(self) -> SegmentationReport:
        """Compute every number over all images, of each image, and its interval."""
        numbers: list[Number] = []
        of_images: list[dict[Key, float | None]] = [{} for _ in self.sources]
        for place, metric in enumerate(self.metrics):
            seen = self.seen_by(place)
            values = plain_values(metric.keys, metric.scores(seen, np.ones((1, len(seen))))[0])
            found = self._intervals(metric, seen)
            numbers += map(Number, metric.keys, values.values(), found)
            for image, row in zip(of_images, _of_each(metric, seen), strict=True):
                image |= plain_values(metric.keys, row)
        return SegmentationReport(
            names=self.names,
            numbers=tuple(numbers),
            images=tuple(
                ImageNumbers(source.title, pixels, values)
                for source, pixels, values in zip(self.sources, self.pixels, of_images, strict=True)
            ),
            confusion=self.confusion.counts,
            missed=self.confusion.missed,
            notes={"distance": str(self.distance)} if self.metrics else {},
            calibration=self._calibration(),
        )

    def _calibration(self) -> Calibration | None:
        """Points of the reliability diagram, where probabilities were scored."""
        for place, metric in enumerate(self.metrics):
            if isinstance(metric, ProbabilityScores):
                return metric.calibration(self.seen_by(place))
        return None

    def _intervals(self, metric: Metric[Any], seen: list[Any]) -> Sequence[Interval | None]:
        question, units = self.question, self.units
        if not question.draws:
            return (None,) * len(metric.keys)
        unit, membership = None, None if units is None else units.membership
        if self._only is not None:
            seen = [metric.look(each) for each in blocks(self._only)]
            unit, membership = BLOCK, None
        return intervals(
            metric, seen, membership, draws=question.draws, seed=question.seed, unit=unit
        )


def _of_each(metric: Metric[Any], seen: list[Any]) -> Iterable[NDArray[np.float64]]:
    """Numbers of each image by itself, some hundred at a time."""
    for start in range(0, len(seen), _ROWS):
        part = seen[start : start + _ROWS]
        yield from metric.scores(part, np.eye(len(part)))
