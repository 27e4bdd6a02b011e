"""Objects of one class as partitions: which pixels belong together, whatever they are called.

For classes whose objects another class separates, as grains by their boundaries and cells by
membranes: a gap of one pixel in a boundary hardly changes an overlap, but it joins two grains.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from emseg.errors import UnknownNameError
from emseg.evaluation.description import (
    DISTANCE,
    Better,
    Description,
    Group,
    NumberScale,
    Style,
    describe_score,
)
from emseg.evaluation.metric import Additive, ComparedPair, Key, of_classes
from emseg.evaluation.metrics.contingency import (
    OverlapCounts,
    count_overlaps,
    sum_of_n_log_n,
    sum_of_squares,
)
from emseg.evaluation.metrics.pieces import pieces

_score = partial(describe_score, group=Group.PARTITIONS)
_plain = partial(Description, group=Group.PARTITIONS, style=Style.PLAIN, scale=DISTANCE)
_NUMBERS = {
    "adapted_rand_error": _plain(
        "Adapted Rand error",
        "pairs of pixels wrongly joined or split; 0 is best",
        "adapted Rand error",
        scale=NumberScale(0.0, 1.0, Better.LOWER),
        is_tested=True,
    ),
    "adapted_rand_precision": _score(
        "Rand precision", "low when objects of the reference are joined", ""
    ),
    "adapted_rand_recall": _score("Rand recall", "low when objects of the reference are split", ""),
    "vi_split": _plain("VI split (bits)", "how much objects are cut up", "VI split"),
    "vi_merge": _plain("VI merge (bits)", "how much objects are joined", "VI merge"),
}


class PartitionScores(Additive):
    """Adapted Rand error and variation of information of the objects of one class.

    Objects are the 4-connected components of the class among the pixels that the reference
    labels. Only pixels of reference objects count. Where n_ij of these N pixels lie in object i
    of the prediction (0: in none, which is one more segment) and object j of the reference, and
    p_i and r_j are its sums::

        pairs       P = sum n_ij^2 - N,  P_p = sum p_i^2 - N,  P_r = sum r_j^2 - N
        error       1 - 2 P / (P_p + P_r), from precision P / P_p and recall P / P_r
        vi_split    H(prediction | reference) = (sum r_j log2 r_j - sum n_ij log2 n_ij) / N
        vi_merge    H(reference | prediction) = (sum p_i log2 p_i - sum n_ij log2 n_ij) / N

    Precision is low when objects of the reference are joined, recall when they are split. VI is
    in bits: split says how much objects of the reference are cut up, merge how much they are
    joined; 0 is perfect. Pixels of different images never belong together. No number is defined
    without pixels of a reference object.

    What is predicted to be in no object is one segment, so boundaries that are drawn too thick
    count as an object that touches all others (`MembraneScores` grows them away first), and an
    object that stands alone has no error when it is missed: its overlap says that.

    The adapted Rand error is that of Arganda-Carreras et al., Front. Neuroanat. 9, 142 (2015),
    restricted to the foreground of the reference; the variation of information is that of Meilă,
    J. Multivar. Anal. 98, 873 (2007), in the two halves of Nunez-Iglesias et al., PLoS ONE 8,
    e71715 (2013).

    Parameters
    ----------
    class_name : str
        The class of the objects.
    """

    def __init__(self, class_name: str) -> None:
        self.class_name = class_name

    @property
    def numbers(self) -> Mapping[Key, Description]:
        """Error, precision, recall, split and merge of the class."""
        return of_classes((self.class_name,), _NUMBERS)

    def look(self, pair: ComparedPair) -> NDArray[np.float64]:
        """Sum over the objects of one pair, shape (7,).

        Raises
        ------
        UnknownNameError
            When the label images have no such class.
        """
        return partition_sums(count_overlaps(*components(pair, self.class_name)))

    def of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the five numbers, shape (B, 5)."""
        pixels, squares, n_log_n = sums[:, 0], sums[:, 1:4].T, sums[:, 4:].T
        shared, predicted, true = squares - pixels
        both, of_prediction, of_reference = n_log_n
        something = pixels > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            columns = np.column_stack(
                (
                    1 - _ratio(2 * shared, predicted + true),
                    _share(shared, predicted, true),
                    _share(shared, true, predicted),
                    np.maximum(of_reference - both, 0) / pixels,
                    np.maximum(of_prediction - both, 0) / pixels,
                )
            )
        return np.where(something[:, None], columns, np.nan)


def components(pair: ComparedPair, class_name: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Find the objects of a class in prediction and reference: numbers from 1, shape (Y, X).

    Objects are 4-connected, through pixels that the reference labels: what connects them where
    nobody knows the truth does not.

    Raises
    ------
    UnknownNameError
        When the label images have no such class.
    """
    index = index_of(pair, class_name)
    predicted = pieces(pair, "prediction", index, connectivity=4)
    return predicted, pieces(pair, "reference", index, connectivity=4)


def index_of(pair: ComparedPair, class_name: str) -> int:
    """Find the index of a class in the label images of a pair, or refuse its name."""
    names = pair.reference.names
    if class_name not in names:
        raise UnknownNameError("class", class_name, names)
    return names.index(class_name)


def partition_sums(overlaps: OverlapCounts) -> NDArray[np.float64]:
    """Sum what the numbers need, shape (7,): N, three sums of squares, three of n log2 n."""
    sizes = (overlaps.pixels, overlaps.of_prediction, overlaps.of_reference)
    squares, n_log_n = map(sum_of_squares, sizes), map(sum_of_n_log_n, sizes)
    return np.array([overlaps.pixels.sum(), *squares, *n_log_n], dtype=np.float64)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for 0 / 0: neither side joins two pixels, so they agree."""
    return np.where(whole > 0, part / whole, 1.0)


def _share(
    part: NDArray[np.float64], whole: NDArray[np.float64], other: NDArray[np.float64]
) -> NDArray[np.float64]:
    """0 for 0 / 0 where only the other side joins pixels, as of overlaps."""
    return np.where((whole == 0) & (other > 0), 0.0, _ratio(part, whole))
