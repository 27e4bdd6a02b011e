"""From scores to probabilities, and from their mean back to scores."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", np.float32, np.float64)
_LEAST = np.finfo(np.float32).tiny  # whose logarithm is finite


def softmax(scores: NDArray[_Float]) -> NDArray[_Float]:
    """Turn scores into probabilities: softmax over the classes.

    Parameters
    ----------
    scores : array of float32 or float64, shape (N, K, Y, X) or (N, K)
        Before softmax.

    Returns
    -------
    array of the same type and shape
        Summing to 1 over K; NaN where a score is NaN or the highest is infinite.
    """
    with np.errstate(invalid="ignore"):  # infinity less itself is NaN, which the engine refuses
        shares: NDArray[_Float] = scores - scores.max(axis=1, keepdims=True)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def log_of_mean(total: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Turn a sum of probabilities into scores whose softmax is their mean.

    Parameters
    ----------
    total : array of float32, shape (N, K, Y, X) or (N, K)
        Sum over the answers; it is overwritten.
    count : int
        How many answers there were.
    """
    total /= np.float32(count)
    np.maximum(total, _LEAST, out=total)  # NaN stays NaN
    return np.log(total, out=total)
