"""Whether probabilities mean what they say: calibration error and Brier score."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.description import Better, Description, Group, NumberScale, Style

BINS = 15
_plain = partial(Description, group=Group.PROBABILITIES, style=Style.PLAIN)

CALIBRATION_ERROR = _plain(
    "Calibration error",
    "stated probability against what came true",
    "calibration error",
    scale=NumberScale(0.0, 1.0, Better.LOWER),
)
"""What is said of the expected calibration error."""

BRIER_SCORE = _plain(
    "Brier score",
    "mean squared error of the probabilities; 0 is best",
    "Brier score",
    scale=NumberScale(0.0, 2.0, Better.LOWER),
    is_tested=True,
)
"""What is said of the Brier score."""


@dataclass(frozen=True, slots=True)
class BinnedCalibration:
    """How often the most probable class is right, beside how probable it was.

    Bin m of 15 holds confidences above m / 15 and up to (m + 1) / 15, 0 in the first. Drawn as
    accuracy over confidence this is the reliability diagram of Guo et al., "On calibration of
    modern neural networks", ICML (2017).

    Parameters
    ----------
    count, confidence, accuracy : array of float64, shape (15,)
        How many fell into each bin, their mean confidence, and the fraction that is right; NaN
        where a bin is empty.
    """

    count: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @classmethod
    def from_sums(cls, sums: NDArray[np.float64]) -> "BinnedCalibration":
        """Compute it from count, sum of confidences and how many are right, shape (3, 15)."""
        count, confidence, right = sums
        with np.errstate(invalid="ignore"):
            return cls(count, confidence / count, right / count)

    @property
    def error(self) -> float | None:
        """Expected calibration error: sum of n_m |accuracy_m - confidence_m| / n."""
        total = self.count.sum()
        gaps = np.abs(self.accuracy - self.confidence) * self.count
        return float(np.nansum(gaps) / total) if total else None

    def as_json(self) -> dict[str, Any]:
        """Give the points of the diagram as ``metrics.json`` holds them; an empty bin is null."""
        return {
            "count": [round(each) for each in self.count],
            "confidence": [None if np.isnan(each) else float(each) for each in self.confidence],
            "accuracy": [None if np.isnan(each) else float(each) for each in self.accuracy],
        }


def calibration_sums(
    confidence: NDArray[np.float64], right: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Sum in 15 equal bins of the confidence, shape (3, 15): count, confidence, how many right.

    Parameters
    ----------
    confidence : array of float64, shape (n,)
        The largest probability.
    right : array of bool, shape (n,)
        Whether its class is the true one.
    """
    rounding = 1e-6  # 0.2 lies on the edge of a bin, and 15 * 0.2 in 32 bits beside it
    bins = np.clip(np.ceil(confidence * BINS - rounding) - 1, 0, BINS - 1).astype(np.int64)
    count = np.bincount(bins, minlength=BINS)
    confident = np.bincount(bins, weights=confidence, minlength=BINS)
    return np.stack((count, confident, np.bincount(bins, weights=right, minlength=BINS)))


def brier_score(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Mean of the squared errors of the probabilities, summed over the classes: 0 to 2.

    Brier, "Verification of forecasts expressed in terms of probability", Mon. Weather Rev. 78,
    1 (1950), for any number of classes.

    Parameters
    ----------
    probabilities : array of float64, shape (n, K)
        Of each class, n at least 1.
    truth : array of int64, shape (n,)
        Index of the true class.
    """
    expected = np.arange(probabilities.shape[1]) == truth[:, None]
    return float(((probabilities - expected) ** 2).sum(axis=1).mean())
