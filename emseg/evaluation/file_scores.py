"""The numbers of a classifier for any mixture of files, so that they get intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.averages import mean_of_defined
from emseg.evaluation.description import Better, Description, Group, NumberScale, describe_score
from emseg.evaluation.metric import Key, of_classes
from emseg.evaluation.metrics.calibration import BRIER_SCORE, CALIBRATION_ERROR

_score = partial(describe_score, group=Group.OVERLAP)
_ranked = partial(describe_score, group=Group.PROBABILITIES)
_AVERAGE = "Average precision", "precision averaged over all thresholds", ""
_KAPPA = "Cohen's kappa"
_OVERALL: dict[Key, Description] = {
    ("accuracy",): _score("Accuracy", "files with the right class", "accuracy"),
    ("balanced_accuracy",): _score(
        "Balanced accuracy", "recall averaged over the classes", "balanced accuracy"
    ),
    ("macro_f1",): _score("Mean F1", "F1 averaged over the classes", "macro F1"),
    ("cohen_kappa",): _score(
        _KAPPA,
        "agreement beyond chance: 0 is chance, 1 perfect",
        _KAPPA,
        scale=NumberScale(-1.0, 1.0, Better.HIGHER),
    ),
    ("brier_score",): replace(BRIER_SCORE, heading="", is_tested=False),
    ("calibration_error",): CALIBRATION_ERROR,
}
_OF_A_CLASS = {
    "precision": _score("Precision", "how much of the files given the class is right", "precision"),
    "recall": _score("Recall", "how much of its files were found", "recall"),
    "f1": _score("F1", "precision and recall in one number", "F1", place=-1),
    "average_precision": _ranked(*_AVERAGE),
    "roc_auc": _ranked("ROC area", "how well the probability ranks the files", ""),
}
_WITHOUT_INTERVAL = ("calibration_error", "average_precision", "roc_auc")


def numbers_of_files(names: Sequence[str], top_k: int) -> dict[Key, Description]:
    """Describe the numbers of a classifier of these classes, up to the top-k accuracy of this k."""
    top: dict[Key, Description] = {
        ("top_k", str(k)): _score(f"Top-{k} accuracy", "", f"top-{k}" if k > 1 else "")
        for k in range(1, top_k + 1)
    }
    return _OVERALL | top | of_classes(names, _OF_A_CLASS)


@dataclass(frozen=True, slots=True)
class FileScores:
    """Accuracy, its balanced and top-k forms, kappa, and the scores of each class.

    The formulae are those of `ClassificationReport` and `ClassifierScores`; what is seen of a file
    is what `seen_of_files` gives.

    Parameters
    ----------
    names : tuple of str
        The K classes.
    top_k : int
        The largest k of the top-k accuracy.
    """

    names: tuple[str, ...]
    top_k: int

    @property
    def numbers(self) -> Mapping[Key, Description]:
        """Five numbers, the top-k accuracies, and three numbers a class."""
        described = numbers_of_files(self.names, self.top_k).items()
        return {key: each for key, each in described if key[-1] not in _WITHOUT_INTERVAL}

    def scores(
        self, seen: Sequence[NDArray[np.float64]], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Compute the numbers of mixtures of the files, as `Metric.scores` says."""
        count = len(self.names)
        sums = weights @ np.stack(seen)
        found, predicted, true = np.split(sums[:, : 3 * count], 3, axis=1)
        top, squares = sums[:, 3 * count : -1], sums[:, -1:]
        files = true.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            accuracy = found.sum(axis=1, keepdims=True) / files
            recall = np.where(true > 0, found / true, np.nan)
            f1 = 2 * found / (predicted + true)
            chance = (predicted * true).sum(axis=1, keepdims=True) / files**2
            kappa = np.where(chance < 1, (accuracy - chance) / (1 - chance), np.nan)
            # 0 where the class is only true, or only predicted
            precision = np.where(predicted > 0, found / predicted, f1)
            classes = np.stack([precision, np.where(true > 0, recall, f1), f1], axis=2)
            averages = [mean_of_defined(recall)[:, None], mean_of_defined(f1)[:, None]]
            columns = [accuracy, *averages, kappa, squares / files, top / files]
        return np.concatenate([*columns, classes.reshape(len(sums), -1)], axis=1)


def seen_of_files(
    truth: NDArray[np.int64], probabilities: NDArray[np.float64], top_k: int
) -> list[NDArray[np.float64]]:
    """Keep of each file what `FileScores` needs.

    Parameters
    ----------
    truth : array of int, shape (n,)
        Index of the true class of each file.
    probabilities : array of float64, shape (n, K)
        Equal ones rank in the order of the classes.
    top_k : int
        The largest k of the top-k accuracy.
    """
    count = probabilities.shape[1]
    ranking = np.argsort(-probabilities, axis=1, kind="stable")
    rank = np.argmax(ranking == truth[:, None], axis=1)
    true, predicted = np.eye(count)[truth], np.eye(count)[ranking[:, 0]]
    top = rank[:, None] < np.arange(1, top_k + 1)
    squares = ((probabilities - true) ** 2).sum(axis=1, keepdims=True)
    return list(np.concatenate([true * predicted, predicted, true, top, squares], axis=1))
