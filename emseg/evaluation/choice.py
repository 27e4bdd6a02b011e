"""Which numbers a user wants, and the metrics that compute them."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from emseg.calibration import Distance, Smallest
from emseg.errors import MismatchError, UnknownNameError, UsageError
from emseg.evaluation.metric import ComparedPair, Metric
from emseg.evaluation.metrics.boundaries import BoundaryF1, SurfaceDistances, Unit
from emseg.evaluation.metrics.instances import ObjectScores
from emseg.evaluation.metrics.membranes import MembraneScores
from emseg.evaluation.metrics.partitions import PartitionScores
from emseg.evaluation.metrics.probabilities import ProbabilityScores
from emseg.evaluation.metrics.quantities import MeasuredQuantities
from emseg.evaluation.overlap import Overlap

_log = logging.getLogger(__name__)

USUAL = ("overlap", "boundary", "objects", "quantities")
_TWO_PIXELS = Distance(2, "px")  # how far a boundary may be off when no distance is named


@dataclass(frozen=True, slots=True)
class MetricSettings:
    """What the metrics of a group are made from.

    Parameters
    ----------
    names : tuple of str
        The classes that are compared.
    objects : tuple of str
        Those that consist of objects.
    distance : Distance
        How far a boundary may be off to be right.
    unit : {"nm", "px"}
        Of all lengths.
    smallest : Smallest
        Smaller objects are left out.
    """

    names: tuple[str, ...]
    objects: tuple[str, ...]
    distance: Distance
    unit: Unit
    smallest: Smallest


GROUPS: Mapping[str, Callable[[MetricSettings], Iterable[Metric[Any]]]] = MappingProxyType(
    {
        "overlap": lambda asked: [Overlap(asked.names)],
        "boundary": lambda asked: [
            BoundaryF1(asked.names, asked.distance.value, asked.distance.unit)
        ],
        "objects": lambda asked: [ObjectScores(asked.names, asked.objects, asked.smallest)],
        "quantities": lambda asked: [
            MeasuredQuantities(asked.names, asked.objects, asked.unit, asked.smallest)
        ],
        "distances": lambda asked: [SurfaceDistances(asked.names, asked.unit)],
        "partitions": lambda asked: map(PartitionScores, asked.objects),
        "membranes": lambda asked: map(MembraneScores, asked.objects),
        "probabilities": lambda asked: [ProbabilityScores(asked.names)],
    }
)
"""The metrics of each group, in the order of a report; each says what there is to say of it."""


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
    settings = MetricSettings(
        tuple(names),
        _objects(selection, names),
        boundary_distance(selection, first),
        _unit_of_lengths(selection, first),
        selection.smallest,
    )
    wanted = [each for each in GROUPS if selection.wants(each)]
    if "probabilities" in wanted and first.probabilities is None:
        _say_without_probabilities(selection, first.name)
        wanted.remove("probabilities")
    return tuple(metric for each in wanted for metric in GROUPS[each](settings))


def _say_without_probabilities(selection: MetricSelection, name: str) -> None:
    """Refuse what was asked for by name; of ``all`` they are left out."""
    if "probabilities" in selection.metrics:
        raise UsageError(
            f"{name} has no probabilities to score; predict with --probabilities, or "
            "evaluate a model with --model"
        )
    _log.warning(
        "%s has no probabilities, so that --metrics all leaves out the numbers that need them; "
        "predict with --probabilities, or evaluate a model with --model",
        name,
    )


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


def _unit_of_lengths(selection: MetricSelection, first: ComparedPair) -> Unit:
    """Say what lengths are measured in: as --distance says, or else nm where that can be."""
    if selection.distance is not None:
        return selection.distance.unit
    return "px" if first.pixel_size is None else "nm"


def _objects(selection: MetricSelection, names: Sequence[str]) -> tuple[str, ...]:
    for each in selection.objects or ():
        if each not in names:
            raise UnknownNameError("class", each, names)
    return tuple(dict.fromkeys(names[1:] if selection.objects is None else selection.objects))
