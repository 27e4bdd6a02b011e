"""Scores on the terminal."""

from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path

from emseg.cli.printing.segmentation_tables import show_segmentation
from emseg.cli.terminal import console
from emseg.cli.terminal.tables import add_row, basis, between, new_table, score
from emseg.evaluation import ClassificationReport, SegmentationReport
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
    table = new_table("class", "F1", *interval, "precision", "recall", "images")
    for name, each in report.classes.items():
        cells = [score(each.f1)]
        cells += [between(report.intervals.get(("classes", name, "f1"))) for _ in interval]
        cells += [score(each.precision), score(each.recall), str(each.support)]
        add_row(table, name, *cells, style="dim" if each.f1 is None else "")
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
    known = report.intervals.get(("accuracy",))
    sure = f", {between(known)}" if known else ""
    console.result(
        f"accuracy {score(report.accuracy)} ({right} of {len(report.files)} images{sure})"
    )
    for name, value in (
        ("balanced accuracy", report.balanced_accuracy),
        ("macro F1", report.macro_f1),
        ("Cohen's kappa", report.cohen_kappa),
        ("calibration error", report.calibration.error),
    ):
        console.result(f"{name} {score(value)}")
    beyond = [f"top-{k} {score(share)}" for k, share in report.top_k.items() if k > 1]
    if beyond:
        console.result("accuracy of the k most probable classes: " + ", ".join(beyond))


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
