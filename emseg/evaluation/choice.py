"""Which numbers a user wants, and the metrics that compute them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from emseg.calibration import Distance, Smallest
from emseg.errors import MismatchError, UnknownNameError, UsageError
from emseg.evaluation.metric import ComparedPair, Metric
from emseg.evaluation.overlap import Overlap

_log = logging.getLogger(__name__)

GROUPS = MappingProxyType(
    {
        "overlap": "IoU, Dice, precision, recall, pixel accuracy; always",
        "boundary": "boundary F1 within a distance",
        "objects": "precision, recall, F1, average precision, panoptic quality of objects",
        "quantities": "errors of phase fraction, number, mean diameter, size distribution",
        "distances": "Hausdorff 95 % and mean distance of boundaries",
        "partitions": "adapted Rand error, variation of information",
        "membranes": "V_rand and V_info of ISBI 2012; some seconds a slice with probabilities",
        "probabilities": "calibration error, Brier score, average precision, ROC",
    }
)
USUAL = ("overlap", "boundary", "objects", "quantities")
_TWO_PIXELS = Distance(2, "px")  # how far a boundary may be off when no distance is named


@dataclass(frozen=True, slots=True)
class MetricSelection:
    """What an evaluation is asked.

    Parameters
    ----------
    metrics : tuple of str
        Names of groups of numbers, or ``"all"``.
    distance : Distance, optional
        How far a boundary may be off to be right; two pixels of each image by default. Its unit is
        that of all lengths; without one they are in nm where pixel sizes are known.
    objects : tuple of str, optional
        The classes whose connected components are objects; all but the first by default.
    smallest : Smallest
        Smaller objects are left out, on both sides.
    group_by : str
        What the units of the intervals are; see `emseg.evaluation.confidence`.
    draws : int
        Resamples of the bootstrap; 0 for no intervals.
    seed : int
        Of the resamples.
    """

    metrics: tuple[str, ...] = USUAL
    distance: Distance | None = None
    objects: tuple[str, ...] | None = None
    smallest: Smallest = field(default_factory=Smallest)
    group_by: str = "image"
    draws: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for each in self.metrics:
            if each not in (*GROUPS, "all"):
                raise UnknownNameError("group of metrics", each, (*GROUPS, "all"))

    @property
    def needs_probabilities(self) -> bool:
        """Whether probabilities are looked for."""
        return self.wants("membranes") or self.wants("probabilities")

    def wants(self, group: str) -> bool:
        """Whether a group of numbers is asked for."""
        return group == "overlap" or "all" in self.metrics or group in self.metrics


def choose_metrics(
    selection: MetricSelection, names: Sequence[str], first: ComparedPair
) -> tuple[Metric[Any], ...]:
    """Choose the metrics that answer a question.

    Parameters
    ----------
    selection : MetricSelection
        What is asked.
    names : sequence of str
        The classes that are compared.
    first : ComparedPair
        Says whether lengths are in nm, and whether there are probabilities.

    Raises
    ------
    UnknownNameError
        When a class of objects does not exist.
    MismatchError
        When a distance in nm is asked for and the pixel size is unknown.
    UsageError
        When probabilities are asked for by name and there are none.
    """
    from emseg.evaluation.metrics.boundaries import BoundaryF1, SurfaceDistances
    from emseg.evaluation.metrics.instances import ObjectScores
    from emseg.evaluation.metrics.membranes import MembraneScores
    from emseg.evaluation.metrics.partitions import PartitionScores
    from emseg.evaluation.metrics.probabilities import ProbabilityScores
    from emseg.evaluation.metrics.quantities import MeasuredQuantities

    names, objects = tuple(names), _objects(selection, names)
    distance, unit = boundary_distance(selection, first), _unit_of_lengths(selection, first)
    smallest = selection.smallest
    chosen: list[Metric[Any]] = [Overlap(names)]
    if selection.wants("boundary"):
        chosen.append(BoundaryF1(names, distance.value, distance.unit))
    if selection.wants("objects"):
        chosen.append(ObjectScores(names, objects, smallest))
    if selection.wants("quantities"):
        chosen.append(MeasuredQuantities(names, objects, unit, smallest))
    if selection.wants("distances"):
        chosen.append(SurfaceDistances(names, unit))
    if selection.wants("partitions"):
        chosen += [PartitionScores(name) for name in objects]
    if selection.wants("membranes"):
        chosen += [MembraneScores(name) for name in objects]
    if "probabilities" in selection.metrics and first.probabilities is None:
        raise UsageError(
            f"{first.name} has no probabilities to score; predict with --probabilities, or "
            "evaluate a model with --model"
        )
    if selection.wants("probabilities") and first.probabilities is not None:
        chosen.append(ProbabilityScores(names))
    elif "all" in selection.metrics:
        _log.warning(
            "%s has no probabilities, so that --metrics all leaves out the numbers that need them; "
            "predict with --probabilities, or evaluate a model with --model",
            first.name,
        )
    return tuple(chosen)


def boundary_distance(selection: MetricSelection, first: ComparedPair) -> Distance:
    """Say within which distance a boundary is right: two pixels of each image by default.

    Raises
    ------
    MismatchError
        When it is one in nm and the pixel size is unknown.
    """
    distance = selection.distance or _TWO_PIXELS
    if distance.unit == "nm" and first.pixel_size is None:
        raise MismatchError(
            f"--distance {distance} cannot be measured, because the pixel size of "
            f"{first.name} is unknown; give it, as in --pixel-size 1.9nm, or the distance in "
            "pixels, such as --distance 2px"
        )
    return distance


def _unit_of_lengths(selection: MetricSelection, first: ComparedPair) -> Literal["nm", "px"]:
    """Say what lengths are measured in: as --distance says, or else nm where that can be."""
    if selection.distance is not None:
        return selection.distance.unit
    return "px" if first.pixel_size is None else "nm"


def _objects(selection: MetricSelection, names: Sequence[str]) -> tuple[str, ...]:
    for each in selection.objects or ():
        if each not in names:
            raise UnknownNameError("class", each, names)
    return selection.objects if selection.objects is not None else tuple(names[1:])
