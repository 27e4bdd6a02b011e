"""What becomes of a predicted plane between the network and its files.

Thresholds choose classes anew, band by band; where objects matter, the bands of a plane are held
back, as runs in a temporary file, until its last one has come::

    bands  ->  thresholds  ->  holes, small objects, numbers  ->  bands
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from emseg.answering import InstanceMethod
from emseg.bundle import ModelCard
from emseg.calibration import parse_smallest
from emseg.config import PredictConfig
from emseg.errors import ContentError, UsageError
from emseg.inference.answers.objects import ObjectFinder, ObjectRules
from emseg.inference.answers.thresholds import choose, in_order
from emseg.inference.answers.uncertainty import entropy
from emseg.inference.bands import Band
from emseg.inference.jobs import file_of
from emseg.measuring.joining import JoinedObjects
from emseg.micrograph import Micrograph, unlabelled_value


@dataclass(frozen=True, slots=True, eq=False)
class SettledLabels:
    """Rows of a plane as they are written.

    Parameters
    ----------
    top : int
        Their first, in the micrograph.
    labels : array of uint8 or uint16, shape (rows, X)
        Class indices; unlabelled where there is no specimen.
    numbers : array of uint32, shape (rows, X), or None
        Of objects, 0 for none; None unless they were asked for.
    """

    top: int
    labels: NDArray[Any]
    numbers: NDArray[np.uint32] | None = None


def wants_probabilities(config: PredictConfig) -> bool:
    """Whether the classes alone are not enough for what a user wants."""
    return bool(config.probabilities or config.uncertainty or config.thresholds or config.instances)


def uncertainty_of(band: Band) -> NDArray[np.float32]:
    """Entropy of a band, and the maps that an ensemble tells; shape (1 + maps, rows, X).

    0 where there is no specimen.
    """
    if band.probabilities is None or band.maps is None:
        raise ValueError("a band without probabilities says nothing of uncertainty")
    return np.concatenate([entropy(band.probabilities)[np.newaxis], band.maps])


class Settling:
    """Settles the classes and objects of the planes of one file; a context manager.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    config : PredictConfig
        What is wanted.

    Raises
    ------
    UnknownNameError
        When a threshold is for a class that the model does not know.
    """

    def __init__(self, card: ModelCard, config: PredictConfig) -> None:
        names = [each.name for each in card.classes]
        self._classes, self._config = len(names), config
        self._thresholds = in_order(config.thresholds, names) if config.thresholds else None
        self._finder: ObjectFinder | None = None
        self.objects: JoinedObjects | None = None
        """The objects of the last plane, where they were looked for."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._finder is not None:
            self._finder.__exit__(kind, error, trace)

    def put(self, band: Band) -> Iterator[SettledLabels]:
        """Take the next rows of a plane.

        Yields
        ------
        SettledLabels
            Rows that are settled, top to bottom; all of them once the last band has come.

        Raises
        ------
        ContentError
            When a size is an area or a length and the pixel size is unknown, which costs this file
            alone; when a watershed needs more memory than is free.
        """
        labels = self._chosen(band)
        if not self._looks_at_objects:
            yield SettledLabels(band.top, labels)
            return
        micrograph = band.plane.micrograph
        if self._finder is None:
            self._finder = self._begin(micrograph)
        shares = band.probabilities if self._config.instances else None
        self._finder.put(labels, shares)
        if not band.is_last:
            return
        with self._finder as finder:
            self._finder = None
            self.objects = finder.finish()
            top = 0
            for each in finder.bands():
                yield SettledLabels(top, each.labels, each.numbers)
                top += len(each.labels)

    @property
    def _looks_at_objects(self) -> bool:
        config = self._config
        return bool(config.smallest or config.fill_holes or config.instances)

    def _chosen(self, band: Band) -> NDArray[Any]:
        if self._thresholds is None or band.probabilities is None:
            return band.labels
        is_specimen = band.labels != unlabelled_value(self._classes)
        chosen = choose(band.probabilities, self._thresholds)
        return np.where(is_specimen, chosen, band.labels)

    def _begin(self, micrograph: Micrograph) -> ObjectFinder:
        config, size = self._config, micrograph.pixel_size
        smallest, hole = config.smallest, config.fill_holes
        try:
            least = parse_smallest(smallest).in_pixels(size) if smallest else 1
            most = parse_smallest(hole, "--fill-holes").most_pixels(size) if hole else 0
        except UsageError as error:  # of a file without a pixel size, and not of the command
            raise ContentError(f"{file_of(micrograph)}: {error}") from error
        rules = ObjectRules(
            self._classes,
            tuple(range(1, self._classes)),
            least,
            most,
            InstanceMethod(config.instances) if config.instances else None,
            (size.y_nm, size.x_nm) if size else (1.0, 1.0),
        )
        folder = Path(config.out)
        return ObjectFinder(rules, micrograph.size[1], folder, micrograph.title)
