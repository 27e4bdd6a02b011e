"""The choice of a class where the most probable one is not what is wanted.

A class with a threshold is where its probability reaches it, and nowhere else, as in any program
that thresholds a map; the other pixels go to the most probable class without a threshold::

    matrix   0.55 0.45 0.35      crack=0.6    matrix matrix crack
    crack    0.45 0.55 0.65      crack=0.4    crack  crack  crack
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import UnknownNameError
from emseg.micrograph import label_dtype, unlabelled_value


def in_order(thresholds: Mapping[str, float], names: Sequence[str]) -> NDArray[np.float32]:
    """Put thresholds into the order of the classes of a model.

    Parameters
    ----------
    thresholds : mapping of str to float
        By the name of the class.
    names : sequence of str
        Of all K classes.

    Returns
    -------
    array of float32, shape (K,)
        NaN for a class without one.

    Raises
    ------
    UnknownNameError
        When the model has no such class.
    """
    for name in thresholds:
        if name not in names:
            raise UnknownNameError("class", name, names)
    return np.array([thresholds.get(name, np.nan) for name in names], np.float32)


def choose(probabilities: NDArray[np.float32], thresholds: NDArray[np.float32]) -> NDArray[Any]:
    """Choose the class of each pixel.

    Parameters
    ----------
    probabilities : array of float32, shape (K, rows, X)
        Summing to 1.
    thresholds : array of float32, shape (K,)
        NaN for a class without one.

    Returns
    -------
    array of uint8 or uint16, shape (rows, X)
        Of the classes that reach their threshold the most probable; where none does, the most
        probable without a threshold; unlabelled where every class has one and misses it. Of equal
        ones the first.
    """
    shape = probabilities.shape[1:]
    chosen = np.full(shape, unlabelled_value(len(thresholds)), label_dtype(len(thresholds)))
    for is_free in (True, False):  # the second go overwrites the first
        best = np.full(shape, -1, np.float32)
        for index, (threshold, own) in enumerate(zip(thresholds, probabilities, strict=True)):
            if np.isnan(threshold) == is_free:
                takes = own > best if is_free else (own >= threshold) & (own > best)
                chosen[takes] = index
                best[takes] = own[takes]
    return chosen
