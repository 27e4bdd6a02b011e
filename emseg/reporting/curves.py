"""How a training went: loss and validation scores over steps."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emseg.errors import PathMissingError, UnreadableFileError
from emseg.reporting.figures import new_figure, plain, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCORES = {"val_mean_iou": "mean IoU", "val_accuracy": "accuracy"}
_CLASS_PREFIX = "val_iou."
_MOST_CLASSES = 10
_DOTTED_TO = 30  # points up to which each is shown as a dot
_SMOOTHED_FROM = 60  # points from which a running mean is easier to read than the points
# Okabe and Ito (2008); black is kept for the mean
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")


@dataclass(frozen=True, slots=True)
class _Curve:
    """Values of one column with the steps at which it has any."""

    steps: tuple[float, ...]
    values: tuple[float, ...]


def write_curves(path: Path, metrics_csv: Path) -> None:
    """Write a PNG with the loss and the validation scores of a run over its steps.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    metrics_csv : Path
        Table of the run with the column ``step`` and any of ``train_loss``, ``val_loss``,
        ``val_mean_iou``, ``val_accuracy`` and ``val_iou.<class>``; cells may be empty.

    Raises
    ------
    PathMissingError
        When there is no table.
    UnreadableFileError
        When the table holds no step with a number.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    from matplotlib.ticker import MaxNLocator

    curves = _read_curves(metrics_csv)
    of_classes = (column for column in curves if column.startswith(_CLASS_PREFIX))
    scores = [*(column for column in _SCORES if column in curves), *of_classes]
    figure = new_figure(11 if scores else 5.6, 4)
    axes = figure.subplots(1, 2 if scores else 1, squeeze=False)[0]
    _draw_losses(axes[0], curves)
    if scores:
        _draw_scores(axes[1], curves, list(dict.fromkeys(scores)))
    for each in axes:
        each.set_xlabel("step")
        each.xaxis.set_major_locator(MaxNLocator(integer=True))
        each.grid(color="0.9", linewidth=0.8)
        each.spines[["top", "right"]].set_visible(False)
        each.margins(x=0.02)
    write_figure(path, figure)


def _read_curves(metrics_csv: Path) -> dict[str, _Curve]:
    """Columns that hold numbers, by name."""
    if not metrics_csv.is_file():
        raise PathMissingError(f"{metrics_csv} is missing; train the run first")
    try:
        with metrics_csv.open(encoding="utf-8", newline="") as handle:
            rows = [row for row in csv.DictReader(handle) if _number(row.get("step")) is not None]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFileError(
            f"{metrics_csv} is no table ({error}); give the metrics.csv of a run"
        ) from error
    names = [name for name in rows[0] if name and name != "step"] if rows else []
    curves = {name: _curve(rows, name) for name in names}
    found = {name: curve for name, curve in curves.items() if curve.steps}
    if not found:
        raise UnreadableFileError(
            f"{metrics_csv} holds no numbers beside a step; give the metrics.csv of a run"
        )
    return found


def _curve(rows: Sequence[Mapping[str, str]], name: str) -> _Curve:
    """One column without its empty cells."""
    points = [
        (step, value)
        for row in rows
        if (step := _number(row["step"])) is not None
        and (value := _number(row.get(name))) is not None
    ]
    return _Curve(tuple(step for step, _ in points), tuple(value for _, value in points))


def _number(cell: str | None) -> float | None:
    """Read the finite number in a cell, None when there is none."""
    try:
        number = float(cell or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _draw_losses(axes: "Axes", curves: Mapping[str, _Curve]) -> None:
    """Draw the training loss, smoothed when it is long, and the validation loss."""
    axes.set_ylabel("loss")
    train = curves.get("train_loss")
    if train is not None and len(train.steps) >= _SMOOTHED_FROM:
        axes.plot(train.steps, train.values, color=_COLOURS[0], alpha=0.25, linewidth=0.8)
        train = _Curve(train.steps, _smoothed(train.values))
    if train is not None:
        _draw(axes, train, _COLOURS[0], "training")
    if "val_loss" in curves:
        _draw(axes, curves["val_loss"], _COLOURS[5], "validation")
    if axes.lines:
        axes.legend(frameon=False)


def _draw_scores(axes: "Axes", curves: Mapping[str, _Curve], columns: Sequence[str]) -> None:
    """Draw the mean in black with its best value, the classes in colour."""
    axes.set_ylabel("validation score")
    axes.set_ylim(0, 1.02)
    for column in (column for column in columns if column in _SCORES):
        _draw(axes, curves[column], "black", _SCORES[column], width=2.2)
        _mark_best(axes, curves[column])
    classes = [column for column in columns if column not in _SCORES]
    for number, column in enumerate(classes[:_MOST_CLASSES]):
        name = plain(column.removeprefix(_CLASS_PREFIX))
        colour = _COLOURS[number % len(_COLOURS)]
        _draw(
            axes, curves[column], colour, f"IoU {name}", width=1.2, repeats=number >= len(_COLOURS)
        )
    if len(classes) > _MOST_CLASSES:
        axes.plot([], [], " ", label=f"and {len(classes) - _MOST_CLASSES} more classes")
    axes.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))


def _draw(
    axes: "Axes",
    curve: _Curve,
    colour: str,
    label: str,
    *,
    width: float = 1.6,
    repeats: bool = False,
) -> None:
    """Draw one curve, with dots when it has few points, of which one alone draws no line."""
    axes.plot(
        curve.steps,
        curve.values,
        color=colour,
        label=label,
        linewidth=width,
        linestyle="--" if repeats else "-",
        marker="." if len(curve.steps) <= _DOTTED_TO else "",
    )


def _mark_best(axes: "Axes", curve: _Curve) -> None:
    """Ring the highest value and write it beside."""
    best = max(range(len(curve.values)), key=curve.values.__getitem__)
    place = curve.steps[best], curve.values[best]
    axes.plot(*place, "o", markersize=9, markerfacecolor="none", markeredgecolor="black")
    axes.annotate(
        f"best {place[1]:.3f}",
        place,
        xytext=(4, 9),
        textcoords="offset points",
        ha="right",  # the best is often the last, and the legend stands to its right
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        annotation_clip=False,
    )


def _smoothed(values: Sequence[float]) -> tuple[float, ...]:
    """Centred running mean over a twentieth of the points."""
    half = max(1, len(values) // 40)
    windows = (values[max(0, i - half) : i + half + 1] for i in range(len(values)))
    return tuple(sum(window) / len(window) for window in windows)
