"""What belongs together when some of the micrographs are held out, as a configuration says it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emseg.config import TrainConfig
from emseg.evaluation.confidence.units import IMAGE, UnitSource, group_images
from emseg.micrograph import Micrograph
from emseg.training.holding_out import Fold


def fold_of(config: TrainConfig) -> Fold | None:
    """Say which part a run holds out; None where it is a fraction."""
    if config.folds is None or config.fold is None:
        return None
    return Fold(config.fold, config.folds)


def groups_of(config: TrainConfig, micrographs: Sequence[Micrograph]) -> list[str] | None:
    """Give the number of the group of each micrograph; None where each stands for itself.

    Raises
    ------
    EmsegError
        When ``--group-by`` is no rule, or says nothing about one of them; see
        `emseg.evaluation.confidence.units.group_images`.
    """
    if config.group_by == IMAGE:
        return None
    sources = [
        UnitSource(each.title, each.path or Path(each.name), each.plane) for each in micrographs
    ]
    units = group_images(sources, config.group_by)
    if units.membership is None:
        return None
    return [str(number) for number in np.argmax(units.membership, axis=0)]
