"""A model becomes one for runtimes that predict without torch."""

import logging
from collections.abc import Callable, Sequence

import numpy as np

from emseg.bundle import StoredModel, load_model
from emseg.bundle.exports import Export
from emseg.commands.refusing import refuse_for_classifier
from emseg.config import ExportConfig, ExportKind, Task
from emseg.evaluation import MaskRule
from emseg.evaluation.matching import list_mask_planes, match_masks
from emseg.evaluation.meaning import meaning_of_masks
from emseg.inference.exporting import LabelledTile, export_model, quantise_model
from emseg.inference.exporting.tiles import tiles_of
from emseg.inference.preparing import Preparing
from emseg.mask_values import parse_mask_folders
from emseg.micrograph import LabelImage, Micrograph
from emseg.reading import NO_MICROGRAPHS, list_planes

_Read = Callable[[], tuple[Micrograph, LabelImage | None]]
_MOST = 96  # tiles of all micrographs; some calibrate, the others are judged
_PLANES = 32  # of which they are taken
_log = logging.getLogger(__name__)


def export(config: ExportConfig) -> Export:
    """Export a model beside its weights, and compare what it answers with the network.

    Parameters
    ----------
    config : ExportConfig
        Which model, what is made, and by which micrographs it is calibrated and judged.

    Returns
    -------
    Export
        What was written, and how well it answers.

    Raises
    ------
    EmsegError
        Whatever is wrong with the model and the micrographs; when the export does not answer as
        the network does.
    """
    model = load_model(config.model)
    tiles = _tiles(model, config.images, config.masks) if config.images else []
    if config.to == ExportKind.INT8:
        _log.info("calibrating with tiles of %d places, half of which are judged", len(tiles))
        return quantise_model(model, tiles, max_loss=config.max_loss, threads=config.threads)
    image = tiles[0].image if tiles else None
    return export_model(model, config.to, image, config.threads)


def _tiles(model: StoredModel, images: Sequence[str], masks: Sequence[str]) -> list[LabelledTile]:
    """Cut tiles out of all micrographs, or of a seeded choice of many."""
    preparing, rng = Preparing(model.card), np.random.default_rng(0)
    pairs = _unmasked(model, images) if not masks else _masked(model, images, masks)
    chosen = [pairs[number] for number in sorted(rng.permutation(len(pairs))[:_PLANES])]
    most = -(-_MOST // len(chosen))
    tiles: list[LabelledTile] = []
    for read in chosen:
        micrograph, mask = read()
        tiles += tiles_of(model.card, preparing, micrograph, mask, most, rng)
    return tiles


def _unmasked(model: StoredModel, images: Sequence[str]) -> list[_Read]:

    planes = list_planes(images, options=model.card.read_options(), skip=NO_MICROGRAPHS)
    return [lambda plane=plane: (plane.read(), None) for plane in planes]  # type: ignore[misc]


def _masked(model: StoredModel, images: Sequence[str], masks: Sequence[str]) -> list[_Read]:
    """Find the mask of each micrograph, whose values mean what they meant in the training."""
    if model.card.task is Task.CLASSIFICATION:
        refuse_for_classifier({"masks": masks})
    folders = parse_mask_folders(masks) if "=" in masks[0] else {}
    matches = match_masks(
        list_planes(images, options=model.card.read_options(), skip=NO_MICROGRAPHS),
        list_mask_planes(folders or masks),
        kind="image",
    )
    classes = model.card.label_classes
    meaning = meaning_of_masks(classes, matches, MaskRule(), tuple(folders))
    return [
        lambda match=match: (match.image.read(), meaning.read(match.masks))  # type: ignore[misc]
        for match in matches
    ]
