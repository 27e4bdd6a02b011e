"""Averages over the classes that are there."""

from collections.abc import Iterable
from math import fsum

import numpy as np
from numpy.typing import NDArray


def mean_of_present(scores: Iterable[float | None]) -> float | None:
    """Average of the scores that exist; None when none does."""
    present = [score for score in scores if score is not None]
    return fsum(present) / len(present) if present else None


def mean_of_defined(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over what is not NaN, shape (B, K, ...) to (B, ...); NaN where all are."""
    defined = ~np.isnan(scores)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = np.where(defined, scores, 0).sum(axis=1) / defined.sum(axis=1)
    return mean
