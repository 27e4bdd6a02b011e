"""Scores of label images: overlap of each class, their means, and pixel accuracy.

All scores come from counts of pixels. For one class, TP are its pixels that are found, FP the
pixels that wrongly carry it, FN its pixels that carry another class or none. See Taha and
Hanbury, "Metrics for evaluating 3D medical image segmentation", BMC Medical Imaging 15, 29
(2015), for these definitions and what each is blind to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emseg.evaluation.confusion import Confusion
from emseg.evaluation.overlap import OF_A_CLASS, Overlap, counted
from emseg.micrograph import LabelImage


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How well one class was found; scores are fractions between 0 and 1.

    A class that neither the prediction nor the reference holds has no scores (None). A class
    that only one of them holds has scores of 0, a precision of 0 / 0 included.

    Parameters
    ----------
    iou : float or None
        Intersection over union, TP / (TP + FP + FN): the index of Jaccard (1912).
    dice : float or None
        2 TP / (2 TP + FP + FN): the coefficient of Dice (1945), equal to F1.
    precision : float or None
        TP / (TP + FP): how much of what was predicted is right.
    recall : float or None
        TP / (TP + FN): how much of what is there was found.
    pixels_reference, pixels_prediction : int
        Pixels of the class in each, where the reference is labelled.
    """

    iou: float | None
    dice: float | None
    precision: float | None
    recall: float | None
    pixels_reference: int
    pixels_prediction: int


@dataclass(frozen=True, slots=True)
class SegmentationScores:
    """Scores of one label image, or of several with their pixels pooled.

    Parameters
    ----------
    classes : mapping of str to ClassScores
        In the order of the classes.
    mean_iou, mean_dice : float or None
        Averages over the classes that are present, class 0 included; None when nothing is
        labelled.
    pixel_accuracy : float or None
        Pixels with the right class over labelled pixels.
    pixels : int
        Labelled pixels of the reference.
    """

    classes: Mapping[str, ClassScores]
    mean_iou: float | None
    mean_dice: float | None
    pixel_accuracy: float | None
    pixels: int

    @property
    def absent(self) -> tuple[str, ...]:
        """Classes that neither side holds; they are left out of the means."""
        return tuple(name for name, scores in self.classes.items() if scores.iou is None)

    def as_json(self) -> dict[str, Any]:
        """Nest the scores as ``metrics.json`` does; None becomes null."""
        return {
            "classes": {
                name: {
                    "iou": scores.iou,
                    "dice": scores.dice,
                    "precision": scores.precision,
                    "recall": scores.recall,
                }
                for name, scores in self.classes.items()
            },
            "mean": {"iou": self.mean_iou, "dice": self.mean_dice},
            "pixel_accuracy": self.pixel_accuracy,
            "absent": list(self.absent),
        }


@dataclass(frozen=True, slots=True)
class ImageScores:
    """The scores of one image under its name."""

    name: str
    scores: SegmentationScores


@dataclass(frozen=True, slots=True)
class SegmentationReport:
    """What an evaluation of label images found.

    Parameters
    ----------
    pooled : SegmentationScores
        Of the pixels of all images together.
    images : tuple of ImageScores
        Of each image by itself.
    """

    pooled: SegmentationScores
    images: tuple[ImageScores, ...]

    def as_json(self) -> dict[str, Any]:
        """Exactly what ``metrics.json`` holds."""
        images = [{"name": each.name, **each.scores.as_json()} for each in self.images]
        return {**self.pooled.as_json(), "images": images}

    def as_rows(self) -> list[dict[str, object]]:
        """One row an image, as ``metrics.csv`` holds them; an empty cell is a missing class."""
        return [{"image": each.name, **_cells(each.scores)} for each in self.images]


def segmentation_scores(confusion: Confusion) -> SegmentationScores:
    """Scores of everything that was counted, by the formulae of `Overlap`.

    Parameters
    ----------
    confusion : Confusion
        Pixels by reference and predicted class. Several images counted into one Confusion are
        pooled, so that a large image weighs more than a small one.
    """
    sums = counted(confusion)
    _, predicted, true = np.split(sums.astype(np.int64), 3)
    overlap = Overlap(confusion.names)
    values = {
        key: None if np.isnan(value) else float(value)
        for key, value in zip(overlap.keys, overlap.of_sums(sums[None])[0], strict=True)
    }
    classes = {
        name: ClassScores(
            *(values["classes", name, kind] for kind in OF_A_CLASS),
            pixels_reference=int(true[i]),
            pixels_prediction=int(predicted[i]),
        )
        for i, name in enumerate(confusion.names)
    }
    return SegmentationScores(
        classes=classes,
        mean_iou=values["mean", "iou"],
        mean_dice=values["mean", "dice"],
        pixel_accuracy=values["pixel_accuracy",],
        pixels=int(true.sum()),
    )


def segmentation_report(
    names: Sequence[str], pairs: Iterable[tuple[str, LabelImage, LabelImage]]
) -> SegmentationReport:
    """Score pairs of label images, each by itself and all of them pooled.

    Parameters
    ----------
    names : sequence of str
        The classes that are compared.
    pairs : iterable of (str, LabelImage, LabelImage)
        Name in the report, prediction, reference; taken one at a time.

    Raises
    ------
    MismatchError, UnknownNameError, LabelError
        As `Confusion.update` does.
    """
    pooled, images = Confusion(names), []
    for name, prediction, reference in pairs:
        confusion = Confusion(names)
        confusion.update(*_on_specimen(prediction, reference))
        pooled += confusion
        images.append(ImageScores(name, segmentation_scores(confusion)))
    return SegmentationReport(segmentation_scores(pooled), tuple(images))


def _on_specimen(prediction: LabelImage, reference: LabelImage) -> tuple[LabelImage, LabelImage]:
    """Leave the information bar out of both; a reference may have been cut without it."""
    region = prediction.specimen
    if region is None:
        return prediction, reference
    cut = replace(prediction, pixels=prediction.pixels[region.slices], specimen=None)
    if reference.pixels.shape == region.size:
        return cut, reference
    if reference.pixels.shape != prediction.pixels.shape:
        return prediction, reference
    return cut, replace(reference, pixels=reference.pixels[region.slices])


def _cells(scores: SegmentationScores) -> dict[str, object]:
    cells: dict[str, object] = {
        "pixels": scores.pixels,
        "pixel_accuracy": scores.pixel_accuracy,
        "mean.iou": scores.mean_iou,
        "mean.dice": scores.mean_dice,
    }
    for name, each in scores.classes.items():
        cells[f"{name}.iou"] = each.iou
        cells[f"{name}.dice"] = each.dice
        cells[f"{name}.precision"] = each.precision
        cells[f"{name}.recall"] = each.recall
    return cells
