"""Predictions that lie the wrong way round: turned, mirrored, or with rows and columns exchanged.

A program that reads columns first, or leaves the orientation of a photograph out, gives scores of
chance for a segmentation that may be excellent::

    mask      prediction     transposed
    1 1 1       1 . .          1 1 1
    . . .       1 . .          . . .
    . . .       1 . .          . . .
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import listed
from emseg.evaluation.averages import mean_of_defined
from emseg.evaluation.metric import ComparedPair

_SIDE = 160  # pixels of each side that are looked at
_SMALLEST = 32  # pixels of a side; smaller images fit another way round by chance
_MOST_CLASSES = 64
_BETTER, _GOOD = 0.25, 0.6  # mean IoU that turning adds at least, and that it reaches
_MOST_NAMED = 5

_Turn = Callable[[NDArray[Any]], NDArray[Any]]
_TURNS: Mapping[str, _Turn] = MappingProxyType(
    {
        "mirrored left to right": lambda plane: plane[:, ::-1],
        "mirrored top to bottom": lambda plane: plane[::-1],
        "turned by 180°": lambda plane: plane[::-1, ::-1],
    }
)
_TURNS_OF_SQUARES: Mapping[str, _Turn] = MappingProxyType(
    {
        "transposed, rows for columns": lambda plane: plane.T,
        "turned by 90° clockwise": lambda plane: np.rot90(plane, -1),
        "turned by 90° anticlockwise": np.rot90,
        "mirrored about the other diagonal": lambda plane: plane[::-1, ::-1].T,
    }
)


@dataclass(frozen=True, slots=True)
class TurnedImage:
    """An image whose prediction fits its mask when it is turned.

    Parameters
    ----------
    name : str
        Of the image.
    how : str
        What is done to the prediction: ``"turned by 180°"``.
    mean_iou, turned_mean_iou : float
        Of the image as it is, and then; of some of its pixels.
    """

    name: str
    how: str
    mean_iou: float
    turned_mean_iou: float

    def as_json(self) -> dict[str, object]:
        """As ``metrics.json`` holds it."""
        return {
            "image": self.name,
            "how": self.how,
            "mean_iou": self.mean_iou,
            "turned_mean_iou": self.turned_mean_iou,
        }


def find_turned(pair: ComparedPair) -> TurnedImage | None:
    """Say how a prediction would fit its mask much better; None where it lies as it should.

    Parameters
    ----------
    pair : ComparedPair
        Of which at most 160 x 160 pixels are looked at.
    """
    classes = len(pair.reference.classes)
    if classes > _MOST_CLASSES or min(pair.reference.pixels.shape) < _SMALLEST:
        return None
    true, found = (_sampled(each.pixels) for each in (pair.reference, pair.prediction))
    own = _mean_iou(true, found, classes)
    if np.isnan(own) or own > 1 - _BETTER:
        return None
    height, width = pair.reference.pixels.shape
    turns = {**_TURNS, **(_TURNS_OF_SQUARES if height == width else {})}
    scores = {how: _mean_iou(true, turn(found), classes) for how, turn in turns.items()}
    best = max(scores, key=lambda how: scores[how])
    if scores[best] < max(_GOOD, own + _BETTER):
        return None
    return TurnedImage(pair.name, best, own, scores[best])


def of_turned(found: Sequence[TurnedImage], images: int) -> Iterator[str]:
    """Say which predictions lie the wrong way round, and what to do."""
    if not found:
        return
    how = Counter(each.how for each in found).most_common(1)[0][0]
    own, turned = (
        sum(values) / len(found)
        for values in zip(*((each.mean_iou, each.turned_mean_iou) for each in found), strict=True)
    )
    names = listed((each.name for each in found), most=_MOST_NAMED)
    yield (
        f"predictions look turned in {len(found)} of {images} images ({names}): their mean IoU is "
        f"about {own:.2f}, and {turned:.2f} where the prediction is {how}; save "
        "predictions and masks the same way round"
    )


def _sampled(plane: NDArray[Any]) -> NDArray[Any]:
    """Take pixels evenly, the same number from each end."""
    rows, columns = (
        ((np.arange(short) + 0.5) * length / short).astype(np.intp)
        for length, short in ((each, min(each, _SIDE)) for each in plane.shape)
    )
    return plane[np.ix_(rows, columns)]


def _mean_iou(true: NDArray[Any], found: NDArray[Any], classes: int) -> float:
    """Mean IoU over the classes that are there; what is unlabelled has an index above them."""
    counted = true < classes
    pairs = true[counted].astype(np.intp) * (classes + 1) + np.minimum(found[counted], classes)
    counts = np.bincount(pairs, minlength=classes * (classes + 1)).reshape(classes, classes + 1)
    right = np.diagonal(counts).astype(np.float64)
    with np.errstate(invalid="ignore"):
        iou = right / (counts.sum(axis=1) + counts[:, :-1].sum(axis=0) - right)
    return float(mean_of_defined(iou[None])[0])
