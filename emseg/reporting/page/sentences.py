"""The first lines of a page: the result in words, and what makes it weaker than it looks."""

from collections.abc import Iterator, Sequence

from emseg.errors import listed
from emseg.evaluation.confidence.intervals import EQUAL, Interval
from emseg.evaluation.overlap import HEADLINE
from emseg.evaluation.report import Number, SegmentationReport
from emseg.reporting.page.quantities import largest_area_error
from emseg.reporting.page.words import between, counted, percent, units_of, written

_MOST_NAMED = 8
_BLOCK = "block"


def with_interval(number: Number) -> str:
    """Write a number with its interval in a sentence."""
    said = number.description
    text = f"{said.title} {written(number.value, said)}"
    interval = number.interval
    if interval is None:
        return text
    units = units_of(interval)
    if interval.method == EQUAL:
        return f"{text} (the same in all {units})"
    return f"{text} ({100 * interval.level:g} % interval {between(interval, said)} from {units})"


def headline(report: SegmentationReport) -> Number | None:
    """Find the number that says most: the mean IoU, or the first that is defined."""
    defined = (each for each in report.numbers if each.value is not None)
    return min(defined, key=lambda each: each.key != HEADLINE, default=None)


def verdict(report: SegmentationReport) -> str:
    """Say in one sentence how good the result is."""
    number = headline(report)
    if number is None:
        return "Nothing could be scored: no pixel of the references is labelled."
    return f"{with_interval(number)}."


def summary(report: SegmentationReport) -> str:
    """Say in a few sentences what stands behind the verdict."""
    parts = list(_summary(report))
    return " ".join(parts)


def warnings(report: SegmentationReport) -> tuple[str, ...]:
    """Say what makes the numbers weaker than they look."""
    intervals = [each.interval for each in report.numbers if each.interval]
    notes = [*map(as_sentence, report.caveats), *of_intervals(intervals)]
    if report.absent and len(report.absent) < len(report.names):
        notes.append(
            "Neither the references nor the predictions hold "
            f"{listed(report.absent, most=_MOST_NAMED)}: without scores, and left out of the means."
        )
    notes += of_training([each.unlikeness for each in report.images])
    return tuple(notes)


def of_training(unlikeness: Sequence[float | None]) -> Iterator[str]:
    """Say how many micrographs are unlike those that the model was trained on."""
    away = [each for each in unlikeness if each is not None and each > 1]
    if away:
        are = f"{len(away):,} of {counted(len(unlikeness), 'micrograph')}"
        yield (
            f"{are} {'is' if len(away) == 1 else 'are'} unlike those that the model was trained "
            f"on, up to {max(away):.1f} times as far from them as they are from each other."
        )


def as_sentence(caveat: str) -> str:
    """Begin a line with a capital, unless it begins with the name of a class, and end it."""
    begins = caveat.startswith(("classes look", "no pixel", "predictions look"))
    return f"{caveat[:1].upper()}{caveat[1:]}." if begins else f"{caveat}."


def of_intervals(intervals: list[Interval]) -> Iterator[str]:
    """Say when intervals are from few units, or from parts of one image."""
    if not intervals:
        return
    first = intervals[0]
    if first.unit.startswith(_BLOCK):
        yield (
            f"The intervals are from {units_of(first)}: they say how sure the numbers of this "
            "image are, and nothing about other images."
        )
    elif any(each.few_units for each in intervals):
        least = min((each for each in intervals if each.few_units), key=lambda each: each.units)
        yield (
            f"Few units: intervals from {units_of(least)} are rough. Ten or more make them "
            "trustworthy."
        )


def about_intervals(interval: Interval | None) -> tuple[tuple[str, str], ...]:
    """Say how intervals were found, in lines of names and values."""
    if interval is None:
        return ()
    return (
        ("intervals", f"{100 * interval.level:g} %, {interval.method}"),
        ("unit of the intervals", interval.unit),
    )


def _summary(report: SegmentationReport) -> Iterator[str]:
    images = counted(len(report.images), "image")
    pixels = f"{report.pixels:,} labelled pixels in {images}"
    accuracy = report.value("pixel_accuracy")
    if accuracy is None:
        yield f"{pixels[:1].upper()}{pixels[1:]}."
    else:
        yield f"{percent(accuracy)} of {pixels} carry the right class."
    scored = [
        (each.value, each.key[1])
        for each in report.numbers
        if each.key[0] == "classes" and each.key[-1] == "iou" and each.value is not None
    ]
    if len(scored) > 1:
        lowest, name = min(scored)
        yield f"The weakest class is {name} with an IoU of {lowest:.3f}."
    error = largest_area_error(report)
    if error is not None:
        name, value = error
        way = "large" if value > 0 else "small"
        yield (
            f"Area fractions are off by at most {abs(100 * value):.2g} percentage points: "
            f"{name} comes out too {way}."
        )
