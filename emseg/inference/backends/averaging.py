"""The mean of probabilities, answered as scores: what turned tiles and ensembles have in common."""

import numpy as np
from numpy.typing import NDArray

_LEAST = np.finfo(np.float32).tiny  # whose logarithm is finite


def probabilities_of(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn scores into probabilities: softmax over the classes.

    Parameters
    ----------
    scores : array of float32, shape (N, K, Y, X) or (N, K)
        Before softmax.

    Returns
    -------
    array of float32 of the same shape
        Summing to 1 over K; NaN where a score is NaN or the highest is infinite.
    """
    with np.errstate(invalid="ignore"):  # infinity less itself is NaN, which the engine refuses
        shares: NDArray[np.float32] = scores - scores.max(axis=1, keepdims=True)
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
