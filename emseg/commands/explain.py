"""What a model looks at in a micrograph."""

import logging
from pathlib import Path

from emseg.bundle import StoredModel, load_model
from emseg.commands.explain_drawing import Drawing
from emseg.config import ExplainConfig, Explanation, Task
from emseg.errors import ContentError, UsageError
from emseg.explanation import Explainer, Record
from emseg.inference import choose_device, share_processor
from emseg.micrograph import Micrograph
from emseg.networks import FOREST
from emseg.reading import NO_MICROGRAPHS, find_files, open_stack, picked
from emseg.writing import results_folder

_log = logging.getLogger(__name__)
_OF_FORESTS = (Explanation.IMPORTANCE, Explanation.FEATURES, Explanation.OCCLUSION)


def explain(config: ExplainConfig) -> Record:
    """Look into a network while it sees a micrograph, and draw what is seen.

    Parameters
    ----------
    config : ExplainConfig
        Model, micrograph, and what is drawn.

    Raises
    ------
    UsageError
        When the network does not allow what was asked for.
    ContentError
        When the micrograph does not fit into memory with the gradients.
    EmsegError
        Whatever is wrong with the model, the file or the output folder.
    """
    device = choose_device(config.device)
    share_processor(device, config.threads)
    model = load_model(config.model)
    kinds = _kinds(model, config)
    micrograph = _plane(model, config)
    try:
        explainer = Explainer(
            model, micrograph, device, class_name=config.class_name, rescale=config.rescale
        )
        layers = tuple(dict.fromkeys(explainer.layer(name) for name in config.layers))
        with results_folder(config.out):
            drawing = Drawing(model, explainer, config.out, layers, config.patch)
            return drawing.draw(kinds, insists=config.what is not None)
    except MemoryError as error:
        raise _too_large(config.image) from error
    except RuntimeError as error:
        if type(error).__name__ != "OutOfMemoryError":  # torch's, which light modules do not know
            raise
        raise _too_large(config.image) from error


def _too_large(image: Path) -> ContentError:
    return ContentError(
        f"{image} does not fit into memory with the gradients; explain a part of it with --crop"
    )


def _kinds(model: StoredModel, config: ExplainConfig) -> tuple[Explanation, ...]:
    """Say what is drawn; refuse what no network of the task can give, before it has worked."""
    if config.what is None:
        if model.card.architecture.name == FOREST.name:
            return _OF_FORESTS
        return tuple(each for each in Explanation if each is not Explanation.IMPORTANCE)
    if Explanation.CAM in config.what and model.card.task is not Task.CLASSIFICATION:
        raise UsageError(
            "--what cam: class activation maps are of classifiers, and this model is for "
            "segmentation; --what gradcam is their generalisation"
        )
    return tuple(each for each in Explanation if each in config.what)


def _plane(model: StoredModel, config: ExplainConfig) -> Micrograph:
    """Read the plane that is explained: the first one, or the first of ``slices``."""
    paths = find_files([config.image], skip=NO_MICROGRAPHS)
    if len(paths) > 1:
        raise UsageError(
            f"{config.image} holds {len(paths)} micrographs and one is explained; name it"
        )
    stack = open_stack(paths[0], model.card.read_options(config))
    chosen = picked(range(len(stack)), config.slices, f"planes of {stack.path}")
    if len(chosen) > 1:
        _log.info(
            "%s has %d planes: plane %d is explained; choose another with --slices %d:%d",
            stack.path,
            len(stack),
            chosen[0],
            chosen[1],
            chosen[1] + 1,
        )
    return stack[chosen[0]]
