"""Label images whose values number objects, as cellpose, StarDist and ilastik write them."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.config import Numbered
from emseg.errors import LabelError, listed
from emseg.evaluation.matching import Match
from emseg.evaluation.meaning import MaskRule
from emseg.evaluation.metric import Objects
from emseg.labels import colour
from emseg.labels.instances import read_instances
from emseg.measuring import find_pieces
from emseg.micrograph import UNLABELLED_8, LabelClass, LabelImage, unlabelled_value
from emseg.reading import Plane
from emseg.reading.stacks.label_images import describe_label_images

_log = logging.getLogger(__name__)


class InstancePairs:
    """Reads predictions and masks of which at least one numbers its objects.

    Parameters
    ----------
    numbered : Numbered
        Whose values are numbers of objects. On the other side all but 0 is one class, and objects
        are what hangs together.
    rule : MaskRule
        Names of the two classes, and the value of pixels that are not scored.

    Raises
    ------
    LabelError
        When not two classes are named, or values are given a class.
    """

    def __init__(self, numbered: Numbered, rule: MaskRule) -> None:
        self.names = tuple(rule.names or ("background", "object"))
        if len(self.names) != 2 or rule.labels or rule.prediction_labels:
            raise LabelError(
                "label images that number objects have two classes, what is no object and the "
                "objects; name them with --classes BACKGROUND,OBJECT and leave out --labels"
            )
        self.numbered, self.unlabelled = numbered, rule.unlabelled
        self._classes = tuple(
            LabelClass(name, colour(index), (index,)) for index, name in enumerate(self.names)
        )

    def read(self, match: Match) -> tuple[LabelImage, LabelImage, Objects]:
        """Read a prediction and its mask, and the numbers of their objects."""
        prediction, found = self._side(match.image, self.numbered is not Numbered.MASKS, None)
        reference, true = self._side(
            match.masks[0], self.numbered is not Numbered.PREDICTIONS, self.unlabelled
        )
        return prediction, reference, (found, true)

    def _side(
        self, plane: Plane, is_numbered: bool, unlabelled: int | None
    ) -> tuple[LabelImage, NDArray[Any] | None]:
        read = plane.read()
        if unlabelled is None and not is_numbered:
            unlabelled = _value_outside(plane.stack.path)
        instances = read_instances(read, unlabelled)
        if not is_numbered:
            _require_one_class(instances.plane, plane.stack.path, self.numbered)
        else:
            _tell_scattered(instances.plane, plane.stack.path)
        pixels = (instances.plane > 0).astype(np.uint8)
        if instances.unlabelled is not None:
            pixels[instances.unlabelled] = UNLABELLED_8
        image = LabelImage(
            pixels, self._classes, read.name, read.plane, read.pixel_size, read.specimen
        )
        return image, instances.plane if is_numbered else None


def _tell_scattered(plane: NDArray[Any], path: Path) -> None:
    pieces = find_pieces(plane)
    if pieces.count:
        _log.warning(
            "%s: %s; each number is scored as one object; %s",
            path,
            pieces.in_words,
            pieces.remedy,
            extra={"more": "{} more files with numbers in several pieces far apart"},
        )


def _value_outside(path: Path) -> int | None:
    """Value of the pixels of a label image of emseg that are not specimen."""
    described = describe_label_images(path)
    return unlabelled_value(len(described.classes)) if described else None


def _require_one_class(plane: NDArray[Any], path: Path, numbered: Numbered) -> None:
    marked = plane[plane > 0]
    if marked.size and marked.min() != marked.max():
        is_mask = numbered is Numbered.PREDICTIONS
        none = is_mask and marked.max() == UNLABELLED_8
        raise LabelError(
            f"{path} holds the values {listed(np.unique(plane))}, and --instances {numbered} takes "
            f"all but 0 of it as one class; give a binary {'mask' if is_mask else 'label image'} "
            "of the class that the objects belong to, or --instances both where its values number "
            f"objects too{', or --unlabelled 255 where 255 is none' if none else ''}"
        )
