"""How well objects are found one by one: precision, recall, F1, AP and panoptic quality.

An object is an 8-connected component of the pixels of one class, among the pixels that are scored.
Objects of prediction and reference are matched by their overlap, IoU = |A and B| / |A or B|::

    reference     prediction
    1 1 1 . 2     1 1 1 . .     1 meets 1 with an IoU of 3/4: right down to a threshold of 0.75
    1 . . . 2     . . . . .     2 meets nothing: one object is missed, one is invented
    . . . . .     . . . 2 .

Two objects of one image share no pixel, so an IoU above 0.5 has no rival: more than half of each
lies in the other. At exactly 0.5 two rivals would be the two halves of one object; but the halves
of a connected object touch, and so are one object themselves. Every pair with an IoU of 0.5 or more
is therefore a match. Only objects that a file numbers may touch and be two: of rivals at exactly
0.5 as many pairs are kept as can be, each object in one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import ANY_SIZE, Smallest
from emseg.errors import UnknownNameError
from emseg.evaluation.averages import mean_of_defined
from emseg.evaluation.description import AMOUNT, Description, Group, Style, describe_score
from emseg.evaluation.metric import Additive, ComparedPair, Key, of_classes
from emseg.evaluation.metrics.contingency import count_overlaps
from emseg.evaluation.metrics.pieces import pieces
from emseg.measuring.numbering import count_pixels

IOU_THRESHOLDS = tuple(step / 20 for step in range(10, 20))
"""0.5, 0.55 ... 0.95: what an object has to overlap to be found, from lenient to strict."""

_UNIQUE = 0.5  # above it an object can match one other only
_score = partial(describe_score, group=Group.OBJECTS)
_count = partial(Description, group=Group.OBJECTS, style=Style.COUNT, scale=AMOUNT, place=-1)
_AP = "average precision: TP / (TP + FP + FN), averaged over IoU 0.5 to 0.95; not that of COCO"
_F1 = "objects found one for one, at an IoU of 0.5 or more"
_SCORES = {
    "object_precision": _score("Precision", "objects found that are right", "precision"),
    "object_recall": _score("Recall", "objects of the reference that were found", "recall"),
    "object_f1": _score("Object F1", _F1, "F1", is_beside_overlap=True),
    "object_average_precision": _score("Object AP", _AP, "AP"),
    "panoptic_quality": _score(
        "Panoptic quality", "object F1 times the mean IoU of the matched objects", "PQ"
    ),
}
_COUNTS = {
    "objects_reference": _count("In reference", "objects of the reference", "in masks"),
    "objects_prediction": _count("In prediction", "objects that were found", "predicted"),
}
_MEANS: dict[Key, Description] = {
    ("mean", "object_f1"): _SCORES["object_f1"].averaged("object F1", is_tested=True),
    ("mean", "object_average_precision"): _SCORES["object_average_precision"].averaged("object AP"),
    ("mean", "panoptic_quality"): _SCORES["panoptic_quality"].averaged("panoptic quality"),
}
_AVERAGED = [list(_SCORES).index(kind) for _, kind in _MEANS]
_COLUMNS = 3 + len(IOU_THRESHOLDS)  # objects of both, sum of IoU, matches at each threshold


@dataclass(frozen=True, slots=True)
class ObjectScores(Additive):
    """Scores of the objects of each class.

    With TP the matched pairs, FP the objects of the prediction without a partner and FN those of
    the reference, all at an IoU of 0.5 or more unless a threshold t is named::

        object_precision = TP / (TP + FP)
        object_recall = TP / (TP + FN)
        object_f1 = 2 TP / (2 TP + FP + FN)
        object_average_precision = mean of TP(t) / (TP(t) + FP(t) + FN(t))
                                   over t = 0.5, 0.55 ... 0.95
        panoptic_quality = sum of the IoU of the pairs above 0.5 / (TP + FP / 2 + FN / 2)

    ``object_average_precision`` is that of the 2018 Data Science Bowl, StarDist and Cellpose:
    label images have no confidence to rank objects by, so it is not the area under a curve of
    precision and recall that COCO calls AP, and is not comparable with it.

    Over images the counts are summed. A class that has objects on one side only has scores of 0; on
    neither side it has none (NaN), counts of 0, and is left out of the means.

    What the reference leaves unlabelled is not scored: it cuts the objects of both label images.
    What is left of a predicted object of which more than half is not scored may belong to something
    that nobody labelled. Where it matches nothing at an IoU of 0.5 it is not counted at all, not in
    ``objects_prediction`` either, as Kirillov et al. treat void pixels.

    Parameters
    ----------
    names : tuple of str
        The K classes, in the order of the label images.
    object_classes : tuple of str
        Those that consist of objects; a matrix or background is none.
    smallest : Smallest
        Smaller objects are overlooked in prediction and reference; scored pixels count. A length is
        so many pixels as the pixel size of each image makes it.

    Raises
    ------
    UnknownNameError
        When an object class is none of the classes.

    References
    ----------
    Caicedo et al., Nature Methods 16 (2019) 1247: F1 and average precision over thresholds.
    Kirillov et al., Proc. IEEE Conf. Computer Vision and Pattern Recognition (2019) 9404: panoptic
    quality, the uniqueness of matches, and void pixels.
    """

    names: tuple[str, ...]
    object_classes: tuple[str, ...]
    smallest: Smallest = ANY_SIZE

    def __post_init__(self) -> None:
        for name in self.object_classes:
            if name not in self.names:
                raise UnknownNameError("class", name, self.names)

    @property
    def numbers(self) -> Mapping[Key, Description]:
        """Seven numbers of each object class, then the means of three."""
        return of_classes(self.object_classes, _SCORES | _COUNTS) | _MEANS

    def look(self, pair: ComparedPair) -> NDArray[np.float64]:
        """Count the objects of each class, and the matches among them at each threshold.

        Raises
        ------
        UsageError
            When the smallest object is a length and the pixel size of the pair is unknown.
        """
        values = [self.names.index(name) for name in self.object_classes]
        smallest = self.smallest.in_pixels(pair.pixel_size)
        counts = [_counts(pair, value, smallest) for value in values]
        return np.array(counts, dtype=np.float64).ravel()

    def of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """All numbers, shape (B, 7 C + 3) for C object classes, of counts, shape (B, 13 C)."""
        table = sums.reshape(len(sums), len(self.object_classes), _COLUMNS)
        found, true, overlap = np.moveaxis(table[..., :3], -1, 0)
        matches = table[..., 3:]
        both = found + true
        with np.errstate(invalid="ignore"):
            scores = np.stack(
                [
                    matches[..., 0] / found,
                    matches[..., 0] / true,
                    2 * matches[..., 0] / both,
                    (matches / (both[..., None] - matches)).mean(axis=-1),
                    2 * overlap / both,
                ],
                axis=-1,
            )
        scores = np.where(both[..., None] > 0, np.nan_to_num(scores), np.nan)  # 0 / 0 counts as 0
        averaged = scores[..., _AVERAGED]
        each = np.concatenate((scores, true[..., None], found[..., None]), axis=-1)
        return np.hstack((each.reshape(len(sums), -1), mean_of_defined(averaged)))


@dataclass(frozen=True, slots=True)
class _Objects:
    """Objects of one class.

    Parameters
    ----------
    labels : array of int32, shape (Y, X)
        1..n on the objects, 0 elsewhere.
    sizes : array of int64, shape (n,)
        Their pixels.
    """

    labels: NDArray[Any]
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, labels: NDArray[np.int32], smallest: int = 1) -> "_Objects":
        """Count the pixels of objects, and leave out those that have too few."""
        sizes = count_pixels(labels, int(labels.max(initial=0)))
        sizes[0] = 0
        if smallest > 1:
            kept = sizes >= smallest
            labels = np.where(kept, kept.cumsum(), 0).astype(labels.dtype)[labels]
            sizes = np.concatenate(([0], sizes[kept]))
        return cls(labels, sizes[1:])


def _counts(pair: ComparedPair, value: int, smallest: int) -> list[float]:
    """Objects of prediction and reference, sum of the IoU above 0.5, matches at each threshold."""
    counted = pair.counted
    found = _Objects.of(pieces(pair, "prediction", value, connectivity=8), smallest)
    true = _Objects.of(pieces(pair, "reference", value, connectivity=8), smallest)
    ious, partners = _matches(found, true)
    invented = np.ones(len(found.sizes), dtype=np.bool_)
    invented[partners] = False
    if invented.any() and not counted.all():
        whole = _Objects.of(pieces(pair, "prediction", value, connectivity=8, scored=False))
        invented &= ~_hardly_scored(found, whole, counted)
    return [
        float(len(partners) + invented.sum()),
        float(len(true.sizes)),
        float(ious[ious > _UNIQUE].sum()),
        *(float((ious >= threshold).sum()) for threshold in IOU_THRESHOLDS),
    ]


def _matches(found: _Objects, true: _Objects) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """IoU of the matched pairs, and which objects of the prediction they hold, from 0."""
    shared = count_overlaps(found.labels, true.labels)
    met = shared.prediction > 0
    rows, columns, pixels = (
        shared.reference[met] - 1,
        shared.prediction[met] - 1,
        shared.pixels[met],
    )
    ious = pixels / (true.sizes[rows] + found.sizes[columns] - pixels)
    matched = ious >= IOU_THRESHOLDS[0]
    ious, rows, columns = ious[matched], rows[matched], columns[matched]
    if len(np.unique(columns)) < len(columns) or len(np.unique(rows)) < len(rows):
        kept = _one_to_one(rows, columns, (len(true.sizes), len(found.sizes)))
        ious, columns = ious[kept], columns[kept]
    return ious, columns


def _one_to_one(
    rows: NDArray[np.intp], columns: NDArray[np.intp], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Keep as many pairs as can be without an object in two; rivals all have an IoU of 0.5."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    graph = csr_array((np.ones(len(rows), np.int8), (rows, columns)), shape)
    partner = maximum_bipartite_matching(graph, perm_type="column")
    kept: NDArray[np.bool_] = partner[rows] == columns
    return kept


def _hardly_scored(
    found: _Objects, whole: _Objects, counted: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether more than half of the object that each was cut from is not scored, shape (n,)."""
    scored = np.bincount(whole.labels[counted], minlength=len(whole.sizes) + 1)[1:]
    inside = found.labels > 0
    source = np.zeros(len(found.sizes), dtype=np.intp)
    source[found.labels[inside] - 1] = whole.labels[inside] - 1
    hidden: NDArray[np.bool_] = 2 * scored < whole.sizes
    return hidden[source]
