"""How sure a network is of a pixel: the entropy of its probabilities.

Entropies are divided by ln K, that of K equal probabilities, so that 0 is certain and 1 is "any of
them", however many classes there are::

    probabilities   1.00 0.00    0.90 0.10    0.50 0.50
    entropy         0            0.47         1
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def entropy(probabilities: NDArray[Any], axis: int = 0) -> NDArray[np.float32]:
    """Measure how evenly probabilities are spread over the classes.

    Parameters
    ----------
    probabilities : array of float32, shape (K, rows, X), or another with K along the axis
        Summing to 1 along the axis; K is 2 or more.
    axis : int
        Of the classes.

    Returns
    -------
    array of float32, shape (rows, X)
        ``-sum p ln p / ln K``, 0 to 1 (Shannon 1948, "A mathematical theory of communication",
        section 6); NaN where a probability is.
    """
    classes = np.moveaxis(probabilities, axis, 0)
    spread: NDArray[np.float32] = np.zeros(classes.shape[1:], np.float32)
    for p in classes:  # a class at a time, so that no copy of all is made
        spread -= p * np.log(np.maximum(p, np.finfo(np.float32).tiny))
    spread /= np.float32(np.log(len(classes)))
    np.clip(spread, 0, 1, out=spread)
    return spread
