"""Which numbers a user wants, and the metrics that compute them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from emseg.calibration import Distance, Smallest
from emseg.errors import MismatchError, UnknownNameError, UsageError
from emseg.evaluation.metric import Metric, Pair
from emseg.evaluation.overlap import Overlap

GROUPS = MappingProxyType(
    {
        "overlap": "IoU, Dice, precision, recall, pixel accuracy; always",
        "boundary": "boundary F1 within a distance",
        "objects": "precision, recall, F1, average precision, panoptic quality of objects",
        "quantities": "errors of phase fraction, number, mean diameter, size distribution",
        "distances": "Hausdorff 95 % and mean distance of boundaries",
        "partitions": "adapted Rand error, variation of information",
        "membranes": "V_rand and V_info of ISBI 2012; a second a slice of 512 x 512",
        "probabilities": "calibration error, Brier score, average precision, ROC",
    }
)
USUAL = ("overlap", "boundary", "objects", "quantities")
_PIXELS = 2  # how far a boundary may be off when no distance is named


@dataclass(frozen=True, slots=True)
class Question:
    """What an evaluation is asked.

    Parameters
    ----------
    metrics : tuple of str
        Names of groups of numbers, or ``"all"``.
    distance : Distance, optional
        How far a boundary may be off to be right; two pixels by default.
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
    question: Question, names: Sequence[str], first: Pair
) -> tuple[Metric[Any], ...]:
    """Choose the metrics that answer a question.

    Parameters
    ----------
    question : Question
        What is asked.
    names : sequence of str
        The classes that are compared.
    first : Pair
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
    from emseg.evaluation.metrics.quantities import Quantities

    names, objects = tuple(names), _objects(question, names)
    distance = boundary_distance(question, first)
    unit, smallest = distance.unit, question.smallest.in_pixels(first.pixel_size)
    chosen: list[Metric[Any]] = [Overlap(names)]
    if question.wants("boundary"):
        chosen.append(BoundaryF1(names, distance.value, unit))
    if question.wants("objects"):
        chosen.append(ObjectScores(names, objects, smallest))
    if question.wants("quantities"):
        chosen.append(Quantities(names, objects, unit, smallest))
    if question.wants("distances"):
        chosen.append(SurfaceDistances(names, unit))
    if question.wants("partitions"):
        chosen += [PartitionScores(name) for name in objects]
    if question.wants("membranes"):
        chosen += [MembraneScores(name) for name in objects]
    if "probabilities" in question.metrics and first.probabilities is None:
        raise UsageError(
            f"{first.name} has no probabilities to score; predict with --probabilities, or "
            "evaluate a model with --model"
        )
    if question.wants("probabilities") and first.probabilities is not None:
        chosen.append(ProbabilityScores(names))
    return tuple(chosen)


def boundary_distance(question: Question, first: Pair) -> Distance:
    """Say within which distance a boundary is right, and thereby the unit of all lengths."""
    size = first.pixel_size
    if question.distance is None:
        if size is None:
            return Distance(_PIXELS, "px")
        return Distance(_PIXELS * max(size.y_nm, size.x_nm), "nm")
    if question.distance.unit == "nm" and size is None:
        raise MismatchError(
            f"--distance {question.distance} cannot be measured, because the pixel size of "
            f"{first.name} is unknown; give it, as in --pixel-size 1.9nm, or the distance in "
            "pixels, such as --distance 2px"
        )
    return question.distance


def _objects(question: Question, names: Sequence[str]) -> tuple[str, ...]:
    for each in question.objects or ():
        if each not in names:
            raise UnknownNameError("class", each, names)
    return question.objects if question.objects is not None else tuple(names[1:])
