"""What an evaluation of label images found, ready for a file, a table and a page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.caveats import Counts, caveats, of_exchanged, of_pixels
from emseg.evaluation.confidence.intervals import Interval
from emseg.evaluation.description import Description
from emseg.evaluation.exchanged import Advise, ExchangedImage
from emseg.evaluation.metric import Key
from emseg.evaluation.metrics.calibration import BinnedCalibration
from emseg.evaluation.nesting import intervals_as_json, nested
from emseg.evaluation.overlap import counts_of
from emseg.evaluation.segmentation import SegmentationScores, scores_of_counts
from emseg.evaluation.turned import TurnedImage, of_turned


@dataclass(frozen=True, slots=True)
class Number:
    """One number over all images.

    Parameters
    ----------
    key : Key
        Where it stands in ``metrics.json``.
    value : float or None
        None when it is not defined, as the IoU of a class that nowhere is.
    description : Description
        What is said of it.
    interval : Interval or None
        Where the number lies when other images of the same kind are taken; None when that cannot
        be said.
    """

    key: Key
    value: float | None
    description: Description
    interval: Interval | None = None


def by_class(names: Iterable[str], numbers: Iterable[Number]) -> dict[str, dict[str, Number]]:
    """Give each class its numbers, by the last words of their keys."""
    found: dict[str, dict[str, Number]] = {name: {} for name in names}
    for each in numbers:
        if each.key[0] == "classes":
            found[each.key[1]][each.key[2]] = each
    return found


OF_IMAGES = (
    "Images by themselves, each over its own classes: they do not average to the pooled mean."
)
"""What a reader of a table of images must know."""


@dataclass(frozen=True, slots=True)
class ImageNumbers:
    """The numbers of one image.

    Parameters
    ----------
    name : str
        Of the image.
    pixels : int
        Labelled pixels of the reference.
    values : mapping of Key to float or None
        In the order of the report.
    unlikeness : float or None
        How far the micrograph is from the training of the model that predicted, up to 1 for one
        as the training has; None where nobody measured it.
    """

    name: str
    pixels: int
    values: Mapping[Key, float | None]
    unlikeness: float | None = None


@dataclass(frozen=True, slots=True)
class SegmentationReport:
    """What an evaluation of label images found.

    Parameters
    ----------
    names : tuple of str
        The K classes that were compared.
    numbers : tuple of Number
        Over all images, the overlap of each class first.
    images : tuple of ImageNumbers
        Of each image by itself, in the order in which they were compared.
    confusion : array of int64, shape (K, K)
        Pixels by [reference class, predicted class], pooled.
    missed : array of int64, shape (K,)
        Pixels of each reference class for which the prediction has no class.
    notes : mapping of str to str
        What the numbers were made with, for the reader: ``"distance": "5 nm"``.
    calibration : BinnedCalibration or None
        How often the most probable class is right beside how probable it was, pooled; None
        where no probabilities were scored.
    advise : callable, optional
        Says what to type where classes are exchanged.
    turned : tuple of TurnedImage
        The images whose predictions lie the wrong way round.
    exchanged : tuple of ExchangedImage
        The images in which classes look exchanged.
    """

    names: tuple[str, ...]
    numbers: tuple[Number, ...]
    images: tuple[ImageNumbers, ...]
    confusion: NDArray[np.int64]
    missed: NDArray[np.int64]
    notes: Mapping[str, str]
    calibration: BinnedCalibration | None = None
    advise: Advise | None = None
    turned: tuple[TurnedImage, ...] = ()
    exchanged: tuple[ExchangedImage, ...] = ()

    def number(self, *key: str) -> Number | None:
        """Find a number by its key; None when it was not asked for."""
        return next((each for each in self.numbers if each.key == key), None)

    def value(self, *key: str) -> float | None:
        """Find the value of a number by its key; one that was not asked for has none."""
        number = self.number(*key)
        return None if number is None else number.value

    @property
    def of_a_class(self) -> dict[str, Description]:
        """What is said of the numbers of a class, by the last words of their keys."""
        return {each.key[2]: each.description for each in self.numbers if each.key[0] == "classes"}

    @property
    def pooled(self) -> SegmentationScores:
        """The overlap over all images, class by class."""
        return scores_of_counts(self.names, counts_of(self.confusion, self.missed))

    @property
    def pixels(self) -> int:
        """Labelled pixels of all references."""
        return int(self.confusion.sum() + self.missed.sum())

    @property
    def absent(self) -> tuple[str, ...]:
        """Classes that neither side holds; they are left out of the means."""
        return tuple(name for name in self.names if self.value("classes", name, "iou") is None)

    @property
    def _counts(self) -> Counts:
        scores = (self.value("classes", name, "iou") for name in self.names)
        return Counts(self.names, self.confusion, self.missed, tuple(scores))

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader must know: classes of one side only or exchanged, pixels without one."""
        labelled = {each.name: each.pixels for each in self.images}
        lines = [*of_turned(self.turned, len(self.images)), *caveats(self._counts, self.advise)]
        if self._counts.exchange is None:
            lines += of_exchanged(self.exchanged, len(self.images))
        return (*lines, *of_pixels(labelled, int(self.missed.sum())))

    @property
    def confidence(self) -> Interval | None:
        """The interval on which most units bear; it says the level, the unit and the method."""
        known = (each.interval for each in self.numbers if each.interval)
        return max(known, key=lambda each: each.units, default=None)

    def as_json(self) -> dict[str, Any]:
        """Exactly what ``metrics.json`` holds; None becomes null."""
        return {
            **nested({each.key: each.value for each in self.numbers}),
            "absent": list(self.absent),
            **self._counts.as_json(),
            **({"turned": [each.as_json() for each in self.turned]} if self.turned else {}),
            **(
                {"exchanged_images": [each.as_json() for each in self.exchanged]}
                if self.exchanged
                else {}
            ),
            "caveats": list(self.caveats),
            "confusion": {
                "names": list(self.names),
                "pixels": self.confusion.tolist(),
                "missed": self.missed.tolist(),
            },
            "intervals": intervals_as_json({each.key: each.interval for each in self.numbers}),
            "settings": dict(self.notes),
            **({"calibration": self.calibration.as_json()} if self.calibration else {}),
            "images": [
                {
                    "name": each.name,
                    "pixels": each.pixels,
                    **of_training(each.unlikeness),
                    **nested(each.values),
                    "absent": [n for n in self.names if each.values["classes", n, "iou"] is None],
                }
                for each in self.images
            ],
        }

    def as_rows(self) -> list[dict[str, object]]:
        """One row an image, as ``metrics.csv`` holds them; an empty cell is not defined."""
        known = any(each.unlikeness is not None for each in self.images)
        return [
            {
                "image": each.name,
                "pixels": each.pixels,
                **of_training(each.unlikeness, is_known=known),
                **{_column(key): value for key, value in each.values.items()},
            }
            for each in self.images
        ]


def of_training(unlikeness: float | None, *, is_known: bool = False) -> dict[str, float | None]:
    """Write how far a micrograph is from a training; nothing where no micrograph has that."""
    if unlikeness is None:
        return {"unlikeness": None} if is_known else {}
    return {"unlikeness": round(unlikeness, 3)}


def _column(key: Key) -> str:
    """Name the column of a number: ``particle.iou``, ``mean.iou``."""
    return ".".join(key[1:] if key[0] == "classes" else key)


def plain_values(keys: Iterable[Key], values: NDArray[np.float64]) -> dict[Key, float | None]:
    """Name the values of one mixture; NaN becomes None."""
    return {
        key: None if np.isnan(value) else float(value)
        for key, value in zip(keys, values, strict=True)
    }
