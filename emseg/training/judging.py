"""How good a network is on its validation micrographs."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emseg.bundle import Model, ModelCard
from emseg.config import Rescale
from emseg.evaluation import Confusion, segmentation_scores
from emseg.inference import Classifier, Segmenter
from emseg.training.holding_out import LabelledPlane
from emseg.training.images import LabelledMicrograph

_MOST_PIXELS = {"cpu": 3_000_000}  # a validation of more would eat the time of the training
_MOST_PIXELS_ELSEWHERE = 64_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Scores of a network.

    Parameters
    ----------
    score : float
        What the best network is chosen by: mean IoU or accuracy.
    loss : float
        Mean negative logarithm of the probability of the true class.
    scores : dict
        Every score by its name in ``metrics.csv``, without the prefix ``val_``; None where
        a class does not occur.
    """

    score: float
    loss: float
    scores: dict[str, float | None]


class Judge(Protocol):
    """Judges networks on the same micrographs in the same way."""

    def judge(self, network: nn.Module) -> Verdict:
        """Predict the validation micrographs and compare."""


class SegmentationJudge:
    """Judges by the pooled pixels of the validation micrographs.

    Parameters
    ----------
    planes : sequence of LabelledPlane
        Cropped to their middle when there is more than the device predicts in a moment.
    card : ModelCard
        How the network is applied.
    device : torch.device
        Where.
    """

    def __init__(
        self, planes: Sequence[LabelledPlane], card: ModelCard, device: torch.device
    ) -> None:
        most = _MOST_PIXELS.get(device.type, _MOST_PIXELS_ELSEWHERE)
        self.planes, self.card, self.device = _affordable(planes, most), card, device

    def judge(self, network: nn.Module) -> Verdict:
        """Mean IoU, and IoU and Dice of each class."""
        model = Model(Path(), self.card, network)
        segmenter = Segmenter(model, self.device, rescale=Rescale.NEVER)  # training did
        confusion = Confusion([each.name for each in self.card.classes])
        losses: list[tuple[float, int]] = []
        for plane in self.planes:
            answer = segmenter.segment(plane.micrograph, keep_probabilities=True)
            confusion.update(answer.labels, plane.labels)
            if answer.probabilities is not None:
                losses.append(_surprise(answer.probabilities, plane.labels.pixels))
        scores = segmentation_scores(confusion)
        columns: dict[str, float | None] = {
            "mean_iou": scores.mean_iou,
            "mean_dice": scores.mean_dice,
            "pixel_accuracy": scores.pixel_accuracy,
        }
        columns |= {f"iou.{name}": each.iou for name, each in scores.classes.items()}
        pixels = sum(count for _, count in losses)
        loss = sum(total for total, _ in losses) / max(1, pixels)
        return Verdict(scores.mean_iou or 0.0, loss, columns)


def _surprise(probabilities: NDArray[np.float32], labels: NDArray[Any]) -> tuple[float, int]:
    """Sum of -log p of the true class over the labelled pixels, and their number."""
    known = labels < len(probabilities)
    truth = np.where(known, labels, 0)[None].astype(np.int64)
    chosen = np.take_along_axis(probabilities, truth, axis=0)[0][known]
    return float(-np.log(np.maximum(chosen, 1e-7)).sum()), int(known.sum())


def _affordable(planes: Sequence[LabelledPlane], most: int) -> tuple[LabelledPlane, ...]:
    total = sum(plane.labels.pixels.size for plane in planes)
    if total <= most:
        return tuple(planes)
    share = (most / total) ** 0.5
    _log.warning(
        "validation looks at the middle %.0f %% of each micrograph's height and width, because "
        "all of %.0f million pixels would take too long",
        100 * share,
        total / 1e6,
    )
    return tuple(_middle(plane, share) for plane in planes)


def _middle(plane: LabelledPlane, share: float) -> LabelledPlane:
    rows, columns = (
        slice(round(length * (1 - share) / 2), max(1, round(length * (1 + share) / 2)))
        for length in plane.micrograph.size
    )
    micrograph = replace(plane.micrograph, pixels=plane.micrograph.pixels[:, rows, columns])
    labels = replace(plane.labels, pixels=plane.labels.pixels[rows, columns])
    return LabelledPlane(micrograph, labels, plane.statistics)


class ClassificationJudge:
    """Judges by the micrographs as prediction sees them: by the mean over their crops.

    Parameters
    ----------
    images : sequence of LabelledMicrograph
        All of them are judged.
    card : ModelCard
        How the network is applied.
    device : torch.device
        Where.
    """

    def __init__(
        self, images: Sequence[LabelledMicrograph], card: ModelCard, device: torch.device
    ) -> None:
        self.images, self.card, self.device = tuple(images), card, device

    def judge(self, network: nn.Module) -> Verdict:
        """Accuracy and recall of each class, from all crops of each micrograph."""
        model = Model(Path(), self.card, network)
        classifier = Classifier(model, self.device, rescale=Rescale.NEVER)  # training did
        answers = [classifier.classify(each.micrograph).probabilities for each in self.images]
        truth = np.array([each.label for each in self.images])
        probabilities = np.array(answers)
        right = probabilities.argmax(axis=1) == truth
        loss = -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean()
        columns: dict[str, float | None] = {"accuracy": float(right.mean())}
        for index, each in enumerate(self.card.classes):
            members = truth == index
            columns[f"recall.{each.name}"] = float(right[members].mean()) if members.any() else None
        return Verdict(float(right.mean()), float(loss), columns)
