"""How good a network is on its validation micrographs."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emseg.bundle import ModelCard, StoredModel
from emseg.config import Rescale
from emseg.evaluation import Confusion, segmentation_scores
from emseg.inference import Classifier, Segmenter
from emseg.inference.classifier import crop_starts
from emseg.micrograph import Micrograph
from emseg.training.holding_out import LabelledPlane
from emseg.training.images import LabelledMicrograph

_MOST_PIXELS = {"cpu": 3_000_000}  # a validation of more would eat the time of the training
_MOST_PIXELS_ELSEWHERE = 64_000_000
_NEAR = 0.02  # mean IoU above that of one class everywhere, which is no skill either
_log = logging.getLogger(__name__)
_Any = TypeVar("_Any")
Watch = Callable[[float], None]
"""Told which share of a validation is done; what it raises ends the validation."""


@dataclass(frozen=True, slots=True)
class ValidationScores:
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
    chance : float
        The best score of an answer that does not look: the same class always and everywhere.
    is_chance : bool
        Whether the score is not clearly above that.
    missed : tuple of str
        Classes that the micrographs show and the network never answers.
    """

    score: float
    loss: float
    scores: dict[str, float | None]
    chance: float = 0.0
    is_chance: bool = False
    missed: tuple[str, ...] = ()


class Judge(Protocol):
    """Judges networks on the same micrographs in the same way."""

    def judge(self, network: nn.Module, watch: Watch = lambda _share: None) -> ValidationScores:
        """Predict the validation micrographs and compare."""

    def prepare(self, network: nn.Module) -> Callable[[], object]:
        """Make ready what predicts one crop when it is called, for its time alone."""

    @property
    def crops(self) -> float:
        """About how many crops are predicted for a verdict."""

    @property
    def looked_at(self) -> int:
        """How many micrographs are judged by."""

    def limit(self, crops: float) -> None:
        """Judge by about so many crops from now on, where there are more; tells it."""


def _silent(card: ModelCard) -> ModelCard:
    """Leave out what would be measured, and told, of each micrograph at each validation."""
    return card.model_copy(update={"likeness": None})


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
        self.card, self.device = _silent(card), device
        self.planes = _affordable(planes, most, card.crop)

    def judge(self, network: nn.Module, watch: Watch = lambda _share: None) -> ValidationScores:
        """Mean IoU, and IoU and Dice of each class."""
        segmenter = self._segmenter(network)
        confusion = Confusion([each.name for each in self.card.classes])
        losses: list[tuple[float, int]] = []
        seen, pixels = 0, sum(plane.labels.pixels.size for plane in self.planes)
        for plane in self.planes:
            size = plane.labels.pixels.size

            def told(_: object, done: int, of: int, seen: int = seen, size: int = size) -> None:
                watch((seen + size * done / of) / pixels)

            answer = segmenter.segment(plane.micrograph, keep_probabilities=True, watch=told)
            confusion.update(answer.labels, plane.labels)
            if answer.probabilities is not None:
                losses.append(_surprise(answer.probabilities, plane.labels.pixels))
            seen += size
        return self._verdict(confusion, losses)

    def _verdict(
        self, confusion: Confusion, losses: Sequence[tuple[float, int]]
    ) -> ValidationScores:
        scores = segmentation_scores(confusion)
        columns: dict[str, float | None] = {
            "mean_iou": scores.mean_iou,
            "mean_dice": scores.mean_dice,
            "pixel_accuracy": scores.pixel_accuracy,
        }
        columns |= {f"iou.{name}": each.iou for name, each in scores.classes.items()}
        loss = sum(total for total, _ in losses) / max(1, sum(count for _, count in losses))
        true = np.array([each.pixels_reference for each in scores.classes.values()])
        chance = float(true.max() / max(1, true.sum()) / max(1, np.count_nonzero(true)))
        score = scores.mean_iou or 0.0
        missed = tuple(
            name
            for name, each in scores.classes.items()
            if each.pixels_reference and not each.pixels_prediction
        )
        return ValidationScores(score, loss, columns, chance, score < chance + _NEAR, missed)

    def _segmenter(self, network: nn.Module) -> Segmenter:
        model = StoredModel(Path(), self.card, network)
        return Segmenter.of(model, self.device, rescale=Rescale.NEVER)  # training did

    def prepare(self, network: nn.Module) -> Callable[[], object]:
        """Make ready to predict the middle of the first micrograph."""
        segmenter = self._segmenter(network)
        micrograph = _cut(self.planes[0].micrograph, self.card.crop)
        return lambda: segmenter.segment(micrograph)

    @property
    def crops(self) -> float:
        """About how many crops are predicted for a verdict."""
        pixels = sum(plane.labels.pixels.size for plane in self.planes)
        return float(max(1.0, pixels / self.card.crop**2))

    @property
    def looked_at(self) -> int:
        """How many micrographs are judged by."""
        return len(self.planes)

    def limit(self, crops: float) -> None:
        """Judge by the middles of micrographs, and of some only where even these are too many."""
        if crops >= self.crops:
            return
        kept = _spread(self.planes, int(crops))
        if len(kept) < len(self.planes):
            _log.warning(
                "validation looks at %d of %d micrographs, because all would take too much of the "
                "time",
                len(kept),
                len(self.planes),
            )
        self.planes = _affordable(kept, int(crops * self.card.crop**2), self.card.crop)


def _surprise(probabilities: NDArray[np.float32], labels: NDArray[Any]) -> tuple[float, int]:
    """Sum of -log p of the true class over the labelled pixels, and their number."""
    known = labels < len(probabilities)
    truth = np.where(known, labels, 0)[None].astype(np.int64)
    chosen = np.take_along_axis(probabilities, truth, axis=0)[0][known]
    return float(-np.log(np.maximum(chosen, 1e-7)).sum()), int(known.sum())


def _affordable(
    planes: Sequence[LabelledPlane], most: int, least: int
) -> tuple[LabelledPlane, ...]:
    """Cut planes to their middles, of at least so many pixels a side, where all are too many."""
    total = sum(plane.labels.pixels.size for plane in planes)
    if total <= most:
        return tuple(planes)
    share = (most / total) ** 0.5
    _log.warning(
        "validation looks at the middle %.0f %% of each micrograph's height and width, because "
        "all of %.3g million pixels would take too long",
        100 * share,
        total / 1e6,
    )
    return tuple(_middle(plane, share, least) for plane in planes)


def _middle(plane: LabelledPlane, share: float, least: int) -> LabelledPlane:
    rows, columns = (
        _middle_of(length, max(least, round(length * share))) for length in plane.micrograph.size
    )
    micrograph = plane.micrograph.part(rows, columns)
    labels = replace(plane.labels, pixels=plane.labels.pixels[rows, columns])
    return LabelledPlane(micrograph, labels, plane.statistics)


def _cut(micrograph: Micrograph, side: int) -> Micrograph:
    """Cut the middle square out of a micrograph."""
    whole = micrograph.without_bar
    rows, columns = (_middle_of(length, side) for length in whole.size)
    return whole.part(rows, columns)


def _middle_of(length: int, wanted: int) -> slice:
    """Choose so many pixels in the middle of an axis, or all of it."""
    start = max(0, (length - wanted) // 2)
    return slice(start, min(length, start + wanted))


def _spread(items: Sequence[_Any], count: int) -> tuple[_Any, ...]:
    """Take so many, at least one, spread evenly from the first to the last."""
    if count >= len(items):
        return tuple(items)
    places = np.linspace(0, len(items) - 1, max(1, count))
    return tuple(items[round(place)] for place in places)


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
        self.images, self.card, self.device = tuple(images), _silent(card), device

    def judge(self, network: nn.Module, watch: Watch = lambda _share: None) -> ValidationScores:
        """Accuracy and recall of each class, from all crops of each micrograph."""
        classifier = self._classifier(network)
        probabilities = np.empty((len(self.images), len(self.card.classes)))
        for number, image in enumerate(self.images):

            def told(_: object, done: int, of: int, number: int = number) -> None:
                watch((number + done / of) / len(self.images))

            answer = classifier.classify(image.micrograph, watch=told)
            probabilities[number] = answer.probabilities
        truth = np.array([each.label for each in self.images])
        answers = probabilities.argmax(axis=1)
        right = answers == truth
        loss = -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean()
        columns: dict[str, float | None] = {"accuracy": float(right.mean())}
        for index, each in enumerate(self.card.classes):
            members = truth == index
            columns[f"recall.{each.name}"] = float(right[members].mean()) if members.any() else None
        chance = float(np.bincount(truth).max() / len(truth))
        deviation = (chance * (1 - chance) / len(truth)) ** 0.5  # of an accuracy of that
        score = float(right.mean())
        is_chance = score <= chance + deviation and score < 1
        missed = tuple(
            each.name
            for index, each in enumerate(self.card.classes)
            if (truth == index).any() and not (answers == index).any()
        )
        return ValidationScores(score, float(loss), columns, chance, is_chance, missed)

    def _classifier(self, network: nn.Module) -> Classifier:
        model = StoredModel(Path(), self.card, network)
        return Classifier.of(model, self.device, rescale=Rescale.NEVER)  # training did

    def prepare(self, network: nn.Module) -> Callable[[], object]:
        """Make ready to classify the middle of the first micrograph."""
        classifier = self._classifier(network)
        micrograph = _cut(self.images[0].micrograph, self.card.crop)
        return lambda: classifier.classify(micrograph)

    @property
    def crops(self) -> float:
        """How many crops are predicted for a verdict."""
        sizes = [each.micrograph.without_bar.size for each in self.images]
        crop = self.card.crop
        return float(sum(len(crop_starts(y, crop)) * len(crop_starts(x, crop)) for y, x in sizes))

    @property
    def looked_at(self) -> int:
        """How many micrographs are judged by."""
        return len(self.images)

    def limit(self, crops: float) -> None:
        """Judge by one crop of each micrograph, and of some only where even these are too many."""
        if crops >= self.crops:
            return
        share, kept = crops / len(self.images), list[LabelledMicrograph]()
        for label in sorted({each.label for each in self.images}):
            members = [each for each in self.images if each.label == label]
            kept += _spread(members, round(share * len(members)))
        _log.warning(
            "validation looks at the middle %d x %d pixels of %d of %d micrographs, because all "
            "of them would take too much of the time",
            self.card.crop,
            self.card.crop,
            len(kept),
            len(self.images),
        )
        self.images = tuple(
            replace(each, micrograph=_cut(each.micrograph, self.card.crop)) for each in kept
        )
