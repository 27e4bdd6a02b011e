"""Scores of a classifier: one class a file.

For one class, TP are its files that are recognised, FP the files wrongly given it, FN its files
given another class. See Sokolova and Lapalme, "A systematic analysis of performance measures
for classification tasks", Inf. Process. Manag. 45, 427 (2009).
"""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emseg.errors import ContentError, UnknownNameError
from emseg.evaluation.averages import mean_of_present
from emseg.evaluation.caveats import Counts, caveats
from emseg.evaluation.choice import MetricSelection
from emseg.evaluation.confidence import IMAGE, Interval, UnitSource, group_images, intervals, remark
from emseg.evaluation.file_scores import FileScores, numbers_of_files, seen_of_files
from emseg.evaluation.metric import Key
from emseg.evaluation.metrics.calibration import BinnedCalibration
from emseg.evaluation.metrics.probabilities import ProbabilitySummary, summarise_probabilities
from emseg.evaluation.nesting import intervals_as_json
from emseg.evaluation.report import Number, of_training

_log = logging.getLogger(__name__)

_MOST_TOP_K = 5


@dataclass(frozen=True, slots=True)
class ClassifiedFile:
    """What a classifier said about one file whose class is known.

    Parameters
    ----------
    file : str
        Path or name.
    label : str
        The true class.
    probabilities : array-like of float, shape (K,)
        One a class, in the order of the classes.
    unlikeness : float, optional
        How far it is from the training of the classifier.
    """

    file: str
    label: str
    probabilities: ArrayLike
    unlikeness: float | None = None


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """The decision about one file.

    Parameters
    ----------
    file, label, prediction : str
        Its path or name, its true class, and the most probable class.
    probabilities : mapping of str to float
        Of every class.
    unlikeness : float or None
        How far the micrograph is from the training of the classifier, up to 1 for one as the
        training has; None where nobody measured it.
    """

    file: str
    label: str
    prediction: str
    probabilities: Mapping[str, float]
    unlikeness: float | None = None

    @property
    def correct(self) -> bool:
        """Whether the most probable class is the true one."""
        return self.label == self.prediction

    @property
    def said(self) -> dict[str, object]:
        """The decision as tables hold it."""
        names = ("file", "label", "prediction", "correct")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class ClassifierScores:
    """How well one class was recognised; scores are fractions between 0 and 1.

    A class that is neither true nor predicted for any file has no scores (None); one that is
    only true or only predicted has scores of 0, a precision or recall of 0 / 0 included.

    Parameters
    ----------
    precision : float or None
        TP / (TP + FP).
    recall : float or None
        TP / (TP + FN).
    f1 : float or None
        2 TP / (2 TP + FP + FN).
    support : int
        Files of this class, TP + FN.
    average_precision : float or None
        How well the probability of the class ranks its files above the others, as the area of
        steps below precision over recall; None without a file of the class.
    roc_auc : float or None
        The chance that the class is more probable for one of its files than for another file;
        None where all files or none are of the class.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    average_precision: float | None = None
    roc_auc: float | None = None

    @classmethod
    def from_counts(
        cls,
        found: int,
        predicted: int,
        true: int,
        average_precision: float | None = None,
        roc_auc: float | None = None,
    ) -> "ClassifierScores":
        """Scores from TP, TP + FP and TP + FN, and two that rank by probability."""
        if predicted + true == 0:
            return cls(None, None, None, 0, average_precision, roc_auc)
        return cls(
            precision=found / predicted if predicted else 0.0,
            recall=found / true if true else 0.0,
            f1=2 * found / (predicted + true),
            support=true,
            average_precision=average_precision,
            roc_auc=roc_auc,
        )


@dataclass(frozen=True, slots=True)
class ClassificationReport:
    """What an evaluation of a classifier found.

    Parameters
    ----------
    accuracy : float
        Files with the right class over all files.
    balanced_accuracy : float
        Recall averaged over the classes that have files (Brodersen et al., ICPR 2010).
    top_k : mapping of int to float
        Fraction of files whose true class is among the k most probable ones; equal
        probabilities rank in the order of the classes.
    classes : mapping of str to ClassifierScores
        In the order of the classes.
    confusion : array of int64, shape (K, K)
        Files by [true class, predicted class].
    files : tuple of FileVerdict
        In the order in which they were given.
    macro_f1 : float
        F1 averaged over the classes that are true or predicted for a file.
    cohen_kappa : float or None
        (p_o - p_e) / (1 - p_e) with the accuracy p_o and the accuracy p_e of a guess with the
        same frequencies: 0 is chance, 1 perfect (Cohen, Educ. Psychol. Meas. 20, 37 (1960)).
        None where one class is all that is true and all that is predicted.
    brier_score : float
        Squared error of the probabilities summed over the classes, averaged over the files,
        0 to 2 (Brier, Mon. Weather Rev. 78, 1 (1950)).
    calibration : BinnedCalibration
        How often the most probable class is right beside how probable it was; its ``error`` is
        the expected calibration error.
    intervals : mapping of Key to Interval or None
        Of the numbers that have one, by where they stand in ``metrics.json``.
    """

    accuracy: float
    balanced_accuracy: float
    top_k: Mapping[int, float]
    classes: Mapping[str, ClassifierScores]
    confusion: NDArray[np.int64]
    files: tuple[FileVerdict, ...]
    macro_f1: float
    cohen_kappa: float | None
    brier_score: float
    calibration: BinnedCalibration
    intervals: Mapping[Key, Interval | None]

    @property
    def names(self) -> tuple[str, ...]:
        """The classes in the order of the rows and columns of ``confusion``."""
        return tuple(self.classes)

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Every number with what is said of it, those over all files first."""
        described = numbers_of_files(self.names, max(self.top_k, default=0))
        return tuple(
            Number(key, self._value(*key), each, self.intervals.get(key))
            for key, each in described.items()
        )

    def _value(self, first: str, *more: str) -> float | None:
        """Find a number by its key."""
        if first == "classes":
            value: float | None = getattr(self.classes[more[0]], more[1])
            return value
        if first == "top_k":
            return self.top_k[int(more[0])]
        return self.calibration.error if first == "calibration_error" else getattr(self, first)

    @property
    def absent(self) -> tuple[str, ...]:
        """Classes that are neither true nor predicted for any file."""
        return tuple(name for name, scores in self.classes.items() if scores.f1 is None)

    @property
    def _counts(self) -> Counts:
        scores = tuple(each.f1 for each in self.classes.values())
        return Counts(self.names, self.confusion, np.zeros(len(scores), np.int64), scores, "images")

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader of the means must know: classes of one side only, or exchanged."""
        return tuple(caveats(self._counts))

    def as_json(self) -> dict[str, Any]:
        """Exactly what ``metrics.json`` holds; None becomes null."""
        return {
            **{each.key[0]: each.value for each in self.numbers if len(each.key) == 1},
            "calibration": self.calibration.as_json(),
            "top_k": {str(k): score for k, score in self.top_k.items()},
            "classes": {name: asdict(scores) for name, scores in self.classes.items()},
            "names": list(self.names),
            "confusion": self.confusion.tolist(),
            "absent": list(self.absent),
            **self._counts.as_json(),
            "caveats": list(self.caveats),
            "intervals": intervals_as_json(self.intervals),
            "files": [
                {
                    **each.said,
                    "probabilities": dict(each.probabilities),
                    **of_training(each.unlikeness),
                }
                for each in self.files
            ],
        }

    def as_rows(self) -> list[dict[str, object]]:
        """One row a file, as ``metrics.csv`` holds them."""
        known = any(each.unlikeness is not None for each in self.files)
        return [
            {
                **each.said,
                **of_training(each.unlikeness, is_known=known),
                **{f"{name}.probability": value for name, value in each.probabilities.items()},
            }
            for each in self.files
        ]


def classification_report(
    names: Sequence[str],
    files: Iterable[ClassifiedFile],
    *,
    top_k: int = _MOST_TOP_K,
    selection: MetricSelection | None = None,
) -> ClassificationReport:
    """Score a classifier.

    Parameters
    ----------
    names : sequence of str
        The K classes, in the order of the probabilities.
    files : iterable of ClassifiedFile
        What it said about each file.
    top_k : int
        The largest k of the top-k accuracy; never more than K.
    selection : MetricSelection, optional
        What the units of the intervals are, and how many resamples are drawn.

    Raises
    ------
    UnknownNameError
        When a file is of a class that the classifier does not know.
    ContentError
        When there is no file, or a file has not one finite probability a class.
    """
    judged = list(files)
    if not judged:
        raise ContentError("there is no classified file to score; check the folder of images")
    known = tuple(names)
    truth = np.array([_index(known, each.label) for each in judged])
    values = np.stack([_probabilities(known, each) for each in judged])
    ranking = np.argsort(-values, axis=1, kind="stable")
    rank = np.argmax(ranking == truth[:, None], axis=1)  # 0 where the most probable is right
    confusion = np.zeros((len(known), len(known)), dtype=np.int64)
    np.add.at(confusion, (truth, ranking[:, 0]), 1)
    summary = summarise_probabilities(values, truth)
    classes = _class_scores(known, confusion, summary)
    recalls = (scores.recall for scores in classes.values() if scores.support)
    return ClassificationReport(
        accuracy=float(np.mean(rank == 0)),
        balanced_accuracy=mean_of_present(recalls) or 0.0,
        top_k={k: float(np.mean(rank < k)) for k in range(1, min(top_k, len(known)) + 1)},
        classes=classes,
        confusion=confusion,
        files=tuple(
            FileVerdict(
                each.file,
                each.label,
                known[best],
                dict(zip(known, row.tolist(), strict=True)),
                each.unlikeness,
            )
            for each, best, row in zip(judged, ranking[:, 0], values, strict=True)
        ),
        macro_f1=mean_of_present(scores.f1 for scores in classes.values()) or 0.0,
        cohen_kappa=_cohen_kappa(confusion),
        brier_score=summary.brier_score,
        calibration=summary.calibration,
        intervals=_intervals(known, judged, truth, values, top_k, selection or MetricSelection()),
    )


def _intervals(
    names: tuple[str, ...],
    files: Sequence[ClassifiedFile],
    truth: NDArray[np.int64],
    values: NDArray[np.float64],
    top_k: int,
    selection: MetricSelection,
) -> dict[Key, Interval | None]:
    """Find an interval for each number, by resampling the files or their groups."""
    scores = FileScores(names, min(top_k, len(names)))
    units, sources = None, [source_of_file(each.file) for each in files]
    if selection.group_by != IMAGE:
        units = group_images(sources, selection.group_by)
    elif selection.draws and (said := remark(sources)):
        _log.warning("%s", said)
    found = intervals(
        scores,
        seen_of_files(truth, values, scores.top_k),
        None if units is None else units.membership,
        draws=selection.draws,
        seed=selection.seed,
        unit="file" if units is None else units.unit,
    )
    return dict(zip(scores.numbers, found, strict=True))


def source_of_file(file: str) -> UnitSource:
    """Say where a classified file, or plane of a stack, comes from."""
    path = Path(re.sub(r"\[\d+\]$", "", file))
    return UnitSource(path.name + file[len(str(path)) :], path)


def _index(names: tuple[str, ...], label: str) -> int:
    if label not in names:
        raise UnknownNameError("class", label, names)
    return names.index(label)


def _probabilities(names: tuple[str, ...], file: ClassifiedFile) -> NDArray[np.float64]:
    values = np.asarray(file.probabilities, dtype=np.float64)
    if values.shape != (len(names),) or not np.isfinite(values).all():
        raise ContentError(
            f"{file.file} has no finite probability for each of the {len(names)} classes "
            f"(shape {values.shape}); check the file for NaN, then the model"
        )
    return values


def _class_scores(
    names: tuple[str, ...], confusion: NDArray[np.int64], summary: ProbabilitySummary
) -> dict[str, ClassifierScores]:
    columns = zip(
        confusion.diagonal().tolist(),
        confusion.sum(axis=0).tolist(),
        confusion.sum(axis=1).tolist(),
        summary.average_precision,
        summary.roc_auc,
        strict=True,
    )
    return {
        name: ClassifierScores.from_counts(*column)
        for name, column in zip(names, columns, strict=True)
    }


def _cohen_kappa(confusion: NDArray[np.int64]) -> float | None:
    files = int(confusion.sum())
    right = int(confusion.trace()) * files
    chance = int(confusion.sum(axis=0) @ confusion.sum(axis=1))
    return (right - chance) / (files**2 - chance) if files**2 > chance else None
