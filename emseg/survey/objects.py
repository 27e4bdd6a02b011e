"""What ``emseg measure`` finds in one field: the areas of its classes, and their objects."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize, parse_smallest
from emseg.config import Border, MeasureConfig
from emseg.errors import MismatchError
from emseg.labels.instances import Instances
from emseg.measuring import (
    ObjectTable,
    Phases,
    Pieces,
    border_weights,
    find_objects,
    find_pieces,
    measure_objects,
    phase_areas,
)
from emseg.micrograph import LabelImage, Micrograph
from emseg.survey.fields import Field
from emseg.survey.meaning import MeasuredClasses, measured_classes
from emseg.survey.scenes import Specimen

_log = logging.getLogger(__name__)
TINY = 10
"""Pixels below which the size of an object is little more than a guess."""


@dataclass(frozen=True, slots=True)
class Found:
    """The objects of one class of one field.

    Parameters
    ----------
    name : str
        Of the class.
    labels : array of an integer type, shape (Y, X)
        The objects; ``first`` is added to a label to give the number of the object in the field.
    first : int
        0 for the first class, so that no number occurs twice in a field.
    table : ObjectTable
        With these numbers, and positions in the whole label image.
    weights : array of float64, shape (n,)
        What each object counts for in the size distribution; 0 for one that does not.
    tiny : int
        Objects of fewer than `TINY` pixels.
    scattered : int
        Numbers in several pieces far apart, which have no size.
    """

    name: str
    labels: NDArray[Any]
    first: int
    table: ObjectTable
    weights: NDArray[np.float64]
    tiny: int
    scattered: int = 0

    @property
    def columns(self) -> list[str]:
        """The columns of ``objects.csv``."""
        return ["image", "class", "object", *list(self.table.columns())[1:]]

    def rows(self, image: str) -> list[dict[str, Any]]:
        """One dict an object, as in ``objects.csv``."""
        return [
            {"image": image, "class": self.name, "object": row.pop("label"), **row}
            for row in self.table.rows()
        ]

    @property
    def tally(self) -> "Tally":
        """What is kept of them for the summary."""
        counts = self.weights > 0
        return Tally(
            len(self.table),
            int(self.table.touches_border.sum()),
            self.tiny,
            self.table.diameter[counts],
            self.weights[counts],
            self.scattered,
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """What is kept of the objects of a class.

    Parameters
    ----------
    count : int
        Objects that were found.
    on_border : int
        Those of them that touch the border.
    tiny : int
        Those of fewer than `TINY` pixels.
    diameters, weights : array of float64, shape (n,)
        Of the objects that count in the size distribution.
    scattered : int
        Numbers in several pieces far apart, which are no objects of which one knows the size or
        how many there are.
    """

    count: int
    on_border: int
    tiny: int
    diameters: NDArray[np.float64]
    weights: NDArray[np.float64]
    scattered: int = 0

    @classmethod
    def over(cls, tallies: "list[Tally]") -> "Tally":
        """Put the objects of several fields together."""
        empty = np.zeros(0)
        return cls(
            sum(each.count for each in tallies),
            sum(each.on_border for each in tallies),
            sum(each.tiny for each in tallies),
            np.concatenate([empty, *(each.diameters for each in tallies)]),
            np.concatenate([empty, *(each.weights for each in tallies)]),
            sum(each.scattered for each in tallies),
        )


@dataclass(frozen=True, slots=True)
class FieldResult:
    """What is kept of one field for the summary.

    Parameters
    ----------
    field : Field
        Which one.
    size : tuple of int
        Height and width in pixels of the part that shows the specimen.
    phases : Phases
        Area of each class.
    objects : dict of str to Tally
        Of each class that was measured.
    """

    field: Field
    size: tuple[int, int]
    phases: Phases
    objects: dict[str, Tally]


def find_all(scene: Specimen, meaning: MeasuredClasses, config: MeasureConfig) -> Iterator[Found]:
    """Find and measure the objects of each class, one class in memory.

    Raises
    ------
    UsageError
        When ``--smallest`` is a length and the pixel size is unknown.
    EmsegError
        When the labels make no sense.
    """
    labels = scene.labels
    smallest = parse_smallest(config.smallest).in_pixels(labels.pixel_size)
    first = 0
    for name in meaning.measured:
        pieces = None
        if scene.instances is not None:
            plane, pieces = _numbered(scene, scene.instances, smallest, split=config.split)
        else:
            plane = find_objects(
                labels.pixels == labels.names.index(name),
                smallest=smallest,
                split=config.split,
                sampling=_sampling(labels.pixel_size),
            )
        found = _measured(scene, name, plane, first, config, pieces)
        first += len(found.table)
        del plane  # of a large field the largest thing in memory
        yield found


def measured_objects(
    labels: LabelImage, micrograph: Micrograph | None, config: MeasureConfig
) -> list[dict[str, Any]]:
    """Find and measure the objects of a label image in memory.

    Parameters
    ----------
    labels : LabelImage
        Unlabelled where it shows no specimen.
    micrograph : Micrograph or None
        Of the same size, for mean intensities.
    config : MeasureConfig
        Which classes, and how.

    Returns
    -------
    list of dict
        A row an object, as in ``objects.csv``.

    Raises
    ------
    MismatchError
        When the two differ in size.
    EmsegError
        As `find_all` does; when a class is not known.
    """
    if micrograph is not None and micrograph.size != labels.pixels.shape:
        raise MismatchError(
            f"the micrograph {micrograph.title} has {micrograph.size} pixels and the label image "
            f"{labels.pixels.shape}; give those of one field"
        )
    meaning = MeasuredClasses(labels.classes, measured_classes(labels.classes, config))
    scene = Specimen(labels, None, micrograph, (0, 0), labels.name)
    found = find_all(scene, meaning, config)
    return [row for each in found for row in each.rows(labels.name)]


def phases_of(scene: Specimen) -> Phases:
    """Measure the area of each class."""
    return phase_areas(scene.labels)


def _numbered(
    scene: Specimen, instances: Instances, smallest: int, *, split: bool
) -> tuple[NDArray[Any], Pieces | None]:
    """Take objects by their numbers, or the pieces of each number as objects of their own."""
    plane = instances.plane
    pieces = find_pieces(plane)
    if pieces.count:
        _tell_scattered(scene, pieces, split=split)
    if split:
        return _without_small(pieces.painted(), smallest), None
    small = _without_small(plane, smallest)
    return small, pieces if small is plane else find_pieces(small)


def _tell_scattered(scene: Specimen, pieces: Pieces, *, split: bool) -> None:
    lost = pieces.begins_again_at
    if split:
        if lost is None:
            return
        then = (
            f"each piece is taken as an object, and those numbered {lost}, {2 * lost}... are "
            f"lost; {pieces.remedy} to have them"
        )
    else:
        then = (
            "they are left out of the sizes, and no number density is given; "
            f"{pieces.remedy}, or add --split to take each piece as an object"
        )
    _log.warning(
        "%s: %s; %s",
        scene.file,
        pieces.in_words,
        then,
        extra={"more": "{} more files with numbers in several pieces far apart"},
    )


def _measured(
    scene: Specimen,
    name: str,
    plane: NDArray[Any],
    first: int,
    config: MeasureConfig,
    pieces: Pieces | None,
) -> Found:
    pixel_size, micrograph = scene.labels.pixel_size, scene.micrograph
    table = measure_objects(
        plane,
        pixel_size,
        intensities=micrograph.array if micrograph is not None else None,
        channels=micrograph.channels if micrograph is not None else (),
    )
    boxed = table if pieces is None else _in_largest_boxes(table, pieces, pixel_size)
    weights = _weights(boxed, scene.labels.pixels.shape, pixel_size, config.border)
    if pieces is not None:
        weights[pieces.scattered] = 0
    tiny = table.area < (TINY - 0.5) * (pixel_size.area_nm2 if pixel_size else 1.0)
    return Found(
        name,
        plane,
        first,
        _placed(table, scene, first),
        weights,
        int(tiny.sum()),
        0 if pieces is None else pieces.count,
    )


def _in_largest_boxes(
    table: ObjectTable, pieces: Pieces, pixel_size: PixelSize | None
) -> ObjectTable:
    """Give each object the bounding box of its largest piece, whatever crumbs lie far away."""
    y, x = _sampling(pixel_size)
    return replace(
        table,
        box_height=pieces.heights.astype(np.float64) * y,
        box_width=pieces.widths.astype(np.float64) * x,
    )


def _weights(
    table: ObjectTable, size: tuple[int, ...], pixel_size: PixelSize | None, border: Border
) -> NDArray[np.float64]:
    if border is Border.CORRECT:
        return border_weights(table, (size[0], size[1]), pixel_size)
    if border is Border.DROP:
        return np.where(table.touches_border, 0.0, 1.0)
    return np.ones(len(table))


def _placed(table: ObjectTable, scene: Specimen, first: int) -> ObjectTable:
    """Give the objects their numbers in the field, and their places in the whole label image."""
    y, x = _sampling(scene.labels.pixel_size)
    top, left = scene.corner
    return replace(
        table,
        label=table.label + first,
        nearest=np.where(table.nearest > 0, table.nearest + first, 0),
        centroid_row=table.centroid_row + top,
        centroid_column=table.centroid_column + left,
        centroid_y=table.centroid_y + top * y,
        centroid_x=table.centroid_x + left * x,
    )


def _sampling(pixel_size: PixelSize | None) -> tuple[float, float]:
    return (pixel_size.y_nm, pixel_size.x_nm) if pixel_size else (1.0, 1.0)


def _without_small(plane: NDArray[Any], smallest: int) -> NDArray[Any]:
    """Take out numbered objects of fewer pixels; the others keep their numbers."""
    if smallest == 1:
        return plane
    values, counts = np.unique(plane, return_counts=True)
    return np.where(np.isin(plane, values[counts < smallest]), 0, plane)
