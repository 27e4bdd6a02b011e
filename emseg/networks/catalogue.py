"""Every network by name, for both tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from torch import nn

from emseg.config import Task
from emseg.errors import UnknownNameError, UsageError
from emseg.networks.first_convolution import adapt_first_convolution
from emseg.networks.unet import UNet

_DEFAULT_ENCODER = "resnet34"


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """Everything that is needed to build a network again.

    Parameters
    ----------
    task : Task
        Segmentation or classification.
    name : str
        A name of `network_names`.
    encoder : str or None
        Encoder of segmentation-models-pytorch; None for the classic U-Net and classifiers.
    in_channels : int
        Channels of the micrograph.
    classes : int
        Number of classes.
    options : mapping
        Further arguments of the network, plain values.
    """

    task: Task
    name: str
    encoder: str | None
    in_channels: int
    classes: int
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name if self.encoder is None else f"{self.name} on {self.encoder}"


def network_names(task: Task) -> tuple[str, ...]:
    """Names of the networks for a task, the default first."""
    if task is Task.SEGMENTATION:
        return ("unet", *(name for name in _architectures() if name != "unet"))
    return ("densenet121", *(name for name in _classifiers() if name != "densenet121"))


def check_network(task: Task, name: str, encoder: str | None) -> tuple[str, str | None]:
    """Resolve a network and its encoder as the user wrote them.

    Returns
    -------
    name, encoder : str, str or None
        The default encoder (resnet34) is filled in where a decoder needs one.

    Raises
    ------
    UnknownNameError
        When there is no such network or encoder; says which was probably meant.
    UsageError
        When a classifier is given an encoder.
    """
    if name == "unet" and task is Task.SEGMENTATION and encoder is None:
        return name, None  # the classic U-Net needs no library to be listed
    if name not in network_names(task):
        raise UnknownNameError(f"network for {task}", name, network_names(task))
    if task is Task.CLASSIFICATION:
        if encoder is not None:
            raise UsageError(
                f"--encoder {encoder} belongs to segmentation; a classifier is named by "
                f"--network alone (--network {encoder})"
            )
        return name, None
    encoder = encoder or _DEFAULT_ENCODER
    if not encoder.startswith("tu-") and encoder not in _encoders():
        raise UnknownNameError("encoder", encoder, _encoders())
    return name, encoder


def build_network(spec: NetworkSpec) -> nn.Module:
    """Build a network with fresh random weights.

    Raises
    ------
    UsageError
        When the decoder and the encoder do not fit each other, with the library's reason.
    """
    if spec.task is Task.CLASSIFICATION:
        return _classifier(spec)
    if spec.encoder is None:
        if spec.name != "unet":
            raise UsageError(f"the network {spec.name} needs an encoder; name one with --encoder")
        return UNet(spec.in_channels, spec.classes, **spec.options)
    import segmentation_models_pytorch as smp

    try:
        network = smp.create_model(
            spec.name,
            encoder_name=spec.encoder,
            encoder_weights=None,
            in_channels=spec.in_channels,
            classes=spec.classes,
            **spec.options,
        )
    except (ValueError, RuntimeError, KeyError, NotImplementedError, TypeError) as error:
        raise UsageError(f"{spec} cannot be built: {error}; choose another --encoder") from error
    return cast(nn.Module, network)


def _classifier(spec: NetworkSpec) -> nn.Module:
    import timm

    if timm.is_model(spec.name):
        timm_network: Any = timm.create_model(
            spec.name,
            pretrained=False,
            checkpoint_path="",  # stated, so that no card's options can name a pickle
            in_chans=spec.in_channels,
            num_classes=spec.classes,
            **spec.options,
        )
        _calm(timm_network.get_classifier())
        return cast(nn.Module, timm_network)
    import torchvision

    options = {"init_weights": True, "aux_logits": False} if spec.name == "googlenet" else {}
    network = torchvision.models.get_model(
        spec.name, num_classes=spec.classes, **options, **spec.options
    )
    adapt_first_convolution(network, spec.in_channels)
    return cast(nn.Module, network)


def _calm(head: object) -> None:
    """Let an untrained head say "I do not know": its loss starts at ln K."""
    if isinstance(head, nn.Linear):
        nn.init.normal_(head.weight, std=0.01)
        nn.init.zeros_(head.bias)


@cache
def _architectures() -> tuple[str, ...]:
    import segmentation_models_pytorch as smp

    return tuple(smp.MODEL_ARCHITECTURES_MAPPING)


@cache
def _encoders() -> tuple[str, ...]:
    from segmentation_models_pytorch.encoders import get_encoder_names

    return tuple(get_encoder_names())


@cache
def _classifiers() -> tuple[str, ...]:
    import timm
    import torchvision

    ours = torchvision.models.list_models(module=torchvision.models)
    return tuple(dict.fromkeys([*timm.list_models(), *ours]))
