"""Average precision and the area under the ROC: how well probabilities rank.

Both need only how many are right and wrong at each value of the probability::

    value          0.9  0.8  0.5  0.1
    right           3    1    0    1
    wrong           0    1    2    2
"""

import numpy as np
from numpy.typing import NDArray


def average_precision(
    right: NDArray[np.float64], wrong: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average precision: sum of (R_n - R_n-1) P_n over the values as thresholds.

    Precision P_n and recall R_n are those of all that has at least the n-th value; nothing is
    interpolated, as in scikit-learn. See Davis and Goadrich, "The relationship between
    precision-recall and ROC curves", ICML (2006).

    Parameters
    ----------
    right, wrong : array of float64, shape (..., V)
        How many are of the class, and are not, at each value, the highest value first.

    Returns
    -------
    array of float64, shape (...)
        NaN where nothing is of the class.
    """
    found, wrongly = right.cumsum(axis=-1), wrong.cumsum(axis=-1)
    chosen = found + wrongly
    precision = np.divide(found, chosen, out=np.zeros_like(found), where=chosen > 0)
    return _quotient((right * precision).sum(axis=-1), found[..., -1])


def area_under_roc(right: NDArray[np.float64], wrong: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area under the ROC: the chance that one of the class has a higher value than one that is not.

    Equal values count as half (Hanley and McNeil, Radiology 143, 29 (1982)).

    Parameters
    ----------
    right, wrong : array of float64, shape (..., V)
        How many are of the class, and are not, at each value, the highest value first.

    Returns
    -------
    array of float64, shape (...)
        NaN where all or none is of the class.
    """
    above = right.cumsum(axis=-1) - right / 2
    pairs = right.sum(axis=-1) * wrong.sum(axis=-1)
    return _quotient((above * wrong).sum(axis=-1), pairs)


def counts_by_value(
    values: NDArray[np.float64], of_class: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count what is of a class, and what is not, at each distinct value, the highest first.

    Parameters
    ----------
    values : array of float64, shape (n,)
        Probabilities of the class.
    of_class : array of bool, shape (n,)
        What is of the class.
    """
    distinct, which = np.unique(-values, return_inverse=True)
    right = np.bincount(which, weights=of_class, minlength=distinct.size).astype(np.float64)
    return right, np.bincount(which, minlength=distinct.size) - right


def _quotient(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
