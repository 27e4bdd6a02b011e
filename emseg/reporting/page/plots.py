"""Plots as numbers: where things stand on an axis, in percent of its length."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emseg.evaluation.overlap import HEADLINE
from emseg.evaluation.report import Number, SegmentationReport
from emseg.reporting.page.words import between, written

_STARTS = (0.9, 0.8, 0.5, 0.0)
_MOST_CLASSES = 40
_LEAST_IMAGES = 8
_BINS = 20


@dataclass(frozen=True, slots=True)
class Whisker:
    """A number with its interval on an axis; places are percent of the length of the axis."""

    name: str
    text: str
    note: str
    at: float
    low: float | None = None
    high: float | None = None
    colour: int | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class ForestPlot:
    """Numbers with intervals below each other on one axis."""

    title: str
    ticks: tuple[Tick, ...]
    whiskers: tuple[Whisker, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One bar of a histogram, in percent of the width and height, and what it stands for."""

    left: float
    width: float
    height: float
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many images have which value."""

    title: str
    ticks: tuple[Tick, ...]
    bars: tuple[ChartBar, ...]
    most: int
    summary: str


def whisker(
    number: Number, start: float = 0.0, *, name: str = "", colour: int | None = None
) -> Whisker:
    """Place a score between ``start`` and 1."""
    said, interval = number.description, number.interval
    return Whisker(
        name=name or said.title,
        text=written(number.value, said),
        note=between(interval, said) if interval else "",
        at=_place(number.value or 0.0, start),
        low=_place(interval.low, start) if interval else None,
        high=_place(interval.high, start) if interval else None,
        colour=colour,
    )


def forest(report: SegmentationReport) -> ForestPlot | None:
    """Lay out the IoU of the classes with their intervals, in the order of the classes."""
    known = {each.key: each for each in report.numbers}
    rows = [
        (place, known[key])
        for place, name in enumerate(report.names)
        if (key := ("classes", name, "iou")) in known and known[key].value is not None
    ]
    if len(rows) < 2:
        return None
    remark = ""
    if len(rows) > _MOST_CLASSES:
        remark = f"The {_MOST_CLASSES} classes of {len(rows)} with the lowest IoU."
        rows = sorted(rows, key=lambda each: each[1].value or 0.0)[:_MOST_CLASSES]
    start = _start([each.interval.low if each.interval else each.value for _, each in rows])
    whiskers = [
        whisker(number, start, name=report.names[place], colour=place) for place, number in rows
    ]
    return ForestPlot("IoU of the classes", _ticks(start), tuple(whiskers), remark)


def histogram(report: SegmentationReport) -> Histogram | None:
    """Count the images by their mean IoU; None when there are too few."""
    values = [value for each in report.images if (value := each.values.get(HEADLINE)) is not None]
    if len(values) < _LEAST_IMAGES:
        return None
    start = _start(values)
    counts, edges = np.histogram(np.clip(values, start, 1), _BINS, (start, 1))
    most = int(counts.max())
    bars = tuple(
        ChartBar(
            left=100 * k / _BINS,
            width=100 / _BINS,
            height=100 * int(count) / most,
            count=int(count),
            text=f"{edges[k]:.3g} to {edges[k + 1]:.3g}: {int(count)}",
        )
        for k, count in enumerate(counts)
        if count
    )
    low, middle, high = np.percentile(values, (5, 50, 95))
    summary = (
        f"Half of the images are above {middle:.3f}; 90 % lie between {low:.3f} and {high:.3f}."
    )
    return Histogram("Mean IoU of the images", _ticks(start), bars, most, summary)


def _start(values: Sequence[float | None]) -> float:
    """Begin an axis that ends at 1 as late as all values allow."""
    least = min((value for value in values if value is not None), default=0.0)
    return next((start for start in _STARTS if least >= start), 0.0)


def _ticks(start: float) -> tuple[Tick, ...]:
    steps = 4 if start in (0.0, 0.8) else 5
    values = np.linspace(start, 1, steps + 1)
    return tuple(Tick(_place(float(value), start), f"{value:.3g}") for value in values)


def _place(value: float, start: float) -> float:
    return round(100 * min(1.0, max(0.0, (value - start) / (1 - start))), 2)
