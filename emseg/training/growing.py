"""Trees of a forest are grown by scikit-learn, some at a time, and taken over as tensors."""

import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from emseg.errors import ContentError
from emseg.learning import parse_weights
from emseg.micrograph import LabelClass
from emseg.networks.trees import Trees
from emseg.training.pixels import SampledPixels

RATE = 0.2  # share of what a tree says that is added, of 60 trees as good as 0.1 of 100
_ROUND = 20  # trees after which an interruption and the clock are asked
_LEAF, _FEWEST = 100, 5  # pixels of a leaf, where there are many of them, and at least
_CALM = 10.0  # added to the weight of a leaf, where there are many pixels
_EACH = 400  # pixels of the sample for one of a leaf
_SHOWN = 0.3  # share of the features that a question chooses from: trees differ more


def grow(
    trees: Trees,
    pixels: SampledPixels,
    weights: NDArray[np.float64] | None,
    seed: int,
    goes_on: Callable[[int, float], bool],
) -> int:
    """Grow the trees of a forest on a sample of pixels.

    Parameters
    ----------
    trees : Trees
        Changed in place.
    pixels : SampledPixels
        Of two classes or more.
    weights : array of float64, shape (K,), optional
        Of the classes.
    seed : int
        Of the features that each question chooses from.
    goes_on : callable
        Told how many trees there are and the seconds that twenty more may take; the others are
        left out once it says no.

    Returns
    -------
    int
        Trees of each class that were grown.

    Raises
    ------
    ContentError
        When the pixels show a single class.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    seen = np.unique(pixels.labels).tolist()
    if len(seen) < 2:
        raise ContentError(
            "the masks to learn from show a single class, and a forest tells two or more apart; "
            "label pixels of another class too"
        )
    full = len(pixels.labels)
    wanted, grown, took = trees.features.shape[0], 0, 0.0
    learner = HistGradientBoostingClassifier(
        learning_rate=RATE,
        max_leaf_nodes=2**trees.depth,
        max_depth=trees.depth,
        min_samples_leaf=int(np.clip(full // _EACH, _FEWEST, _LEAF)),
        l2_regularization=_CALM * min(1.0, full / _EACH / _LEAF),
        max_features=_SHOWN,
        early_stopping=False,
        warm_start=True,
        random_state=seed,
    )
    of_each = None if weights is None else weights[pixels.labels]
    while grown < wanted and (grown == 0 or goes_on(grown, took)):
        start = time.monotonic()
        grown = min(wanted, grown + _ROUND)
        learner.set_params(max_iter=grown)
        with threadpool_limits(torch.get_num_threads()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            learner.fit(pixels.features, pixels.labels, of_each)
        took = time.monotonic() - start
    learnt = [[each.nodes for each in tree] for tree in learner._predictors]
    trees.take(learnt, seen, torch.from_numpy(learner._baseline_prediction.ravel()))
    return grown


def pixel_weights(
    text: str, classes: tuple[LabelClass, ...], labels: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Weigh the classes as ``--class-weights`` says; None where all weigh the same.

    Parameters
    ----------
    text : str
        As it was typed; ``auto`` lets each class count as much as any other.
    classes : tuple of LabelClass
        In card order.
    labels : array of int64
        Of the sample.
    """
    names = [each.name for each in classes]
    given = parse_weights(text, names)
    if given is not None:
        return np.array([given.get(name, 1.0) for name in names])
    if text == "none":
        return None
    counts = np.bincount(labels, minlength=len(names))
    return len(labels) / (np.count_nonzero(counts) * np.maximum(1, counts))
