"""What an evaluation compares and asks, from its configuration."""

from emseg.calibration import parse_distance, parse_smallest
from emseg.config import EvaluateConfig, parse_slices
from emseg.evaluation import USUAL, MaskRule, MetricSelection
from emseg.evaluation.matching import Masks


def selection(config: EvaluateConfig) -> MetricSelection:
    """Say which numbers are wanted."""
    return MetricSelection(
        metrics=USUAL if config.metrics is None else config.metrics,
        distance=parse_distance(config.distance) if config.distance else None,
        objects=config.objects,
        smallest=parse_smallest(config.smallest),
        group_by=config.group_by,
        draws=config.draws,
        seed=config.seed,
    )


def truth_of(config: EvaluateConfig) -> Masks | None:
    """Take the masks as one set or as one a class, whichever was named."""
    if config.compare is not None and not config.mask_folders:
        return [config.inputs]
    if config.mask_folders:
        return config.mask_folders
    return None if config.masks is None else [config.masks]


def rule_of(config: EvaluateConfig) -> MaskRule:
    """Say what the values of masks mean."""
    return MaskRule(config.classes, config.labels, config.prediction_labels, config.unlabelled)


def slices_of(config: EvaluateConfig) -> slice | None:
    """Say which planes are compared."""
    return parse_slices(config.slices) if config.slices else None
