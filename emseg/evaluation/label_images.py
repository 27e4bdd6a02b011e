"""Label images in files against masks in files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from emseg.errors import MismatchError
from emseg.evaluation.matching import Masks, Match, list_mask_planes, match_masks
from emseg.evaluation.meaning import MaskRule, Meaning, meaning_of_masks, meanings_of_foreign
from emseg.evaluation.segmentation import SegmentationReport, segmentation_report
from emseg.micrograph import LabelImage
from emseg.reading import AS_STORED, Plane, list_planes
from emseg.reading.label_images import LabelDescription, describe_label_images

Track = Callable[[Sequence[Match]], Iterable[Match]]
"""Hands on the matches one by one, and shows how far the work is."""


def evaluate_label_images(
    predictions: Sequence[str | Path],
    masks: Masks,
    *,
    rule: MaskRule | None = None,
    slices: slice | None = None,
    track: Track = iter,
) -> SegmentationReport:
    """Compare label images with masks.

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
    track : callable, optional
        Shows the progress.

    Raises
    ------
    MismatchError
        When nothing matches, or a prediction and its mask differ in size.
    LabelError
        When a mask holds a value that no class has.
    UnknownNameError
        When a class is named that the predictions do not have.
    """
    rule = rule or MaskRule()
    folders = tuple(masks) if isinstance(masks, Mapping) else ()
    files = _LabelFiles()
    matches = match_masks(
        list_planes(predictions, options=AS_STORED),
        list_mask_planes(masks, slices),
        numbers=files.numbers,
    )
    first = files.read(matches[0].image)
    if first is None:
        predicted, true = meanings_of_foreign(matches, rule, folders)
        names = true.names
        return segmentation_report(names, _foreign_pairs(track(matches), predicted, true))
    true = meaning_of_masks(first.classes, matches, rule, folders)
    return segmentation_report(first.names, _own_pairs(track(matches), files, first, true))


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


def _own_pairs(
    matches: Iterable[Match], files: _LabelFiles, first: LabelImage, true: Meaning
) -> Iterable[tuple[str, LabelImage, LabelImage]]:
    for match in matches:
        image = files.read(match.image)
        if image is None or set(image.names) != set(first.names):
            found = "no class names" if image is None else f"the classes {', '.join(image.names)}"
            raise MismatchError(
                f"{match.image.stack.path} has {found} but other predictions have "
                f"{', '.join(first.names)}; evaluate the predictions of one model at a time"
            )
        yield match.image.title, image, true.read(match.masks)


def _foreign_pairs(
    matches: Iterable[Match], predicted: Meaning, true: Meaning
) -> Iterable[tuple[str, LabelImage, LabelImage]]:
    for match in matches:
        yield match.image.title, predicted.read((match.image,)), true.read(match.masks)
