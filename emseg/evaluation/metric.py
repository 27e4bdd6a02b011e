"""What a metric is: it looks at each image once, and pools what it saw as often as asked.

Every number of an evaluation is wanted four times: over all images, of each image, and with an
interval, for which it is computed anew a thousand times on other mixtures of the images. Images are
large and looking at them is slow, so a metric keeps of each only what its formula needs, and turns
weighted mixtures of that into numbers::

    pairs ---look---> what was seen        weights (B, n)         scores (B, N)
    image 0           [ 6  1  2 ]          1 1 1  all             0.81 0.77
    image 1           [ 9  0  1 ]   --->   1 0 0  the first  ---> 0.67 0.66
    image 2           [ 4  4  0 ]          2 0 1  a resample      0.79 0.70
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.evaluation.confusion import Confusion
from emseg.evaluation.description import Description
from emseg.micrograph import LabelImage

Key = tuple[str, ...]
"""Where a number stands in ``metrics.json``: ``("classes", "particle", "iou")``."""

Objects = tuple[NDArray[Any] | None, NDArray[Any] | None]
"""Numbers of objects, of the prediction and of the reference; None where there are none."""

Seen = TypeVar("Seen")
Kept = TypeVar("Kept", contravariant=True)


@dataclass(frozen=True)
class ComparedPair:
    """A prediction and its reference, ready to be compared pixel by pixel.

    Parameters
    ----------
    name : str
        Of the image in reports.
    prediction, reference : LabelImage
        Of one size, with the same classes in the same order, without an information bar.
    probabilities : array of float, shape (K, Y, X), optional
        What the network gave each class, where it is known.
    objects : pair of arrays of an integer type, shape (Y, X), or None
        The numbers that the files of prediction and reference give to objects, 0 where there is
        none; None where objects are what hangs together.
    part : float
        Which share of an image it is: 1, or less for a block of one. What takes long may be done
        less exactly for a part.
    """

    name: str
    prediction: LabelImage
    reference: LabelImage
    probabilities: NDArray[Any] | None = None
    objects: Objects = (None, None)
    part: float = 1.0

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Pixels that are scored, shape (Y, X): those to which the reference gives a class."""
        counted: NDArray[np.bool_] = self.reference.pixels != self.reference.unlabelled
        return counted

    @cached_property
    def confusion(self) -> Confusion:
        """Pixels of each class of the reference by predicted class."""
        confusion = Confusion(self.reference.names)
        confusion.update(self.prediction, self.reference)
        return confusion

    @property
    def pixel_size(self) -> PixelSize | None:
        """That of the prediction, or of the reference where only that knows it."""
        return self.prediction.pixel_size or self.reference.pixel_size


def of_classes(names: Iterable[str], kinds: Mapping[str, Description]) -> dict[Key, Description]:
    """Give each class its numbers, described by the last words of their keys."""
    return {("classes", name, kind): kinds[kind] for name in names for kind in kinds}


class Pooled(Protocol[Kept]):
    """A family of numbers of mixtures of images, or of files, from what was seen of each."""

    @property
    def numbers(self) -> Mapping[Key, Description]:
        """What is said of the N numbers, in the order of the columns of ``scores``."""
        ...

    def scores(self, seen: Sequence[Kept], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the numbers of mixtures of the images.

        Parameters
        ----------
        seen : sequence, n
            What ``look`` gave for each image.
        weights : array of float64, shape (B, n)
            How often each image counts in each mixture, 0 or more.

        Returns
        -------
        array of float64, shape (B, N)
            NaN where a number is not defined, as the IoU of a class that nowhere is.
        """
        ...


class Metric(Pooled[Seen], Protocol[Seen]):
    """Numbers of label images: it looks at each pair once."""

    def look(self, pair: ComparedPair) -> Seen:
        """Keep of a pair what the numbers need, and nothing that is large."""
        ...


class Additive(ABC):
    """A metric whose numbers follow from sums over images: what is seen is a vector of counts."""

    @property
    @abstractmethod
    def numbers(self) -> Mapping[Key, Description]:
        """What is said of the N numbers, in the order of the columns of ``scores``."""

    @abstractmethod
    def look(self, pair: ComparedPair) -> NDArray[np.float64]:
        """Count what the numbers need in one pair, shape (M,)."""

    @abstractmethod
    def of_sums(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the numbers, shape (B, N), of sums of what was seen, shape (B, M)."""

    def scores(
        self, seen: Sequence[NDArray[np.float64]], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Compute the numbers of mixtures of the images, as `Metric.scores` says."""
        return self.of_sums(weights @ np.stack(seen))
