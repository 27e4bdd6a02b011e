"""A prediction beside its reference, and where the two differ."""

from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emseg.errors import MismatchError
from emseg.evaluation import Confusion, segmentation_scores
from emseg.micrograph import LabelImage, Micrograph
from emseg.writing.display import (
    Size,
    background_class,
    colour_table,
    grey_picture,
    painted,
    shown_size,
)
from emseg.writing.picture import Entry, Panel, compose, pixel_note
from emseg.writing.previews import scaled, write_picture

_LONGEST = 640
_LISTED = 12
_UNLABELLED_COLOUR = (238, 238, 238)


class _Verdict(IntEnum):
    """What became of a pixel; the value is its place in `_VERDICT_COLOURS`."""

    CORRECT = 0
    MISSED = 1
    FALSE = 2
    CONFUSED = 3
    NOT_JUDGED = 4


# crimson, violet and black: apart from the class colours, and for colour-blind readers too
_VERDICT_COLOURS = np.array(
    [
        (0, 0, 0, 0),
        (214, 0, 70, 255),
        (110, 60, 230, 255),
        (0, 0, 0, 255),
        (*_UNLABELLED_COLOUR, 255),
    ],
    np.uint8,
)


def write_comparison(
    path: Path, micrograph: Micrograph, prediction: LabelImage, reference: LabelImage
) -> None:
    """Write a PNG with the micrograph, the reference, the prediction and their difference.

    In the difference, correct pixels are grey; in colour are those that belong to a class but
    were called background (missed), those that are background but were called a class (false),
    and those of one class that were called another. Background is the first class, or the one
    that covers most of the reference.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    micrograph : Micrograph, shape (C, Y, X)
        Any dtype.
    prediction, reference : LabelImage, shape (Y, X)
        Their classes are matched by name.

    Raises
    ------
    MismatchError
        When the three differ in size.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    for what, labels in (("prediction", prediction), ("reference", reference)):
        if labels.pixels.shape != micrograph.size:
            raise MismatchError(
                f"{path}: the {what} has {labels.pixels.shape} pixels (y, x) and the micrograph "
                f"{micrograph.title} {micrograph.size}; give images of the same size"
            )
    shown = shown_size(micrograph.size, micrograph.pixel_size, _LONGEST)
    picture = grey_picture(micrograph, shown)
    verdicts = _verdicts(prediction, reference)
    panels = (
        Panel(scaled(picture, micrograph), "Micrograph"),
        Panel(_class_map(reference, shown), "Reference"),
        Panel(_class_map(prediction, shown), "Prediction"),
        Panel(_difference(picture, verdicts), "Difference"),
    )
    header = f"{micrograph.title}: {_scores(prediction, reference)}"
    legend = [*_class_legend(prediction, reference), *_verdict_legend(verdicts, reference)]
    write_picture(path, compose(header, pixel_note(micrograph.pixel_size), panels, legend))


def _scores(prediction: LabelImage, reference: LabelImage) -> str:
    """Mean IoU and pixel accuracy in words."""
    confusion = Confusion(tuple(dict.fromkeys((*reference.names, *prediction.names))))
    confusion.update(prediction, reference)
    scores = segmentation_scores(confusion)
    if scores.mean_iou is None:
        return "nothing is labelled"
    return f"mean IoU {scores.mean_iou:.3f}, pixel accuracy {scores.pixel_accuracy:.3f}"


def _verdicts(prediction: LabelImage, reference: LabelImage) -> NDArray[np.uint8]:
    """Judge each pixel, shape (Y, X), values of `_Verdict`."""
    background = background_class(reference)
    found = _translated(prediction, reference)
    judged = reference.pixels != reference.unlabelled
    is_background = reference.pixels == background
    called_background = (found == background) | (found == -1)
    conditions = (
        ~judged,
        found == reference.pixels,
        called_background & ~is_background,
        is_background,
    )
    kinds = (_Verdict.NOT_JUDGED, _Verdict.CORRECT, _Verdict.MISSED, _Verdict.FALSE)
    return np.select(conditions, kinds, _Verdict.CONFUSED).astype(np.uint8)


def _translated(prediction: LabelImage, reference: LabelImage) -> NDArray[np.int32]:
    """Give the prediction the reference's indices; -1 is no class, -2 one it does not have."""
    place = {name: index for index, name in enumerate(reference.names)}
    table = np.full(prediction.unlabelled + 1, -1, np.int32)
    table[: len(prediction.names)] = [place.get(name, -2) for name in prediction.names]
    return np.take(table, prediction.pixels)


def _class_map(labels: LabelImage, shown: Size) -> Image.Image:
    """Paint the classes in their full colours, unlabelled pixels nearly white."""
    table = colour_table(labels)
    table[table[:, 3] == 0] = (*_UNLABELLED_COLOUR, 255)
    return painted(labels.pixels, table, shown).convert("RGB")


def _difference(picture: Image.Image, verdicts: NDArray[np.uint8]) -> Image.Image:
    """Mistakes in colour over a pale picture of the micrograph."""
    pale = Image.blend(picture, Image.new("RGB", picture.size, (200, 200, 200)), 0.6)
    mistakes = painted(verdicts, _VERDICT_COLOURS, (picture.height, picture.width))
    return Image.alpha_composite(pale.convert("RGBA"), mistakes).convert("RGB")


def _class_legend(prediction: LabelImage, reference: LabelImage) -> list[Entry]:
    """Classes of both, the reference's first; the first dozen of many."""
    classes = {each.name: each for each in (*prediction.classes, *reference.classes)}
    names = list(dict.fromkeys((*reference.names, *prediction.names)))
    legend = [Entry(name, classes[name].colour) for name in names[:_LISTED]]
    if len(names) > _LISTED:
        legend.append(Entry(f"{len(names) - _LISTED} more classes", None))
    return legend


def _verdict_legend(verdicts: NDArray[np.uint8], reference: LabelImage) -> list[Entry]:
    """Kinds of mistakes with their share of the labelled pixels."""
    background = reference.names[background_class(reference)]
    counts = np.bincount(verdicts.ravel(), minlength=len(_Verdict))
    judged = max(1, verdicts.size - int(counts[_Verdict.NOT_JUDGED]))
    meanings = {
        _Verdict.MISSED: f"missed, called {background}:",
        _Verdict.FALSE: f"false, is {background}:",
        _Verdict.CONFUSED: "called another class:",
    }
    legend = []
    for kind, meaning in meanings.items():
        if kind is not _Verdict.CONFUSED or counts[kind]:
            red, green, blue = (int(each) for each in _VERDICT_COLOURS[kind, :3])
            text = f"{meaning} {100 * counts[kind] / judged:.2f} %"
            legend.append(Entry(text, (red, green, blue)))
    if counts[_Verdict.NOT_JUDGED]:
        legend.append(Entry("not labelled", _UNLABELLED_COLOUR))
    return legend
