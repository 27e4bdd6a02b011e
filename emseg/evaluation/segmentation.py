"""Scores of label images: overlap of each class, their means, and pixel accuracy.

All scores come from counts of pixels. For one class, TP are its pixels that are found, FP the
pixels that wrongly carry it, FN its pixels that carry another class or none. See Taha and
Hanbury, "Metrics for evaluating 3D medical image segmentation", BMC Medical Imaging 15, 29
(2015), for these definitions and what each is blind to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.confusion import Confusion
from emseg.evaluation.overlap import Overlap, counted


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


def segmentation_scores(confusion: Confusion) -> SegmentationScores:
    """Scores of everything that was counted, by the formulae of `Overlap`.

    Parameters
    ----------
    confusion : Confusion
        Pixels by reference and predicted class. Several images counted into one Confusion are
        pooled, so that a large image weighs more than a small one.
    """
    return scores_of_counts(confusion.names, counted(confusion))


def scores_of_counts(names: Sequence[str], sums: NDArray[np.float64]) -> SegmentationScores:
    """Scores of the pixels of each class that are right, predicted and true, shape (3 K,)."""
    _, predicted, true = np.split(sums.astype(np.int64), 3)
    overlap = Overlap(names)
    values = {
        key: None if np.isnan(value) else float(value)
        for key, value in zip(overlap.numbers, overlap.of_sums(sums[None])[0], strict=True)
    }
    classes = {
        name: ClassScores(
            iou=values["classes", name, "iou"],
            dice=values["classes", name, "dice"],
            precision=values["classes", name, "precision"],
            recall=values["classes", name, "recall"],
            pixels_reference=int(true[i]),
            pixels_prediction=int(predicted[i]),
        )
        for i, name in enumerate(names)
    }
    return SegmentationScores(
        classes=classes,
        mean_iou=values["mean", "iou"],
        mean_dice=values["mean", "dice"],
        pixel_accuracy=values["pixel_accuracy",],
        pixels=int(true.sum()),
    )
