"""A model predicts, and what it says is scored."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from emseg.bundle import StoredModel, open_model
from emseg.commands.computing import computed_by, tell_choice
from emseg.commands.evaluate_inputs import rule_of, selection, slices_of, truth_of
from emseg.commands.evaluate_page import ReportWriter
from emseg.commands.evaluate_shared import for_worker, scored
from emseg.commands.refusing import refuse_for_classifier
from emseg.config import EvaluateConfig, Task
from emseg.errors import UsageError
from emseg.evaluation import ClassificationReport, SegmentationReport
from emseg.evaluation.matching import Masks, Match
from emseg.evaluation.meaning import MaskClasses
from emseg.evaluation.models import compare_segmenter, evaluate_classifier, predicted
from emseg.evaluation.scoring import Compared
from emseg.inference import Classifier, Segmenter
from emseg.inference.backends.choosing import Choice
from emseg.inference.plan import Budget
from emseg.reading import class_folders

_OF_MASKS = (
    *("classes", "labels", "prediction_labels", "unlabelled", "slices"),
    *("metrics", "distance", "objects", "instances"),
)


def report_of_model(
    config: EvaluateConfig, path: Path, writer: ReportWriter
) -> SegmentationReport | ClassificationReport:
    """Let a model predict, and compare with the truth.

    Raises
    ------
    UsageError
        When something was named that does not fit the model.
    """
    if config.images is not None:
        raise UsageError(
            f"--images {config.images} is for label images; with --model the images are "
            f"{config.inputs}; leave it out"
        )
    model = open_model(path)
    if config.instances is not None:
        raise UsageError(
            f"--instances {config.instances} says what the values of label images are, and {path} "
            "predicts classes; leave it out"
        )
    writer.model = model
    truth = truth_of(config)
    if model.card.task is Task.CLASSIFICATION:
        if truth is not None:
            raise UsageError(
                f"{path} classifies whole images, so masks say nothing about it; give a folder "
                "with one sub-folder a class, or a CSV file with the columns file,label"
            )
        return _of_classifier(config, model, writer)
    if truth is None:
        raise UsageError(
            f"{path} segments images, so it needs masks; name them behind {config.inputs}, "
            "or --masks NAME=DIR"
        )
    return _of_segmenter(config, model, truth, writer)


def _of_classifier(
    config: EvaluateConfig, model: StoredModel, writer: ReportWriter
) -> ClassificationReport:
    refuse_for_classifier({name: getattr(config, name) for name in _OF_MASKS})
    if config.cluster is not None:
        raise UsageError(
            f"--cluster {config.cluster} shares images that are compared pixel by pixel, and "
            f"{config.model} gives each its class; leave it out"
        )
    files = class_folders(config.inputs)
    choice = computed_by(model, config)
    tell_choice(choice, model, f"crop: {model.card.crop} px")
    classifier = Classifier(model.card, choice.backend, rescale=config.rescale)
    options = model.card.read_options(config)
    return evaluate_classifier(
        classifier,
        files,
        top_k=config.top_k,
        options=options,
        selection=selection(config),
        look=writer.look_at_file,
    )


def _of_segmenter(
    config: EvaluateConfig,
    model: StoredModel,
    truth: Masks,
    writer: ReportWriter,
) -> SegmentationReport:
    asked = selection(config)
    keeps = asked.needs_probabilities
    segmenter = None
    if config.cluster is None:
        segmenter, choice = _opened(model, config)
        tell_choice(choice, model, _cut(segmenter))

    def read(true: MaskClasses) -> Callable[[Match], Compared]:
        if segmenter is None:
            return ModelReader(*for_worker(config), keeps, true)
        return partial(predicted, segmenter, true, keep_probabilities=keeps)

    comparison = compare_segmenter(
        model.card,
        read,
        [config.inputs],
        truth,
        rule=rule_of(config),
        slices=slices_of(config),
        options=model.card.read_options(config),
        selection=asked,
    )
    return scored(comparison, config, writer).report()


@dataclass(frozen=True, slots=True)
class ModelReader:
    """Predicts an image with a model that is opened once a process, and reads its masks.

    Parameters
    ----------
    config : EvaluateConfig
        Says the model, and what computes it.
    among : int
        How many share the memory.
    keep_probabilities : bool
        Whether they are scored.
    true : MaskClasses
        What masks mean.
    """

    config: EvaluateConfig
    among: int
    keep_probabilities: bool
    true: MaskClasses

    def __call__(self, match: Match) -> Compared:
        """Predict and read."""
        segmenter, _ = self._held()
        return predicted(segmenter, self.true, match, keep_probabilities=self.keep_probabilities)

    @property
    def words(self) -> str:
        """What computes, in words."""
        segmenter, choice = self._held()
        return f"{choice}, {_cut(segmenter)}"

    def _held(self) -> tuple[Segmenter, Choice]:
        key = f"{self.config.to_toml()}{self.among}"
        if key not in _held:
            _held.clear()
            model = open_model(cast(Path, self.config.model))
            _held[key] = _opened(model, self.config, among=self.among)
        return _held[key]


_held: dict[str, tuple[Segmenter, Choice]] = {}  # by a worker


def _opened(
    model: StoredModel, config: EvaluateConfig, *, among: int = 1
) -> tuple[Segmenter, Choice]:
    """Open what computes a model; see `Budget.of` for ``among``."""
    choice = computed_by(model, config)
    budget = Budget.of(choice.backend, config.max_ram, config.max_vram, among=among)
    segmenter = Segmenter(model.card, choice.backend, rescale=config.rescale, budget=budget)
    return segmenter, choice


def _cut(segmenter: Segmenter) -> str:
    return f"tile: {segmenter.tile} px, halo: {segmenter.halo} px"
