"""Pairs in, one report out: every metric looks at each pair once, then all numbers are computed."""

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import Distance, PixelSize
from emseg.evaluation.choice import MetricSelection, boundary_distance, choose_metrics
from emseg.evaluation.confidence import (
    BLOCK,
    IMAGE,
    Interval,
    Units,
    UnitSource,
    blocks,
    group_images,
    intervals,
    remark,
)
from emseg.evaluation.confusion import Confusion
from emseg.evaluation.exchanged import Advise, ExchangedImage, find_exchanged
from emseg.evaluation.metric import ComparedPair, Key, Metric, Objects
from emseg.evaluation.metrics.calibration import BinnedCalibration
from emseg.evaluation.metrics.membranes import MembraneScores
from emseg.evaluation.metrics.probabilities import ProbabilityScores
from emseg.evaluation.pairing import pair_up
from emseg.evaluation.report import ImageNumbers, Number, SegmentationReport, plain_values
from emseg.evaluation.turned import TurnedImage, find_turned
from emseg.micrograph import LabelImage, Micrograph

_log = logging.getLogger(__name__)
_ROUNDING = 1e-9
_BIAS = 0.1  # of the width of an interval that cutting an image into blocks may add
_ROWS = 256  # images whose numbers are computed at once


@dataclass(frozen=True, slots=True)
class Compared:
    """A prediction with its reference, and where it came from.

    Parameters
    ----------
    source : UnitSource
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
    unlikeness : float, optional
        How far the micrograph is from the training of the model that predicted.
    """

    source: UnitSource
    prediction: LabelImage
    reference: LabelImage
    probabilities: NDArray[Any] | None = None
    micrograph: Micrograph | None = None
    files: tuple[Path, ...] = ()
    objects: Objects = (None, None)
    unlikeness: float | None = None


Observer = Callable[[ComparedPair, Compared], None]
"""Sees every pair while it is in memory."""


def score(
    names: Sequence[str],
    compared: Iterable[Compared],
    selection: MetricSelection | None = None,
    *,
    observers: Sequence[Observer] = (),
    advise: Advise | None = None,
    metrics: Sequence[Metric[Any]] = (),
) -> "Scoring":
    """Look at label images and their references.

    Parameters
    ----------
    names : sequence of str
        The classes that are compared.
    compared : iterable of Compared
        Taken one at a time.
    selection : MetricSelection, optional
        Which numbers are wanted, and of what the units of their intervals are.
    observers : sequence of callable
        Called with each pair, for example to draw it, one after the other in a second thread while
        the metrics look at the same pair.
    advise : callable, optional
        Says what to type where classes are exchanged.
    metrics : sequence of Metric
        That look at the pairs; chosen with the first one where there are none.

    Raises
    ------
    MismatchError, UnknownNameError, LabelError
        As `pair_up` does, and when a metric cannot look at a pair.
    """
    scoring = Scoring(tuple(names), selection or MetricSelection(), advise, tuple(metrics))

    def show(pair: ComparedPair, each: Compared) -> None:
        for look in observers:
            look(pair, each)

    with ThreadPoolExecutor(1, "observers") as beside:
        for each in compared:
            pair = scoring.pair(each)
            shown = beside.submit(show, pair, each)
            scoring.look(pair, each.source, each.unlikeness)
            shown.result()
    return scoring


def check_units(sources: Sequence[UnitSource], selection: MetricSelection) -> None:
    """Refuse a grouping that does not fit before any work, and say what a reader must know of it.

    Raises
    ------
    UsageError, UnknownNameError, PathMissingError, ContentError
        As `group_images` does.
    """
    group_images(sources, selection.group_by)
    said = remark(sources, selection.group_by)
    if said and selection.draws:
        _log.warning("%s", said)


class Scoring:
    """What the metrics saw of each pair so far.

    Parameters
    ----------
    names : tuple of str
        The classes that are compared.
    selection : MetricSelection
        Which numbers are wanted.
    advise : callable, optional
        Says what to type where classes are exchanged.
    metrics : tuple of Metric
        That look at the pairs; chosen with the first one where there are none.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        selection: MetricSelection,
        advise: Advise | None = None,
        metrics: tuple[Metric[Any], ...] = (),
    ) -> None:
        self.names, self.selection, self.advise = names, selection, advise
        self.confusion = Confusion(names)
        self.metrics = metrics
        self.sources: list[UnitSource] = []
        self.unlikeness: list[float | None] = []
        self.pixels: list[int] = []
        self.seen: list[list[Any]] = []
        self.turned: list[TurnedImage] = []
        self.exchanged: list[ExchangedImage] = []
        self._distance: Distance | None = None  # at which boundaries meet
        self._distances: set[str] = set()  # what that is in the images
        self._has_probabilities = False
        self._only: ComparedPair | None = (
            None  # kept while it is the only one, to be cut into blocks
        )

    def pair(self, compared: Compared) -> ComparedPair:
        """Make label images comparable pixel by pixel, and count which class meets which.

        Raises
        ------
        MismatchError, UnknownNameError, LabelError
            As `pair_up` does.
        """
        pair = pair_up(
            compared.source.title,
            compared.prediction,
            compared.reference,
            self.names,
            compared.probabilities,
            compared.objects,
        )
        self.confusion += pair.confusion
        return pair

    def look(self, pair: ComparedPair, source: UnitSource, unlikeness: float | None = None) -> None:
        """Look at one more pair."""
        if not self.metrics:
            self.metrics = choose_metrics(self.selection, self.names, pair)
        self._only = None if self.seen else pair
        self._has_probabilities |= pair.probabilities is not None
        self.sources.append(source)
        self.unlikeness.append(unlikeness)
        self.pixels.append(int(pair.confusion.counts.sum() + pair.confusion.missed.sum()))
        self._distance = boundary_distance(self.selection, pair)
        self._distances.add(_in_nm(self._distance, pair.pixel_size))
        self.seen.append([metric.look(pair) for metric in self.metrics])
        self.turned += filter(None, [find_turned(pair)])
        self.exchanged += filter(None, [find_exchanged(pair.name, pair.confusion)])

    def join(self, other: "Scoring") -> None:
        """Add what another one saw of further pairs."""
        self._only = None if self.seen else other._only
        self.confusion += other.confusion
        self.metrics = self.metrics or other.metrics
        self._distance = other._distance
        self._distances |= other._distances
        self._has_probabilities |= other._has_probabilities
        for name in ("sources", "unlikeness", "pixels", "seen", "turned", "exchanged"):
            getattr(self, name).extend(getattr(other, name))

    def forget(self) -> None:
        """Let the pair go that is kept while it is the only one."""
        self._only = None

    def seen_by(self, place: int) -> list[Any]:
        """Take what the metric at a place saw of each pair."""
        return [each[place] for each in self.seen]

    @property
    def units(self) -> Units | None:
        """Which pairs are independent; None when each is a unit."""
        rule = self.selection.group_by
        return None if rule == IMAGE else group_images(self.sources, rule)

    def report(self) -> SegmentationReport:
        """Compute every number over all images, of each image, and its interval."""
        numbers: list[Number] = []
        of_images: list[dict[Key, float | None]] = [{} for _ in self.sources]
        for place, metric in enumerate(self.metrics):
            seen = self.seen_by(place)
            said = metric.numbers
            values = plain_values(said, metric.scores(seen, np.ones((1, len(seen))))[0])
            found = self._intervals(metric, seen)
            numbers += map(Number, said, values.values(), said.values(), found)
            for image, row in zip(of_images, _of_each(metric, seen), strict=True):
                image |= plain_values(said, row)
        return SegmentationReport(
            names=self.names,
            numbers=tuple(numbers),
            images=tuple(
                ImageNumbers(source.title, pixels, values, away)
                for source, pixels, values, away in zip(
                    self.sources, self.pixels, of_images, self.unlikeness, strict=True
                )
            ),
            confusion=self.confusion.counts,
            missed=self.confusion.missed,
            notes=self._notes(),
            calibration=self._calibration(),
            advise=self.advise,
            turned=tuple(self.turned),
            exchanged=tuple(self.exchanged),
        )

    def _notes(self) -> dict[str, str]:
        """Say what the numbers were made with: ``"distance": "2 px (3.8 nm)"``."""
        if self._distance is None:
            return {}
        alike = len(self._distances) == 1
        notes = {"distance": next(iter(self._distances)) if alike else str(self._distance)}
        for place, metric in enumerate(self.metrics):
            if self._has_probabilities and isinstance(metric, MembraneScores):
                best = metric.best_threshold(self.seen_by(place))
                if best is not None:
                    rand, info = (f"{threshold / 255:.3f}" for threshold in best)
                    notes[f"threshold_{metric.cell}"] = f"V_rand {rand}, V_info {info}"
        return notes

    def _calibration(self) -> BinnedCalibration | None:
        """Points of the reliability diagram, where probabilities were scored."""
        for place, metric in enumerate(self.metrics):
            if isinstance(metric, ProbabilityScores):
                return metric.calibration(self.seen_by(place))
        return None

    def _intervals(self, metric: Metric[Any], seen: list[Any]) -> Sequence[Interval | None]:
        selection, units = self.selection, self.units
        if not selection.draws:
            return (None,) * len(metric.numbers)
        unit, membership = None, None if units is None else units.membership
        if self._only is None:
            return intervals(
                metric, seen, membership, draws=selection.draws, seed=selection.seed, unit=unit
            )
        parts = [metric.look(each) for each in blocks(self._only)]
        found = intervals(
            metric, parts, None, draws=selection.draws, seed=selection.seed, unit=BLOCK
        )
        if not parts:
            return found
        whole = metric.scores(seen, np.ones((1, 1)))[0]
        together = metric.scores(parts, np.ones((1, len(parts))))[0]
        return [_unbiased(*each) for each in zip(found, whole, together, strict=True)]


def _of_each(metric: Metric[Any], seen: list[Any]) -> Iterable[NDArray[np.float64]]:
    """Numbers of each image by itself, some hundred at a time."""
    for start in range(0, len(seen), _ROWS):
        part = seen[start : start + _ROWS]
        yield from metric.scores(part, np.eye(len(part)))


def _unbiased(interval: Interval | None, whole: float, together: float) -> Interval | None:
    """Drop the interval of a number that blocks change, such as objects, which they cut in two."""
    allowed = 0.0 if interval is None else _BIAS * (interval.high - interval.low)
    return None if abs(whole - together) > allowed + _ROUNDING * abs(whole) else interval


def _in_nm(distance: Distance, size: PixelSize | None) -> str:
    """Write a distance, and beside pixels what they are in nm: ``"2 px (3.8 nm)"``."""
    if distance.unit == "nm" or size is None or size.y_nm != size.x_nm:
        return str(distance)
    return f"{distance} ({distance.value * size.x_nm:.4g} nm)"
