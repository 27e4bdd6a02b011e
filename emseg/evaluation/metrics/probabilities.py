"""Scores of the probabilities of pixels: calibration, Brier score, and how well they rank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from emseg.errors import ContentError
from emseg.evaluation.description import Description, Group, describe_score
from emseg.evaluation.metric import ComparedPair, Key, of_classes
from emseg.evaluation.metrics.calibration import (
    BINS,
    BRIER_SCORE,
    CALIBRATION_ERROR,
    BinnedCalibration,
    brier_score,
    calibration_sums,
)
from emseg.evaluation.metrics.ranking import area_under_roc, average_precision, counts_by_value

_score = partial(describe_score, group=Group.PROBABILITIES)
_AVERAGE = "Average precision", "precision averaged over all thresholds", "average precision"
_OF_A_CLASS = {
    "average_precision": _score(*_AVERAGE),
    "roc_auc": _score("ROC area", "how well the probability ranks the pixels", "ROC area"),
}
_STEPS = 17 * 255  # at least 2^12, and all 256 values of 8 bits lie in the middle of a bin
_TAIL = 43  # steps from 0, and from 1, a hundredth, below which bins grow with the probability
_A_DECADE = 100  # bins, so that neighbouring steps still lie in different ones
_NEAR_0, _NEAR_1 = 36 * _A_DECADE, 14 * _A_DECADE  # as far as numbers of 32, and 64 - 1, bits go
_VALUES = _NEAR_0 + 1 + _STEPS - 2 * _TAIL + 1 + _NEAR_1 + 1
_OVER_ALL = 2 + 3 * BINS  # pixels, squared errors, calibration
_ROUNDING = 1e-3  # by which a probability of 16 bits may leave 0 to 1
_FEW = 1 << 16  # pixels that are ranked as they are, without rounding
_MIXTURES = 64  # pooled at a time: 9 MiB a class


@dataclass(frozen=True, slots=True)
class Judged:
    """What one pair adds.

    Parameters
    ----------
    sums : array of float64, shape (47 + K * 2 * 9252,)
        Pixels, squared errors, sums of the calibration, and pixels by rounded probability.
    values : array of float64, shape (K, n), or None
        The probabilities themselves, of small images.
    truth : array of an integer type, shape (n,)
        Their classes; empty where the probabilities are not kept.
    """

    sums: NDArray[np.float64]
    values: NDArray[np.float64] | None
    truth: NDArray[np.integer]


class ProbabilityScores:
    """Calibration error and Brier score, and average precision and ROC area of each class.

    With p_k the probability of class k at a pixel, and y_k 1 for the true class and 0 for others::

        calibration_error   sum over 15 bins of n_m |accuracy_m - confidence_m| / n, where the
                            confidence of a pixel is its largest p_k
        brier_score         mean over pixels of sum_k (p_k - y_k)^2, from 0 to 2
        average_precision   of p_k for class k: sum of (R_n - R_n-1) P_n over thresholds
        roc_auc             chance that p_k is higher at a pixel of class k than at another

    Guo et al., ICML (2017); Brier, Mon. Weather Rev. 78, 1 (1950); `average_precision` and
    `area_under_roc` for the others.

    Only pixels that the reference labels count. The pixels of all images are pooled. For the
    last two probabilities of more than 2^16 pixels are rounded: to multiples of 1 / 4335, and
    nearer than 0.01 to 0 or 1 by some two per cent of what is left to it. All values of
    8 bits keep apart; pixels that become equal count as equal. Images without probabilities do not
    count; where none has any, or no pixel is labelled, no number is defined. Without a pixel of a
    class its two are not, and where all pixels are of it ``roc_auc`` is not.

    Parameters
    ----------
    names : sequence of str
        The K classes in the order of the probabilities.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)

    @property
    def numbers(self) -> Mapping[Key, Description]:
        """Both numbers over all classes, then both numbers of each class."""
        return {
            ("calibration_error",): CALIBRATION_ERROR,
            ("brier_score",): BRIER_SCORE,
            **of_classes(self.names, _OF_A_CLASS),
        }

    def look(self, pair: ComparedPair) -> Judged:
        """Count the pixels of one pair by probability, and keep those of a small one.

        Raises
        ------
        ContentError
            When the probabilities do not fit the classes or the image, or one of them is none.
        """
        over_all = np.zeros(_OVER_ALL)
        histograms = np.zeros((len(self.names), 2, _VALUES))
        truth = pair.reference.pixels[pair.counted]
        if pair.probabilities is None or not truth.size:
            nothing = np.concatenate((over_all, histograms.ravel()))
            return Judged(nothing, np.empty((len(self.names), 0)), truth[:0])
        kept = np.empty((len(self.names), truth.size)) if truth.size <= _FEW else None
        confidence = np.full(truth.size, -1.0)
        chosen = np.zeros(truth.size, dtype=np.int64)
        for index in range(len(self.names)):
            probability, of_class = probability_of(pair, index), truth == index
            over_all[1] += ((probability - of_class) ** 2).sum()
            histograms[index] = _by_value(probability, of_class)
            if kept is not None:
                kept[index] = probability
            higher = probability > confidence
            confidence[higher], chosen[higher] = probability[higher], index
        over_all[0] = truth.size
        over_all[2:] = calibration_sums(confidence, chosen == truth).ravel()
        sums = np.concatenate((over_all, histograms.ravel()))
        return Judged(sums, kept, truth if kept is not None else truth[:0])

    def of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the numbers, shape (B, 2 + 2 K)."""
        pixels, squares = sums[:, 0], sums[:, 1]
        _, confident, right = sums[:, 2:_OVER_ALL].reshape(-1, 3, BINS).transpose(1, 0, 2)
        with np.errstate(invalid="ignore"):
            error, brier = np.abs(right - confident).sum(axis=1) / pixels, squares / pixels
        of_class = sums[:, _OVER_ALL:].reshape(len(sums), len(self.names), 2, _VALUES)
        counts = of_class[:, :, 0], of_class[:, :, 1]
        ranks = np.stack((average_precision(*counts), area_under_roc(*counts)), axis=-1)
        return np.column_stack((error, brier, ranks.reshape(len(sums), -1)))

    def scores(self, seen: Sequence[Judged], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the numbers of mixtures, a few at a time, for what is seen is long."""
        table = np.stack([each.sums for each in seen])
        parts = range(0, len(weights), _MIXTURES)
        found = np.concatenate([self.of_sums(weights[i : i + _MIXTURES] @ table) for i in parts])
        kept = [each.values for each in seen if each.values is not None]
        if len(kept) == len(seen) and sum(each.shape[1] for each in kept) <= _FEW:
            truth = np.concatenate([each.truth for each in seen])
            image = np.repeat(np.arange(len(seen)), [each.truth.size for each in seen])
            for index, probability in enumerate(np.concatenate(kept, axis=1)):
                ranks = _ranks_of_mixtures(probability, truth == index, weights, image)
                found[:, 2 + 2 * index : 4 + 2 * index] = ranks
        return found

    def calibration(self, seen: Sequence[Judged]) -> BinnedCalibration:
        """Give the points of the reliability diagram of all images together."""
        sums = np.sum([each.sums[2:_OVER_ALL] for each in seen], axis=0)
        return BinnedCalibration.from_sums(sums.reshape(3, BINS))


@dataclass(frozen=True, slots=True)
class ProbabilitySummary:
    """The same numbers of things of which each has one class, as files, without rounding.

    Parameters
    ----------
    calibration : BinnedCalibration
        The reliability diagram; its ``error`` is the calibration error.
    brier_score : float
        0 to 2.
    average_precision, roc_auc : tuple of float or None
        Of each class; None where `ProbabilityScores` does not define it.
    """

    calibration: BinnedCalibration
    brier_score: float
    average_precision: tuple[float | None, ...]
    roc_auc: tuple[float | None, ...]


def summarise_probabilities(
    probabilities: NDArray[np.float64], truth: NDArray[np.int64]
) -> ProbabilitySummary:
    """Score the probabilities of n things exactly.

    Parameters
    ----------
    probabilities : array of float64, shape (n, K)
        Between 0 and 1, n at least 1.
    truth : array of int64, shape (n,)
        Index of the true class of each.
    """
    right = probabilities.argmax(axis=1) == truth
    sums = calibration_sums(probabilities.max(axis=1), right)
    counts = [counts_by_value(values, truth == k) for k, values in enumerate(probabilities.T)]
    return ProbabilitySummary(
        calibration=BinnedCalibration.from_sums(sums),
        brier_score=brier_score(probabilities, truth),
        average_precision=tuple(_number(average_precision(*each)) for each in counts),
        roc_auc=tuple(_number(area_under_roc(*each)) for each in counts),
    )


def probability_of(pair: ComparedPair, index: int) -> NDArray[np.float64]:
    """Take the probability of one class at the pixels that count.

    Parameters
    ----------
    pair : ComparedPair
        One with probabilities, as fractions or as unsigned integers that fill their type.
    index : int
        Of the class.

    Returns
    -------
    array of float64, shape (n,)
        Between 0 and 1.

    Raises
    ------
    ContentError
        When the probabilities do not fit the classes or the image, or one of them is none.
    """
    stored, expected = pair.probabilities, (len(pair.reference.names), *pair.counted.shape)
    if stored is None or stored.shape != expected:
        found = None if stored is None else stored.shape
        raise ContentError(
            f"{pair.name} needs probabilities of the shape {expected} and has {found}; "
            "predict it again with the model whose classes these are"
        )
    values = stored[index][pair.counted].astype(np.float64)
    if stored.dtype.kind == "u":
        values /= np.iinfo(stored.dtype).max
    wrong = ~((values >= -_ROUNDING) & (values <= 1 + _ROUNDING))
    if wrong.any():
        raise ContentError(
            f"{pair.name} has {np.count_nonzero(wrong)} pixels whose probability of "
            f"{pair.reference.names[index]} is not between 0 and 1 (first: {values[wrong][0]:g}); "
            "check the image for NaN, then the model"
        )
    inside: NDArray[np.float64] = values.clip(0, 1)
    return inside


def _ranks_of_mixtures(
    probability: NDArray[np.float64],
    of_class: NDArray[np.bool_],
    weights: NDArray[np.float64],
    image: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Rank n pixels without rounding: average precision and ROC area of B mixtures, shape (B, 2).

    Weights are those of the images, shape (B, images); ``image`` says where each pixel is from.
    """
    if not probability.size:
        return np.full((len(weights), 2), np.nan)
    order = np.argsort(-probability, kind="stable")
    ranked, of_class, image = probability[order], of_class[order], image[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    found = []
    for row in weights:
        right = np.add.reduceat(row[image] * of_class, starts)
        wrong = np.add.reduceat(row[image] * ~of_class, starts)
        found.append((average_precision(right, wrong), area_under_roc(right, wrong)))
    return np.array(found, dtype=np.float64)


def _by_value(probability: NDArray[np.float64], of_class: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Count pixels of the class and others in each bin, the highest first, shape (2, 9252)."""
    bins = _VALUES - 1 - _bin(probability)
    both = bins + _VALUES * ~of_class
    return np.bincount(both, minlength=2 * _VALUES).reshape(2, _VALUES).astype(np.float64)


def _bin(probability: NDArray[np.float64]) -> NDArray[np.int64]:
    """Find the bins of probabilities: fine ones near 0, then even ones, then fine ones near 1."""
    even = np.rint(_STEPS * probability).astype(np.int64)
    bins = even - _TAIL + _NEAR_0 + 1
    low, high = even < _TAIL, even > _STEPS - _TAIL
    bins[low] = _in_tail(probability[low], _NEAR_0)
    bins[high] = _VALUES - 1 - _in_tail(1 - probability[high], _NEAR_1)
    return bins


def _in_tail(distance: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Find the bins of distances to 0 or 1, even ones of their logarithm; 0 holds the least."""
    least = 10.0 ** -(bins / _A_DECADE)
    decades = np.log10(np.maximum(distance * _STEPS / _TAIL, least))
    numbers = np.floor(decades * _A_DECADE).astype(np.int64) + bins
    inside: NDArray[np.int64] = numbers.clip(0, bins)
    return inside


def _number(value: NDArray[np.float64]) -> float | None:
    return None if np.isnan(value) else float(value)
