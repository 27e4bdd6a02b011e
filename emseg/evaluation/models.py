"""A model against the truth: it predicts in memory, and what it says is scored at once.

This module imports torch; the others of this room do not.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from emseg.bundle import ModelCard
from emseg.errors import UnknownNameError
from emseg.evaluation.choice import MetricSelection
from emseg.evaluation.classification import (
    ClassificationReport,
    ClassifiedFile,
    classification_report,
    source_of_file,
)
from emseg.evaluation.comparison import Comparison
from emseg.evaluation.exchanged import advice
from emseg.evaluation.label_images import files_of, source_of
from emseg.evaluation.matching import Masks, Match, list_mask_planes, match_masks
from emseg.evaluation.meaning import MaskClasses, MaskRule, meaning_of_masks
from emseg.evaluation.report import SegmentationReport
from emseg.evaluation.scoring import Compared, Observer, check_units
from emseg.inference import Classifier, Segmenter
from emseg.meters import tracked
from emseg.micrograph import Micrograph
from emseg.reading import NO_MICROGRAPHS, LabelledFile, ReadOptions, list_planes


def compare_segmenter(
    card: ModelCard,
    read: Callable[[MaskClasses], Callable[[Match], Compared]],
    images: Sequence[str | Path],
    masks: Masks,
    *,
    rule: MaskRule | None = None,
    slices: slice | None = None,
    options: ReadOptions | None = None,
    selection: MetricSelection | None = None,
) -> Comparison:
    """Say how micrographs are segmented and compared with their masks; nothing is written.

    Parameters
    ----------
    card : ModelCard
        Of the model; it says which mask values its classes had in training.
    read : callable
        Given what masks mean, gives what predicts a micrograph, `predicted` say.
    images : sequence of path
        Files, folders and globs.
    masks, rule, slices, selection
        As `compare_label_images` takes them.
    options : ReadOptions, optional
        How the images are read; as in training by default.

    Raises
    ------
    MismatchError, LabelError, UnknownNameError
        As `compare_label_images` does.
    """
    folders = tuple(masks) if isinstance(masks, Mapping) else ()
    matches = match_masks(
        list_planes(images, options=options or card.read_options(), skip=NO_MICROGRAPHS),
        list_mask_planes(masks, slices),
        kind="image",
    )
    classes = card.label_classes
    true = meaning_of_masks(classes, matches, rule or MaskRule(), folders)
    selection = selection or MetricSelection()
    check_units([source_of(each) for each in matches], selection)
    names = tuple(each.name for each in classes)
    return Comparison(names, matches, read(true), selection, advice(true), "predicting")


def predicted(
    segmenter: Segmenter, true: MaskClasses, match: Match, *, keep_probabilities: bool
) -> Compared:
    """Segment a micrograph, and read its masks."""
    micrograph = match.image.read()
    said = segmenter.segment(micrograph, keep_probabilities=keep_probabilities)
    return Compared(
        source_of(match),
        said.labels,
        true.read(match.masks),
        said.probabilities,
        micrograph,
        files_of(match),
        unlikeness=said.unlikeness,
    )


def evaluate_segmenter(
    segmenter: Segmenter,
    images: Sequence[str | Path],
    masks: Masks,
    *,
    observers: Sequence[Observer] = (),
    selection: MetricSelection | None = None,
    **options: Any,
) -> SegmentationReport:
    """Segment and compare, and report; options are those of `compare_segmenter`."""
    keeps = selection is not None and selection.needs_probabilities

    def read(true: MaskClasses) -> Callable[[Match], Compared]:
        return partial(predicted, segmenter, true, keep_probabilities=keeps)

    comparison = compare_segmenter(
        segmenter.card, read, images, masks, selection=selection, **options
    )
    return comparison.score(observers).report()


def evaluate_classifier(
    classifier: Classifier,
    files: Sequence[LabelledFile],
    *,
    top_k: int = 5,
    options: ReadOptions | None = None,
    selection: MetricSelection | None = None,
    look: Callable[[ClassifiedFile, Micrograph], None] = lambda _file, _micrograph: None,
) -> ClassificationReport:
    """Classify whole images and compare with their labels.

    The planes of a stack have the label of their file and are scored one by one.

    Parameters
    ----------
    classifier : Classifier
        A model on a device.
    files : sequence of LabelledFile
        Images and their classes.
    top_k : int
        The largest k of the top-k accuracy.
    options : ReadOptions, optional
        How the images are read; as in training by default.
    selection : MetricSelection, optional
        What the units of the intervals are.
    look : callable
        Called with each file and its micrograph while it is in memory.

    Raises
    ------
    UnknownNameError
        When a file is of a class that the model does not know.
    """
    options = options or classifier.card.read_options()
    names = [each.name for each in classifier.card.classes]
    for label in dict.fromkeys(each.label for each in files):
        if label not in names:
            raise UnknownNameError("class", label, names)
    selection = selection or MetricSelection()
    check_units([source_of_file(str(each.path)) for each in files], selection)
    classified = _classified(classifier, tracked("classifying")(files), options, look)
    return classification_report(names, classified, top_k=top_k, selection=selection)


def _classified(
    classifier: Classifier,
    files: Iterable[LabelledFile],
    options: ReadOptions,
    look: Callable[[ClassifiedFile, Micrograph], None],
) -> Iterable[ClassifiedFile]:
    for file in files:
        for plane in list_planes([file.path], options=options):
            name = str(file.path) if len(plane.stack) == 1 else f"{file.path}[{plane.index}]"
            micrograph = plane.read()
            said = classifier.classify(micrograph)
            classified = ClassifiedFile(name, file.label, said.probabilities, said.plane.unlikeness)
            look(classified, micrograph)
            yield classified
