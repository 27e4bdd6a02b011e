"""Scores on the terminal."""

from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path

from rich.table import Table
from rich.text import Text

from emseg.cli import console
from emseg.evaluation import ClassificationReport, SegmentationReport

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


@show.register
def _show_segmentation(report: SegmentationReport) -> None:
    scores = report.pooled
    table = _table("class", "IoU", "Dice", "precision", "recall", "in masks", "predicted")
    for name, each in scores.classes.items():
        values = [_score(v) for v in (each.iou, each.dice, each.precision, each.recall)]
        shares = [
            _percent(pixels, scores.pixels)
            for pixels in (each.pixels_reference, each.pixels_prediction)
        ]
        _add(table, name, *values, *shares, style="dim" if each.iou is None else "")
    _add(table, "mean", _score(scores.mean_iou), _score(scores.mean_dice), style="bold")
    console.out.print(table)
    console.result("")
    console.result(f"pixel accuracy {_score(scores.pixel_accuracy)}")
    count = f"{len(report.images)} image" + ("s" if len(report.images) != 1 else "")
    console.result(
        f"Pooled over {scores.pixels:,} labelled pixels in {count}; shares are of these."
    )
    if scores.absent:
        _say_absent(scores.absent, "the mean leaves out")
    if len(report.images) > 1:
        _show_images(report)


def _show_images(report: SegmentationReport) -> None:
    """List the images with the lowest mean IoU, those without labelled pixels last."""
    worst = sorted(
        report.images,
        key=lambda each: 2.0 if each.scores.mean_iou is None else each.scores.mean_iou,
    )[:_MOST_IMAGES]
    table = _table("image, worst first", "mean IoU", "mean Dice", "pixel accuracy")
    for each in worst:
        scores = each.scores
        values = (scores.mean_iou, scores.mean_dice, scores.pixel_accuracy)
        _add(table, each.name, *map(_score, values))
    console.result("")
    console.out.print(table)
    if len(worst) < len(report.images):
        console.result(f"and {len(report.images) - len(worst)} better ones")


@show.register
def _show_classification(report: ClassificationReport) -> None:
    table = _table("class", "precision", "recall", "F1", "images")
    for name, each in report.classes.items():
        values = map(_score, (each.precision, each.recall, each.f1))
        _add(table, name, *values, str(each.support), style="dim" if each.f1 is None else "")
    console.out.print(table)
    right = sum(each.correct for each in report.files)
    console.result("")
    console.result(f"accuracy {_score(report.accuracy)} ({right} of {len(report.files)} images)")
    console.result(f"balanced accuracy {_score(report.balanced_accuracy)}")
    beyond = [f"top-{k} {_score(score)}" for k, score in report.top_k.items() if k > 1]
    if beyond:
        console.result("accuracy of the k most probable classes: " + ", ".join(beyond))
    if report.absent:
        _say_absent(report.absent, "no scores for")
    _show_confusion(report)
    _show_mistakes(report)


def _show_confusion(report: ClassificationReport) -> None:
    if len(report.names) > _MOST_CLASSES:
        return
    numbers = [str(index + 1) for index in range(len(report.names))]
    table = _table("truth, predicted as", *numbers)
    for number, name, row in zip(numbers, report.names, report.confusion.tolist(), strict=True):
        _add(table, f"{number} {name}", *(str(count) if count else "." for count in row))
    console.result("")
    console.out.print(table)


def _show_mistakes(report: ClassificationReport) -> None:
    wrong = [each for each in report.files if not each.correct]
    if not wrong:
        return
    wrong.sort(key=lambda each: -each.probabilities[each.prediction])
    table = _table("mistake, most certain first", "truth", "predicted as", "probability")
    for each in wrong[:_MOST_IMAGES]:
        probability = _score(each.probabilities[each.prediction])
        _add(table, Path(each.file).name, each.label, each.prediction, probability)
    console.result("")
    console.out.print(table)
    if len(wrong) > _MOST_IMAGES:
        console.result(f"and {len(wrong) - _MOST_IMAGES} more mistakes")


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for name in others:
        text = name in ("truth", "predicted as")
        table.add_column(name, justify="left" if text else "right", overflow="fold")
    return table


def _add(table: Table, *cells: str, style: str = "") -> None:
    table.add_row(*(Text(cell) for cell in cells), style=style)


def _say_absent(names: Sequence[str], verdict: str) -> None:
    console.result(f"Neither in the truth nor predicted, so {verdict}: {', '.join(names)}")


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
