"""A prediction beside its reference, and where the two differ."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emseg.errors import MismatchError
from emseg.evaluation import Confusion, segmentation_scores
from emseg.micrograph import LabelImage, Micrograph
from emseg.reporting.verdicts import (
    UNLABELLED_COLOUR,
    VERDICT_COLOURS,
    PixelVerdicts,
    verdict_legend,
    verdicts_of,
)
from emseg.writing.display import (
    background_class,
    colour_table,
    grey_picture,
    painted,
    shown_size,
)
from emseg.writing.picture import Panel, PictureEntry, compose, pixel_note
from emseg.writing.previews import scaled, write_picture
from emseg.writing.reduction import Size

_LONGEST = 640
_LISTED = 12


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
    verdicts = verdicts_of(prediction, reference)
    panels = (
        Panel(scaled(picture, micrograph), "Micrograph"),
        Panel(_class_map(reference, shown), "Reference"),
        Panel(_class_map(prediction, shown), "Prediction"),
        Panel(_difference(picture, verdicts), "Difference"),
    )
    header = f"{micrograph.title}: {_scores(prediction, reference)}"
    counts = np.bincount(verdicts.ravel(), minlength=len(PixelVerdicts))
    background = reference.names[background_class(reference)]
    legend = [*_class_legend(prediction, reference), *verdict_legend(counts, background)]
    write_picture(path, compose(header, pixel_note(micrograph.pixel_size), panels, legend))


def _scores(prediction: LabelImage, reference: LabelImage) -> str:
    """Mean IoU and pixel accuracy in words."""
    confusion = Confusion(tuple(dict.fromkeys((*reference.names, *prediction.names))))
    confusion.update(prediction, reference)
    scores = segmentation_scores(confusion)
    if scores.mean_iou is None:
        return "nothing is labelled"
    return f"mean IoU {scores.mean_iou:.3f}, pixel accuracy {scores.pixel_accuracy:.3f}"


def _class_map(labels: LabelImage, shown: Size) -> Image.Image:
    """Paint the classes in their full colours, unlabelled pixels nearly white."""
    table = colour_table(labels)
    table[table[:, 3] == 0] = (*UNLABELLED_COLOUR, 255)
    return painted(labels.pixels, table, shown).convert("RGB")


def _difference(picture: Image.Image, verdicts: NDArray[np.uint8]) -> Image.Image:
    """Mistakes in colour over a pale picture of the micrograph."""
    pale = Image.blend(picture, Image.new("RGB", picture.size, (200, 200, 200)), 0.6)
    mistakes = painted(verdicts, VERDICT_COLOURS, (picture.height, picture.width))
    return Image.alpha_composite(pale.convert("RGBA"), mistakes).convert("RGB")


def _class_legend(prediction: LabelImage, reference: LabelImage) -> list[PictureEntry]:
    """Classes of both, the reference's first; the first dozen of many."""
    classes = {each.name: each for each in (*prediction.classes, *reference.classes)}
    names = list(dict.fromkeys((*reference.names, *prediction.names)))
    legend = [PictureEntry(name, classes[name].colour) for name in names[:_LISTED]]
    if len(names) > _LISTED:
        legend.append(PictureEntry(f"{len(names) - _LISTED} more classes", None))
    return legend
