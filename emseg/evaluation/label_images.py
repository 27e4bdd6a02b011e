"""Label images in files against masks in files."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.config import Numbered
from emseg.errors import EmsegError, MismatchError
from emseg.evaluation.choice import MetricSelection
from emseg.evaluation.comparison import Comparison
from emseg.evaluation.confidence import UnitSource
from emseg.evaluation.exchanged import Advise, advice
from emseg.evaluation.foreign import meanings_of_foreign
from emseg.evaluation.instance_pairs import InstancePairs
from emseg.evaluation.matching import Masks, Match, Numbers, list_mask_planes, match_masks
from emseg.evaluation.meaning import MaskClasses, MaskRule, meaning_of_masks
from emseg.evaluation.scoring import Compared, Observer, Scoring, check_units
from emseg.labels import refuse_probabilities
from emseg.micrograph import LabelImage, Micrograph
from emseg.reading import AS_STORED, NO_MICROGRAPHS, Plane, list_planes, open_stack
from emseg.reading.stacks.label_images import LabelDescription, describe_label_images

_log = logging.getLogger(__name__)

Pictures = Mapping[tuple[Path, int], Plane]
"""The micrograph of each plane of a label image that has one."""

_MOST_CLASSES = 32  # of which a program writes probabilities, and values of labels
_NESTED = 3  # folders between a label image and that of the probabilities


def compare_label_images(
    predictions: Sequence[str | Path],
    masks: Masks,
    *,
    rule: MaskRule | None = None,
    slices: slice | None = None,
    micrographs: Sequence[str | Path] = (),
    pixel_size: PixelSize | None = None,
    instances: Numbered | None = None,
    selection: MetricSelection | None = None,
    doing: str = "comparing",
) -> Comparison:
    """Say how label images are compared with masks.

    Parameters
    ----------
    predictions : sequence of path
        Files, folders and globs: what ``emseg predict`` wrote, or label images of any program.
    masks : sequence of path, or mapping of str to path
        The truth; or, class by class, folders of binary masks for all but the background.
    rule : MaskRule, optional
        What the values mean. Predictions of emseg know their classes and the mask values that
        these had in training; then it is needed only for masks that are written otherwise.
    slices : slice, optional
        Which planes of the mask stack, or files of the mask folder, are compared.
    micrographs : sequence of path
        What was segmented, for the observers; matched by name as the masks are. Where neither a
        prediction nor its mask knows its pixel size, it is that of the micrograph.
    pixel_size : PixelSize, optional
        That of all label images, whatever their files say.
    instances : Numbered, optional
        Whose values number objects, as cellpose and StarDist write them; the other side then is
        binary.
    selection : MetricSelection, optional
        Which numbers are wanted; the usual ones by default.
    doing : str
        What a meter shows of it.

    Raises
    ------
    MismatchError
        When nothing matches, or a prediction and its mask differ in size.
    LabelError
        When a mask holds a value that no class has.
    UnknownNameError
        When a class is named that the predictions do not have.
    """
    rule, selection = rule or MaskRule(), selection or MetricSelection()
    folders = tuple(masks) if isinstance(masks, Mapping) else ()
    files = _LabelFiles()
    planes = list_planes(predictions, options=AS_STORED)
    if files.describe(planes[0].stack.path) is None:
        _refuse_probabilities(planes)
    matches = match_masks(
        planes,
        list_mask_planes(masks, slices),
        numbers=files.numbers,
    )
    check_units([source_of(each) for each in matches], selection)
    beside = _Beside(
        _pictures(matches, micrographs, files.numbers), pixel_size, selection.needs_probabilities
    )
    first = None if instances else files.read(matches[0].image)
    advise: Advise | None = None
    read: Callable[[Match], Compared]
    if instances:
        reader = InstancePairs(instances, rule)
        names, read = reader.names, partial(_instance_pair, reader, beside)
    elif first is None:
        predicted, true = meanings_of_foreign(matches, rule, folders)
        names, read = true.names, partial(_foreign_pair, predicted, true, beside)
        advise = advice(true, predicted)
    else:
        true = meaning_of_masks(first.classes, matches, rule, folders)
        names, read = first.names, partial(_own_pair, files, first.names, true, beside)
        advise = advice(true)
    # two images with probabilities may be too much memory
    is_ahead = not selection.needs_probabilities
    return Comparison(tuple(names), matches, read, selection, advise, doing, is_ahead)


def score_label_images(
    predictions: Sequence[str | Path],
    masks: Masks,
    *,
    observers: Sequence[Observer] = (),
    **options: Any,
) -> Scoring:
    """Compare label images with masks; options are those of `compare_label_images`."""
    return compare_label_images(predictions, masks, **options).score(observers)


def _refuse_probabilities(planes: Sequence[Plane]) -> None:
    """Refuse predictions that are probabilities, one or one a class, before they are matched."""
    first = planes[0].read()
    own = [each for each in planes if each.stack.path == planes[0].stack.path]
    is_float = first.pixels.dtype.kind == "f"
    if 1 < len(own) <= _MOST_CLASSES and (is_float or len(np.unique(first.pixels)) > _MOST_CLASSES):
        pixels = np.concatenate([first.pixels, *(each.read().pixels for each in own[1:])])
        refuse_probabilities(replace(first, pixels=pixels), "the prediction")
    refuse_probabilities(first, "the prediction")


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is known beside label images: micrographs, a pixel size, and probabilities."""

    pictures: Pictures
    pixel_size: PixelSize | None
    wants_probabilities: bool


class _LabelFiles:
    """Label images that emseg wrote, one plane in memory; what the last file says is kept."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._described: LabelDescription | None = None

    def describe(self, path: Path) -> LabelDescription | None:
        """Say what a file holds; None when emseg did not write it."""
        if self._path != path:
            self._described = describe_label_images(path)
            self._path = path
        return self._described

    def read(self, plane: Plane) -> LabelImage | None:
        """Read a plane; None when emseg did not write its file."""
        described = self.describe(plane.stack.path)
        if described is None:
            return None
        return described.label_image(plane.index, plane.read().pixels[0])

    def numbers(self, planes: Sequence[Plane]) -> list[int] | None:
        """Which planes of the predicted stack these are, where their file says it."""
        described = self.describe(planes[0].stack.path)
        numbers = [described.planes[plane.index] for plane in planes] if described else []
        known = [number for number in numbers if number is not None]
        return known if len(known) == len(planes) else None


def _own_pair(
    files: _LabelFiles,
    names: Sequence[str],
    true: MaskClasses,
    beside: _Beside,
    match: Match,
) -> Compared:
    image = files.read(match.image)
    if image is None or set(image.names) != set(names):
        found = "no class names" if image is None else f"the classes {', '.join(image.names)}"
        raise MismatchError(
            f"{match.image.stack.path} has {found} but other predictions have "
            f"{', '.join(names)}; evaluate the predictions of one model at a time"
        )
    values = _probabilities(match.image, image) if beside.wants_probabilities else None
    return _compared(match, image, true.read(match.masks), beside, values)


def _foreign_pair(
    predicted: MaskClasses, true: MaskClasses, beside: _Beside, match: Match
) -> Compared:
    return _compared(match, predicted.read((match.image,)), true.read(match.masks), beside)


def _instance_pair(reader: InstancePairs, beside: _Beside, match: Match) -> Compared:
    prediction, reference, objects = reader.read(match)
    return replace(_compared(match, prediction, reference, beside), objects=objects)


def _compared(
    match: Match,
    prediction: LabelImage,
    reference: LabelImage,
    beside: _Beside,
    probabilities: NDArray[Any] | None = None,
) -> Compared:
    plane = beside.pictures.get((match.image.stack.path, match.image.index))
    micrograph = None if plane is None else _readable(plane)
    size = beside.pixel_size or prediction.pixel_size or reference.pixel_size
    if size is None and micrograph is not None:
        size = micrograph.pixel_size
    return Compared(
        source_of(match),
        replace(prediction, pixel_size=size),
        reference,
        probabilities,
        micrograph,
        files_of(match),
    )


def _readable(plane: Plane) -> Micrograph | None:
    """Read a micrograph, which is shown only: one that cannot be read stops no evaluation."""
    try:
        return plane.read()
    except EmsegError as error:
        _log.warning("%s; the label images are compared without it", error)
        return None


def _pictures(
    matches: Sequence[Match], micrographs: Sequence[str | Path], numbers: Numbers
) -> Pictures:
    """Find the micrograph of each prediction."""
    if not micrographs:
        return {}
    found = match_masks(
        [each.image for each in matches],
        [list_planes(micrographs, skip=NO_MICROGRAPHS)],
        other="micrograph",
        numbers=numbers,
    )
    return {(each.image.stack.path, each.image.index): each.masks[0] for each in found}


def files_of(match: Match) -> tuple[Path, ...]:
    """List the files of an image and its masks."""
    return (match.image.stack.path, *(mask.stack.path for mask in match.masks))


def _probabilities(plane: Plane, labels: LabelImage) -> NDArray[Any] | None:
    """Read what ``emseg predict --probabilities`` wrote beside a label image, shape (K, Y, X)."""
    path = plane.stack.path
    beside = next(filter(Path.is_file, _places_beside(path)), None)
    if beside is None:
        return None
    values = open_stack(beside, AS_STORED)[plane.index].array
    if values.shape != (len(labels.classes), *labels.pixels.shape):
        raise MismatchError(
            f"{beside} has the shape {values.shape} and its label image {labels.pixels.shape} with "
            f"{len(labels.classes)} classes; predict again with --probabilities"
        )
    return values


def _places_beside(path: Path) -> Iterable[Path]:
    """Where ``emseg predict`` may have put the probabilities of a label image."""
    for folder in path.parents[:_NESTED]:
        yield folder / "probabilities" / path.relative_to(folder)


def source_of(match: Match) -> UnitSource:
    """Say where an image comes from, for the units of the intervals."""
    plane = match.image
    is_one = len(plane.stack) == 1
    return UnitSource(match.title, plane.stack.path, None if is_one else plane.index)
