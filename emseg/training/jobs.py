"""A job is what differs between tasks: data, network, loss, judge and card."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.utils.data import Dataset

from emseg import __version__
from emseg.bundle import Architecture, CardReading, ModelCard, card_classes
from emseg.config import Task, TrainConfig
from emseg.errors import ContentError
from emseg.inference import measure_halo
from emseg.inference.preparing.likeness import likeness_of
from emseg.inference.preparing.polarity import polarity_of
from emseg.intensity import IntensityRule, Statistics, middle_of, normalise
from emseg.learning import parse_weights
from emseg.micrograph import LabelClass
from emseg.naming import shown, tamed
from emseg.networks import (
    FOREST,
    NetworkSpec,
    build_network,
    check_images,
    check_network,
    forest_encoder,
    inspect_network,
    with_image_size,
)
from emseg.starting import check_start
from emseg.tiling import padded_length
from emseg.training.crops import CropDataset
from emseg.training.holding_out import LabelledPlane
from emseg.training.images import (
    ClassSet,
    ImageDataset,
    LabelledMicrograph,
    Shown,
    class_fingerprint,
    in_turns,
    load_classes,
)
from emseg.training.judging import ClassificationJudge, Judge, SegmentationJudge
from emseg.training.labelled import LabelledSet, fingerprint, load_labelled
from emseg.training.losses import class_weights
from emseg.training.schedule import EPOCH
from emseg.training.tasks import ClassificationTask, SegmentationTask, TrainingTask
from emseg.training.transfer import Transfer, start_from

_RULE = IntensityRule.ZSCORE


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """Everything that a run needs, whatever its task.

    Parameters
    ----------
    network : nn.Module
        With the weights that it starts from; fresh ones are decided by the seed.
    card : ModelCard
        As far as it is known before training.
    dataset : Dataset
        Samples by their number, without end.
    task : callable
        Makes the Lightning module from a network, the factor of the rate at each step, and the
        configuration, whose rate is a number.
    judge : Judge
        Scores a network on the validation micrographs.
    finish : callable
        Completes the card with what is measured on the trained network, on a part of a
        micrograph of so many pixels a side where time is short.
    images, validation_images : int
        How many micrographs there are.
    fingerprint : str
        sha256 of the training data.
    transfer : Transfer
        What the network starts from, and which of its stages are frozen.
    shown : tuple of LabelledPlane or of LabelledMicrograph
        Validation micrographs to draw.
    """

    network: nn.Module
    card: ModelCard
    dataset: Dataset[tuple[Tensor, Tensor]]
    task: Callable[[nn.Module, Callable[[int], float], TrainConfig], TrainingTask]
    judge: Judge
    finish: Callable[[nn.Module, int | None], dict[str, Any]]
    images: int
    validation_images: int
    fingerprint: str
    transfer: Transfer
    shown: Shown = ()


_SHOWN_PIXELS = 8_000_000  # of validation micrographs that are predicted once more at the end
_FEWEST_SHOWN = 4
_MOST_CLASSIFIED = 200  # validation micrographs that are classified once more at the end


def prepare(config: TrainConfig, device: torch.device) -> TrainingJob:
    """Read the data and build the network that a configuration asks for.

    Raises
    ------
    EmsegError
        Whatever is wrong with the names, the files or the labels.
    """
    name, encoder = check_network(config.task, config.network, config.encoder)
    if name == FOREST.name:
        encoder = forest_encoder(config.pretrained)
    config = config.model_copy(update={"network": name, "encoder": encoder})
    check_start(config.pretrained, config.freeze, config.unfreeze_every)
    make = _segmentation if config.task is Task.SEGMENTATION else _classification
    try:
        job = make(config, device)
        ModelCard.read(job.card.model_dump_json())  # what is saved in the end can be read again
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ContentError(
            f"the card of the model takes no {field} {shown(str(first['input']))}: "
            f"{first['msg'].removeprefix('Value error, ')}; change the option or the micrographs "
            "that it comes from"
        ) from error
    return job


def _segmentation(config: TrainConfig, device: torch.device) -> TrainingJob:
    data = load_labelled(config)
    network, transfer = _network(config, data.channels, data.classes)
    traits = inspect_network(network, data.channels)
    smallest = min(min(plane.micrograph.size) for plane in data.train)
    crop = padded_length(min(config.crop_size, smallest), traits.stride)
    _suited(config, data.channels, len(data.classes), crop)
    reach = traits.receptive_field // 2 if traits.receptive_field else crop // 4
    card = _card(config, data, crop, transfer).model_copy(
        update=asdict(traits) | {"halo": padded_length(reach, traits.stride)}
    )
    weights = _weights(config, data)
    return TrainingJob(
        network=network,
        card=card,
        dataset=CropDataset(
            data.train, crop, config.seed, _RULE, config.augment, rotate=config.rotate
        ),
        task=lambda network, rate, config: SegmentationTask(
            network, rate, config, classes=len(data.classes), weights=weights, transfer=transfer
        ),
        judge=SegmentationJudge(data.validation, card, device),
        finish=lambda network, side: _measured_halo(network, card, data.validation, side),
        images=len(data.train),
        validation_images=len(data.validation),
        fingerprint=fingerprint(data.train),
        transfer=transfer,
        shown=_shown(data.validation),
    )


def _shown(planes: tuple[LabelledPlane, ...]) -> tuple[LabelledPlane, ...]:
    """Choose validation micrographs to draw: the first four, and more while they are small."""
    sizes = np.cumsum([plane.labels.pixels.size for plane in planes])
    return planes[: max(_FEWEST_SHOWN, int((sizes <= _SHOWN_PIXELS).sum()))]


def _weights(config: TrainConfig, data: LabelledSet) -> tuple[float, ...] | None:
    """Weigh the classes as a configuration says; None where all weigh the same."""
    names = [each.name for each in data.classes]
    given = parse_weights(config.class_weights, names)
    if given is not None:
        return tuple(given.get(name, 1.0) for name in names)
    if config.class_weights == "none":
        return None
    counts = np.sum([plane.labels.counts() for plane in data.train], axis=0)
    return class_weights(counts.tolist())


def _classification(config: TrainConfig, device: torch.device) -> TrainingJob:
    data = load_classes(config)
    smallest = min(min(each.micrograph.size) for each in data.train)
    crop = min(config.crop_size, padded_length(smallest, 32))
    config = _suited(config, data.channels, len(data.classes), crop)
    network, transfer = _network(config, data.channels, data.classes)
    card = _card(config, data, crop, transfer)
    return TrainingJob(
        network=network,
        card=card,
        dataset=ImageDataset(
            data.train, crop, config.seed, _RULE, config.augment, rotate=config.rotate
        ),
        task=partial(ClassificationTask, transfer=transfer),
        judge=ClassificationJudge(data.validation, card, device),
        finish=lambda _network, _side: {},
        images=len(data.train),
        validation_images=len(data.validation),
        fingerprint=class_fingerprint(data.train),
        transfer=transfer,
        shown=in_turns(data.validation)[:_MOST_CLASSIFIED],
    )


def _suited(config: TrainConfig, channels: int, classes: int, crop: int) -> TrainConfig:
    """Fill in the size of the crops where a network is built for one; refuse unsuited crops."""
    spec = with_image_size(
        NetworkSpec(config.task, config.network, config.encoder, channels, classes, config.options),
        crop,
    )
    check_images(spec, crop, config.batch)
    return config.model_copy(update={"options": dict(spec.options)})


def _network(
    config: TrainConfig, channels: int, classes: tuple[LabelClass, ...]
) -> tuple[nn.Module, Transfer]:
    """Build the network, and load what it starts from."""
    torch.manual_seed(config.seed)
    spec = NetworkSpec(
        config.task, config.network, config.encoder, channels, len(classes), config.options
    )
    network = build_network(spec)
    return network, start_from(network, spec, classes, config, EPOCH)


def _card(
    config: TrainConfig, data: LabelledSet | ClassSet, crop: int, transfer: Transfer
) -> ModelCard:
    pixel_size = data.pixel_size
    card = ModelCard(
        emseg=__version__,
        task=config.task,
        architecture=Architecture(
            name=config.network, encoder=config.encoder, options=config.options
        ),
        in_channels=data.channels,
        classes=card_classes(data.classes),
        pixel_size_nm=(pixel_size.y_nm, pixel_size.x_nm) if pixel_size else None,
        pixel_size_source=tamed(pixel_size.source) if pixel_size else None,
        reading=CardReading(
            signal=config.signal,
            channels=config.channels,
            invert=config.invert,
            neighbours=config.neighbours,
        ),
        intensity=_RULE,
        crop=crop,
        licence=config.licence,
    )
    said = _of_micrographs(data.train) | {"pretrained": transfer.record(config)}
    return card.model_copy(update=said)


def _of_micrographs(data: Sequence[LabelledPlane | LabelledMicrograph]) -> dict[str, Any]:
    """Sum up the micrographs of a training for the card."""
    alone = [(each.micrograph, _own(each)) for each in data]
    return {
        "channels": _channel_names(data),
        "polarity": polarity_of(alone, _RULE),
        "likeness": likeness_of(alone, _RULE),
    }


def _own(each: LabelledPlane | LabelledMicrograph) -> Statistics:
    """Give the statistics of a micrograph without those of its neighbours."""
    return middle_of(each.statistics, len(each.micrograph.pixels))


def _channel_names(planes: Sequence[LabelledPlane | LabelledMicrograph]) -> tuple[str, ...]:
    """Names of the channels, where all micrographs agree on them."""
    names = {each.micrograph.channels for each in planes}
    return tuple(map(tamed, names.pop())) if len(names) == 1 else ()


_HALO_PIXELS = 1024  # side of the part of a micrograph on which the halo is measured


def _measured_halo(
    network: nn.Module,
    card: ModelCard,
    planes: tuple[LabelledPlane, ...],
    side: int | None = None,
) -> dict[str, Any]:
    if card.global_context:
        return {"halo": 0}
    plane = max(planes, key=lambda each: min(each.micrograph.size))
    side = side or _HALO_PIXELS
    pixels = plane.pixels[:, :side, :side]
    image = normalise(pixels, plane.statistics, card.intensity)
    reach = card.receptive_field
    return {"halo": measure_halo(network, image, stride=card.stride, receptive_field=reach)}
