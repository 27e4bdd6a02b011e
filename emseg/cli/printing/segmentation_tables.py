"""Scores of label images on the terminal: a table a family of numbers, intervals beside them."""

from collections.abc import Mapping

from emseg.cli.terminal import console
from emseg.cli.terminal.tables import add_row, basis, between, new_table, score
from emseg.evaluation import ImageNumbers, SegmentationReport
from emseg.evaluation.description import Description, Group, Style
from emseg.evaluation.overlap import HEADLINE
from emseg.evaluation.report import OF_IMAGES, Number, by_class
from emseg.reporting.page.words import change, percent

_MOST_IMAGES = 10
_HEADLINES = HEADLINE, ("mean", "dice"), ("pixel_accuracy",)


def show_segmentation(report: SegmentationReport) -> None:
    """Print a report of label images as tables on stdout.

    Parameters
    ----------
    report : SegmentationReport
        What an evaluation found.
    """
    placed = sorted(report.of_a_class.items(), key=lambda each: each[1].place)
    for group in Group:
        kinds = {kind: said for kind, said in placed if said.group is group and said.heading}
        if group is Group.OVERLAP:
            _show_overlap(report, kinds)
        elif kinds:
            _show_group(report, group, kinds)
    _show_basis(report)
    if len(report.images) > 1:
        _show_images(report)


def _show_overlap(report: SegmentationReport, kinds: Mapping[str, Description]) -> None:
    interval = ["95 % interval"] if report.confidence else []
    first, *headings = (each.heading for each in kinds.values())
    table = new_table("class", first, *interval, *headings, "in masks", "predicted")
    of_classes = by_class(report.names, report.numbers).values()
    true, found = report.confusion.sum(axis=1) + report.missed, report.confusion.sum(axis=0)
    for name, own, *pixels in zip(report.names, of_classes, true, found, strict=True):
        cells = _overlap_cells([own.get(kind) for kind in kinds], interval)
        cells += [percent(part / report.pixels) if report.pixels else "-" for part in pixels]
        add_row(table, name, *cells, style="dim" if cells[0] == "-" else "")
    means = [report.number("mean", kind) for kind in kinds]
    add_row(table, "mean", *_overlap_cells(means, interval), style="bold")
    console.out.print(table)


def _overlap_cells(numbers: list[Number | None], interval: list[str]) -> list[str]:
    """Write numbers, the first with its interval; nothing where one does not exist."""
    first, *others = (_value(each.value, each.description) if each else "" for each in numbers)
    sure = numbers[0].interval if numbers[0] else None
    return [first, *(between(sure) for _ in interval), *others]


def _show_group(report: SegmentationReport, group: Group, kinds: Mapping[str, Description]) -> None:
    """Print the numbers of a group that were asked for; the unit of lengths stands on top."""
    units = dict.fromkeys(each.unit for each in kinds.values() if each.unit)
    headings = (each.heading for each in kinds.values())
    table = new_table(", ".join([group.name.lower(), *units]), *headings)
    for name, own in by_class(report.names, report.numbers).items():
        if own.keys() & kinds:
            add_row(table, name, *(_cell(own, kind) for kind in kinds))
    console.result("")
    console.out.print(table)


def _cell(own: Mapping[str, Number], kind: str) -> str:
    """Write a number of a class; an error relative to nothing says so."""
    number = own.get(kind)
    if number is None:
        return "-"
    found = own.get("area_fraction")
    if number.value is None and number.description.style is Style.CHANGE and found and found.value:
        return "none in masks"
    return _value(number.value, number.description)


def _value(value: float | None, description: Description) -> str:
    """Write a number as it is described; the unit stands on top of the table."""
    if value is None:
        return "-"
    match description.style:
        case Style.COUNT:
            return f"{value:,.0f}"
        case Style.SHARE:
            return "<0.01 %" if 0 < value < 0.00005 else f"{100 * value:.2f} %"
        case Style.POINTS:
            return f"{100 * value:+.2f} points"
        case Style.CHANGE:
            return change(value)
        case Style.LENGTH:
            return f"{value:.4g}"
        case Style.DIFFERENCE:
            return f"{value:+.4g}"
        case Style.SCORE | Style.PLAIN:
            return f"{value:.3f}"


def _show_basis(report: SegmentationReport) -> None:
    """Say what the numbers are of, and how sure they are."""
    console.result("")
    for each in report.numbers:
        said = each.description
        has_line = each.key[0] not in ("classes", "mean") and said.heading
        if has_line and (each.value is not None or said.group is Group.OVERLAP):
            console.result(f"{said.heading} {_value(each.value, said)} {said.unit}".rstrip())
    count = f"{len(report.images)} image" + ("s" if len(report.images) != 1 else "")
    console.result(
        f"Pooled over {report.pixels:,} labelled pixels in {count}; shares are of these."
    )
    if report.number("mean", "boundary_f1"):
        console.result(f"Boundaries are right within {report.notes['distance']}.")
    _show_confidence(report)
    if report.absent:
        absent = ", ".join(report.absent)
        console.result(f"Neither in the truth nor predicted, so the mean leaves out: {absent}")


def _show_confidence(report: SegmentationReport) -> None:
    about = report.confidence
    if about is None:
        if len(report.images) == 1 and report.pixels:
            console.result("No intervals: --draws 0, or one image too small to be cut into blocks.")
        else:
            console.result("No intervals.")
        return
    console.result(basis(about))


def _show_images(report: SegmentationReport) -> None:
    """List the images with the lowest mean IoU, those without labelled pixels last."""

    def worth(image: ImageNumbers) -> float:
        value = image.values[HEADLINE]
        return 2.0 if value is None else value

    worst = sorted(report.images, key=worth)[:_MOST_IMAGES]
    headings = (each.description.heading for each in report.numbers if each.key in _HEADLINES)
    table = new_table("image, worst first", *headings)
    for each in worst:
        add_row(table, each.name, *(score(each.values[key]) for key in _HEADLINES))
    console.result("")
    console.out.print(table)
    console.result(OF_IMAGES)
    if len(worst) < len(report.images):
        console.result(f"and {len(report.images) - len(worst)} better ones")
