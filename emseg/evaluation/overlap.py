"""Overlap of each class, and the means over classes, of any mixture of images."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.averages import mean_of_defined
from emseg.evaluation.confusion import Confusion
from emseg.evaluation.description import Description, Group, describe_score
from emseg.evaluation.metric import Additive, ComparedPair, Key, of_classes

HEADLINE: Key = ("mean", "iou")
"""The number that was named before anyone looked; in comparisons its p-value is not adjusted."""

_score = partial(describe_score, group=Group.OVERLAP)
_IOU = _score("IoU", "overlap of prediction and reference over their union", "IoU", is_tested=True)
_DICE = _score("Dice", "the same overlap on another scale, F1 of the pixels", "Dice")
_OF_A_CLASS = {
    "iou": _IOU,
    "dice": _DICE,
    "precision": _score("Precision", "how much of what was found is right", "precision"),
    "recall": _score("Recall", "how much of what is there was found", "recall"),
}
_OVER_ALL: dict[Key, Description] = {
    HEADLINE: _IOU.averaged("IoU", is_tested=True),
    ("mean", "dice"): _DICE.averaged("Dice"),
    ("pixel_accuracy",): _score(
        "Pixel accuracy", "labelled pixels that are right", "pixel accuracy", is_tested=True
    ),
}


class Overlap(Additive):
    """IoU, Dice, precision and recall of each class, their means, and pixel accuracy.

    For one class, TP are its pixels that are found, FP the pixels that wrongly carry it, FN its
    pixels that carry another class or none::

        IoU = TP / (TP + FP + FN)          precision = TP / (TP + FP)
        Dice = 2 TP / (2 TP + FP + FN)     recall = TP / (TP + FN)

    IoU is the index of Jaccard (1912), Dice the coefficient of Dice (1945), equal to F1. See Taha
    and Hanbury, BMC Medical Imaging 15, 29 (2015), for what each is blind to. Pixels are pooled
    over images, as in the PASCAL VOC challenge (Everingham et al., Int. J. Comput. Vis. 88, 2010).
    A class that neither side holds has no scores; one that only one side holds has scores of 0, a
    precision of 0 / 0 included. The means are over the classes that have scores.

    Parameters
    ----------
    names : sequence of str
        The K classes.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    @property
    def numbers(self) -> Mapping[Key, Description]:
        """Four numbers a class, then the means and the pixel accuracy: 4 K + 3."""
        return of_classes(self.names, _OF_A_CLASS) | _OVER_ALL

    def look(self, pair: ComparedPair) -> NDArray[np.float64]:
        """Count the pixels of each class that are right, predicted and true, shape (3 K,)."""
        return counted(pair.confusion)

    def of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the numbers of counts; see `Additive.of_sums`."""
        found, predicted, true = np.split(sums, 3, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            iou = found / (predicted + true - found)
            dice = 2 * found / (predicted + true)
            precision = np.where(
                predicted > 0, found / predicted, iou
            )  # 0 where only masks have it
            recall = np.where(true > 0, found / true, iou)
            accuracy = found.sum(axis=1) / true.sum(axis=1)
        classes = np.stack([iou, dice, precision, recall], axis=2).reshape(len(sums), -1)
        means = np.stack([mean_of_defined(iou), mean_of_defined(dice), accuracy], axis=1)
        return np.concatenate([classes, means], axis=1)


def counted(confusion: Confusion) -> NDArray[np.float64]:
    """Take from a confusion the pixels of each class that are right, predicted and true, (3 K,)."""
    return counts_of(confusion.counts, confusion.missed)


def counts_of(counts: NDArray[np.int64], missed: NDArray[np.int64]) -> NDArray[np.float64]:
    """Do the same with its two arrays, shapes (K, K) and (K,)."""
    true = counts.sum(axis=1) + missed
    return np.concatenate([counts.diagonal(), counts.sum(axis=0), true]).astype(np.float64)
