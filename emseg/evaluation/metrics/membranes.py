"""The scores of the ISBI 2012 challenge for cells that thin membranes separate."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.description import Description, Group, describe_score
from emseg.evaluation.metric import Additive, ComparedPair, Key, of_classes
from emseg.evaluation.metrics.basins import basin_tree
from emseg.evaluation.metrics.contingency import (
    OverlapCounts,
    count_overlaps,
    sum_of_n_log_n,
    sum_of_squares,
)
from emseg.evaluation.metrics.partitions import components, index_of
from emseg.evaluation.metrics.probabilities import probability_of
from emseg.micrograph import count_values

_score = partial(describe_score, group=Group.PARTITIONS)
_RAND = "foreground-restricted Rand score of ISBI 2012"
_SCORES = {
    "v_rand": _score("V_rand", _RAND, "V_rand", is_tested=True),
    "v_info": _score("V_info", "foreground-restricted information of ISBI 2012", "V_info"),
}
_THRESHOLDS = 255
FLOODED = 1 << 22
"""Pixels that are flooded for one slice, which takes a second or two."""

_OF_THRESHOLD = 5  # sums that each threshold has of its own
_OF_REFERENCE = 3
_NO_ENTROPY = 1e-9  # bits; one pixel of 1e9 has more
_ROUNDING = 1e-12  # of sums over mixtures


class MembraneScores(Additive):
    """Foreground-restricted V_rand and V_info, each at its best threshold.

    p is the probability of the cell class in 8 bits, rounded. For each threshold t of 1 to 255
    the objects S of a slice are the 4-connected components of p >= t, grown into the rest by
    watershed without lines on the relief 255 - p, 4-connected. The objects T are the 4-connected
    components of the cell class of the reference. Only pixels of T count: n_ij of these N pixels
    lie in S_i and T_j, s_i and t_j are the sums::

        V_rand = sum n_ij^2 / (sum s_i^2 / 2 + sum t_j^2 / 2)
        V_info = 2 I(S; T) / (H(S) + H(T))

    Each score is the largest of the 255, all of which are computed. Slices are pooled before
    the largest is taken; objects of different slices are different objects, even of one stack.
    A label image without probabilities has p = 255 where it is cell and 0 elsewhere, hence one
    threshold; where its file numbers objects, these are the objects. A slice without any pixel of
    p >= t has no object at t: its pixels are in no s_i, and for V_info they are in one object that
    all such slices share. Where that is true of all slices both scores are 0. V_info
    is 1 where prediction and reference are one object each. Without any cell in the reference
    neither is defined. Pixels that the reference leaves unlabelled are not part of the slice:
    nothing grows through them.

    Floods that arrive together are told apart as scikit-image does. Where 255 floods would take
    long, above 128 x 128 pixels, the objects of all thresholds are first taken from one tree, as
    `emseg.evaluation.metrics.basins` says, which tells some of them apart in the other way; then
    the best thresholds are flooded again, so many as make 2^22 pixels in one image.

    The definition is that of Arganda-Carreras et al., Front. Neuroanat. 9, 142 (2015), except that
    there the boundary is thinned first: these numbers do not belong beside those of the
    challenge's leaderboard.

    Parameters
    ----------
    cell : str
        The class that the membranes separate.
    flooded : int
        Pixels that are flooded for one slice; one threshold is, however few.
    """

    def __init__(self, cell: str, flooded: int = FLOODED) -> None:
        self.cell, self.flooded = cell, flooded

    @property
    def numbers(self) -> Mapping[Key, Description]:
        """V_rand and V_info of the class."""
        return of_classes((self.cell,), _SCORES)

    def look(self, pair: ComparedPair) -> NDArray[np.float64]:
        """Sum over the objects of one slice at each threshold, shape (1278,).

        Raises
        ------
        UnknownNameError
            When the label images have no such class.
        ContentError
            When a probability is none.
        """
        found, true = components(pair, self.cell)
        if not true.any():
            return np.zeros(_THRESHOLDS * _OF_THRESHOLD + _OF_REFERENCE)
        sizes = np.bincount(true[true > 0])
        shared = sizes.sum(), sum_of_squares(sizes), sum_of_n_log_n(sizes)
        own = np.tile((0.0, 0.0, shared[2], 0.0, shared[0]), (_THRESHOLDS, 1))  # without objects
        known = found if pair.probabilities is None else None
        relief = _Relief(_eight_bits(pair, self.cell), pair.counted, true, known)
        stages, affordable = relief.stages(), max(1, int(self.flooded * pair.part) // true.size)
        if len(stages) > affordable:
            for stage, sums in relief.from_one_tree(stages):
                own[stage] = sums
            curves = self.curves(np.concatenate((own.ravel(), shared))[None])[0]
            behind = (curves.max(axis=1, keepdims=True) - curves).min(axis=0)
            stages = sorted(stages, key=lambda stage: float(behind[stage.start]))[:affordable]
        for stage in stages:
            own[stage] = relief.flooded(stage.stop)
        return np.concatenate((own.ravel(), shared))

    def of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take the largest score over the thresholds, shape (B, 2)."""
        largest: NDArray[np.float64] = self.curves(sums).max(axis=2)
        return largest

    def curves(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute both scores at each threshold, shape (B, 2, 255), from t = 1."""
        own = sums[:, :-_OF_REFERENCE].reshape(len(sums), _THRESHOLDS, _OF_THRESHOLD)
        pixels, of_reference, reference_log = sums[:, None, -_OF_REFERENCE:].transpose(2, 0, 1)
        squares, of_prediction, joint_log, prediction_log, lost = own.transpose(2, 0, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            v_rand = 2 * squares / (of_prediction + of_reference)
            lost_log = lost * np.log2(np.maximum(lost, 1))
            entropy_s = np.log2(pixels) - (prediction_log + lost_log) / pixels
            entropy_t = np.log2(pixels) - reference_log / pixels
            information = entropy_s + entropy_t - np.log2(pixels) + joint_log / pixels
            total = entropy_s + entropy_t
            v_info = np.clip(2 * information / total, 0, 1)
        v_info = np.where(total < _NO_ENTROPY, 1.0, v_info)
        v_info = np.where(lost < pixels * (1 - _ROUNDING), v_info, 0.0)
        both = np.stack((v_rand, v_info), axis=1)
        return np.where(pixels[:, None] > 0, both, np.nan)

    def best_threshold(self, seen: Sequence[NDArray[np.float64]]) -> tuple[int, int] | None:
        """Find the thresholds at which V_rand and V_info of all slices are reached.

        Parameters
        ----------
        seen : sequence of array
            What ``look`` gave for each slice.

        Returns
        -------
        tuple of int or None
            Each of 1 to 255, the lowest of equals; divide by 255 for the probability. None
            where the scores are not defined.
        """
        v_rand, v_info = self.curves(np.sum(seen, axis=0)[None])[0]
        if np.isnan(v_rand).any():
            return None
        return int(v_rand.argmax()) + 1, int(v_info.argmax()) + 1


def _eight_bits(pair: ComparedPair, cell: str) -> NDArray[np.uint8]:
    """Probability of the cell class in 8 bits, shape (Y, X); 0 where nothing counts."""
    index, counted = index_of(pair, cell), pair.counted
    levels = np.zeros(counted.shape, dtype=np.uint8)
    if pair.probabilities is None:
        levels[(pair.prediction.pixels == index) & counted] = 255
    else:
        levels[counted] = np.rint(255 * probability_of(pair, index))
    return levels


@dataclass(frozen=True, slots=True)
class _Relief:
    """A slice in which objects grow.

    Parameters
    ----------
    levels : array of uint8, shape (Y, X)
        Probability of the cell class.
    counted : array of bool, shape (Y, X)
        Pixels that belong to the slice.
    true : array of int32, shape (Y, X)
        The objects of the reference, from 1.
    found : array of int32, shape (Y, X), or None
        Those of a prediction that is a label image, which may number them itself.
    """

    levels: NDArray[np.uint8]
    counted: NDArray[np.bool_]
    true: NDArray[np.int32]
    found: NDArray[np.int32] | None

    def stages(self) -> list[slice]:
        """Find the thresholds that share their objects: places in an array from t = 1 on."""
        ends = [0, *np.flatnonzero(count_values(self.levels)[1:]) + 1]
        return [slice(int(low), int(high)) for low, high in pairwise(ends)]

    def from_one_tree(self, stages: Iterable[slice]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Flood once, and sum over the objects of each threshold; ties may fall either way."""
        tree = basin_tree(self.levels, self.counted)
        overlaps = count_overlaps(tree.basins, self.true)
        for stage in stages:
            groups = np.concatenate(([0], tree.objects(stage.stop)))
            yield stage, _sums(overlaps.joined(groups))

    def flooded(self, threshold: int) -> NDArray[np.float64]:
        """Flood from the components of a threshold, and sum over the objects."""
        from scipy.ndimage import label
        from skimage.segmentation import watershed

        seeds = self.found
        if seeds is None:
            seeds, _ = label((self.levels >= threshold) & self.counted)
        grown = watershed(  # type: ignore[no-untyped-call]
            255 - self.levels, seeds, mask=self.counted
        )
        return _sums(count_overlaps(grown, self.true))


def _sums(overlaps: OverlapCounts) -> NDArray[np.float64]:
    """Sum over the objects of a threshold; pixels of object 0 are in none."""
    sizes, within = overlaps.of_prediction, overlaps.prediction > 0
    return np.array(
        [
            sum_of_squares(overlaps.pixels[within]),
            sum_of_squares(sizes[1:]),
            sum_of_n_log_n(overlaps.pixels),
            sum_of_n_log_n(sizes[1:]),
            sizes[0],
        ]
    )
