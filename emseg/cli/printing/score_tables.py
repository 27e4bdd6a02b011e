"""Scores on the terminal."""

from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path

from emseg.cli.printing.segmentation_tables import show_segmentation
from emseg.cli.terminal import console
from emseg.cli.terminal.tables import add_row, basis, between, new_table, score
from emseg.evaluation import ClassificationReport, SegmentationReport
from emseg.evaluation.report import Number, by_class
from emseg.reading.finding.stems import shown_names

_MOST_IMAGES = 10
_MOST_CLASSES = 20  # a confusion matrix of more is read from metrics.json


@singledispatch
def show(report: object) -> None:
    """Print a report as tables on stdout.

    Parameters
    ----------
    report : SegmentationReport or ClassificationReport
        What an evaluation found.
    """
    raise TypeError(f"{type(report).__name__} is no report")


show.register(SegmentationReport, show_segmentation)


@show.register
def _show_classification(report: ClassificationReport) -> None:
    about = max(filter(None, report.intervals.values()), key=lambda each: each.units, default=None)
    interval = ["95 % interval"] if about else []
    of_classes = by_class(report.names, report.numbers)
    said = {kind: each.description for kind, each in next(iter(of_classes.values())).items()}
    kinds = sorted((k for k in said if said[k].heading), key=lambda kind: said[kind].place)
    first, *headings = (said[kind].heading for kind in kinds)
    table = new_table("class", first, *interval, *headings, "images")
    for name, own in of_classes.items():
        value, *others = (score(own[kind].value) for kind in kinds)
        sure = (between(own[kinds[0]].interval) for _ in interval)
        support = str(report.classes[name].support)
        style = "dim" if name in report.absent else ""
        add_row(table, name, value, *sure, *others, support, style=style)
    console.out.print(table)
    console.result("")
    _show_overall(report)
    if about:
        console.result(basis(about))
    if report.absent:
        _say_absent(report.absent, "no scores for")
    _show_confusion(report)
    _show_mistakes(report)


def _show_overall(report: ClassificationReport) -> None:
    right = sum(each.correct for each in report.files)
    first, *others = (each for each in report.numbers if each.key[0] != "classes")
    sure = f", {between(first.interval)}" if first.interval else ""
    console.result(f"{_said(first)} ({right} of {len(report.files)} images{sure})")
    shown = [each for each in others if each.description.heading]
    for each in shown:
        if each.key[0] != "top_k":
            console.result(_said(each))
    beyond = [_said(each) for each in shown if each.key[0] == "top_k"]
    if beyond:
        console.result("accuracy of the k most probable classes: " + ", ".join(beyond))


def _said(number: Number) -> str:
    return f"{number.description.heading} {score(number.value)}"


def _show_confusion(report: ClassificationReport) -> None:
    if len(report.names) > _MOST_CLASSES:
        return
    numbers = [str(index + 1) for index in range(len(report.names))]
    table = new_table("truth, predicted as", *numbers)
    for number, name, row in zip(numbers, report.names, report.confusion.tolist(), strict=True):
        add_row(table, f"{number} {name}", *(str(count) if count else "." for count in row))
    console.result("")
    console.out.print(table)


def _show_mistakes(report: ClassificationReport) -> None:
    wrong = [each for each in report.files if not each.correct]
    if not wrong:
        return
    wrong.sort(key=lambda each: -each.probabilities[each.prediction])
    table = new_table(
        "mistake, most certain first",
        "truth",
        "predicted as",
        "probability",
        left=("truth", "predicted as"),
    )
    names = shown_names([Path(each.file) for each in report.files])
    for each in wrong[:_MOST_IMAGES]:
        probability = score(each.probabilities[each.prediction])
        add_row(table, names[Path(each.file)], each.label, each.prediction, probability)
    console.result("")
    console.out.print(table)
    if len(wrong) > _MOST_IMAGES:
        console.result(f"and {len(wrong) - _MOST_IMAGES} more mistakes")


def _say_absent(names: Sequence[str], verdict: str) -> None:
    console.result(f"Neither in the truth nor predicted, so {verdict}: {', '.join(names)}")
