"""``emseg evaluate --model``: a model predicts, and what it says is scored."""

from pathlib import Path
from typing import TYPE_CHECKING

from emseg.cli.evaluate_inputs import question, rule_of, slices_of, truth_of
from emseg.cli.tracking import track
from emseg.errors import UsageError

if TYPE_CHECKING:
    from emseg.bundle import Model
    from emseg.cli.evaluate_page import Witness
    from emseg.config import EvaluateConfig
    from emseg.evaluation import ClassificationReport, SegmentationReport
    from emseg.evaluation.matching import Masks

_OF_MASKS = (
    *("classes", "labels", "prediction_labels", "unlabelled", "slices"),
    *("metrics", "distance", "objects", "instances"),
)


def report_of_model(
    config: "EvaluateConfig", path: Path, witness: "Witness"
) -> "SegmentationReport | ClassificationReport":
    """Let a model predict, and compare with the truth, under a progress bar.

    Raises
    ------
    UsageError
        When something was named that does not fit the model.
    """
    from emseg.cli.machine import settle_threads

    settle_threads(config.device, config.threads)
    from emseg.bundle import open_model
    from emseg.config import Task

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
    witness.model = model
    truth = truth_of(config)
    if model.card.task is Task.CLASSIFICATION:
        if truth is not None:
            raise UsageError(
                f"{path} classifies whole images, so masks say nothing about it; give a folder "
                "with one sub-folder a class, or a CSV file with the columns file,label"
            )
        return _of_classifier(config, model, witness)
    if truth is None:
        raise UsageError(
            f"{path} segments images, so it needs masks; name them behind {config.inputs}, "
            "or --masks NAME=DIR"
        )
    return _of_segmenter(config, model, truth, witness)


def _of_classifier(
    config: "EvaluateConfig", model: "Model", witness: "Witness"
) -> "ClassificationReport":
    from emseg.cli.computing import computed_by, tell_choice
    from emseg.cli.mask_options import refuse_for_classifier
    from emseg.evaluation.models import evaluate_classifier
    from emseg.inference import Classifier
    from emseg.reading import class_folders

    refuse_for_classifier({name: getattr(config, name) for name in _OF_MASKS})
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
        question=question(config),
        track=track("classifying"),
        look=witness.look_at_file,
    )


def _of_segmenter(
    config: "EvaluateConfig",
    model: "Model",
    truth: "Masks",
    witness: "Witness",
) -> "SegmentationReport":
    from emseg.cli.computing import computed_by, tell_choice
    from emseg.evaluation.models import evaluate_segmenter
    from emseg.inference import Segmenter
    from emseg.inference.plan import Budget

    choice = computed_by(model, config)
    budget = Budget.of(choice.backend, config.max_ram, config.max_vram)
    segmenter = Segmenter(model.card, choice.backend, rescale=config.rescale, budget=budget)
    tell_choice(choice, model, f"tile: {segmenter.tile} px, halo: {segmenter.halo} px")
    return evaluate_segmenter(
        segmenter,
        [config.inputs],
        truth,
        rule=rule_of(config),
        slices=slices_of(config),
        options=model.card.read_options(config),
        question=question(config),
        onlookers=[witness.look],
        track=track("predicting"),
    )
