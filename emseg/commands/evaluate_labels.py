"""Label images and their masks are compared."""

from pathlib import Path

from emseg.calibration import parse_pixel_size
from emseg.commands.evaluate_inputs import rule_of, selection, slices_of, truth_of
from emseg.commands.evaluate_page import ReportWriter
from emseg.commands.evaluate_shared import scored
from emseg.config import EvaluateConfig
from emseg.errors import UsageError
from emseg.evaluation import Scoring
from emseg.evaluation.label_images import compare_label_images

_OF_IMAGES = ("axes", "signal", "channels", "invert", "crop", "keep_bar", "rescale")
_OF_FILES = ("allow_external",)


def score_labels(config: EvaluateConfig, predictions: Path, writer: ReportWriter) -> Scoring:
    """Look at label images and their masks, here or by the workers of a cluster.

    Parameters
    ----------
    config : EvaluateConfig
        The masks, and how they are compared.
    predictions : Path
        The label images.
    writer : ReportWriter
        Sees each pair.
    """
    for name in _OF_IMAGES + _OF_FILES:
        if getattr(config, name) != type(config).model_fields[name].default:
            raise UsageError(
                f"--{name.replace('_', '-')} says how micrographs are read, and label images are "
                "compared here; leave it out, or evaluate a model with --model"
            )
    truth = truth_of(config)
    if truth is None:
        raise UsageError(
            f"{config.inputs} is compared with nothing; name the masks behind it, "
            "or --masks NAME=DIR"
        )
    comparison = compare_label_images(
        [predictions],
        truth,
        rule=rule_of(config),
        slices=slices_of(config),
        instances=config.instances,
        micrographs=[config.images] if config.images is not None else (),
        pixel_size=parse_pixel_size(config.pixel_size) if config.pixel_size else None,
        selection=selection(config),
        doing=f"comparing {predictions.name}" if config.compare else "comparing",
    )
    return scored(comparison, config, writer)
