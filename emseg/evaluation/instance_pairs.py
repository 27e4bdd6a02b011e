"""Label images whose values number objects, as cellpose, StarDist and ilastik write them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.config import Numbered
from emseg.errors import LabelError
from emseg.evaluation.matching import Match
from emseg.evaluation.meaning import MaskRule
from emseg.evaluation.metric import Objects
from emseg.labels import colour
from emseg.labels.instances import read_instances
from emseg.micrograph import UNLABELLED_8, LabelClass, LabelImage
from emseg.reading import Plane


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
        instances = read_instances(read, unlabelled)
        pixels = (instances.plane > 0).astype(np.uint8)
        if instances.unlabelled is not None:
            pixels[instances.unlabelled] = UNLABELLED_8
        image = LabelImage(
            pixels, self._classes, read.name, read.plane, read.pixel_size, read.specimen
        )
        return image, instances.plane if is_numbered else None
