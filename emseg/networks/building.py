"""Building a network from its specification: the gate for what a stranger's card says."""

import warnings
from typing import Any, cast

from torch import nn

from emseg.errors import EmsegError, UnknownNameError, UsageError
from emseg.networks.first_convolution import adapt_first_convolution
from emseg.networks.imported import imported
from emseg.networks.initial_weights import calm
from emseg.networks.libraries import DENSENET264, Library, class_of, library_of
from emseg.networks.options import network_arguments
from emseg.networks.spec import NetworkSpec

_WAYS_OUT = {  # of decoders that do not take every encoder
    "dpt": "choose a vision transformer of timm, --encoder tu-vit_small_patch16_224",
    "linknet": "choose an --encoder with a stage at half the size, such as resnet34",
    "unetplusplus": "choose an --encoder with a stage at half the size, such as resnet34",
    "deeplabv3": "choose an --encoder that can be dilated, such as resnet34, or --network unet",
    "deeplabv3plus": "choose an --encoder that can be dilated, such as resnet34, or --network unet",
    "pan": "choose an --encoder that can be dilated, such as resnet34, or --network unet",
}


def build_network(spec: NetworkSpec) -> nn.Module:
    """Build a network with fresh random weights.

    Raises
    ------
    UnknownNameError
        When there is no such network, encoder or option.
    UsageError
        When an option has no such value, or the decoder and the encoder do not fit each other,
        with the library's reason.
    """
    library, name = library_of(spec)
    if library is Library.SMP:
        _check_encoder(spec)
    arguments = network_arguments(spec)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what libraries tell programmers about old names
            return _BUILDERS[library](name, spec, arguments)
    except EmsegError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(".!") or type(error).__name__
        raise UsageError(f"{spec} cannot be built: {reason}; {_way_out(spec)}") from error


def _way_out(spec: NetworkSpec) -> str:
    if spec.encoder is None:
        return "leave out its --option values, or choose another --network"
    return _WAYS_OUT.get(spec.name, "choose another --encoder, such as resnet34")


def _check_encoder(spec: NetworkSpec) -> None:
    """Refuse an encoder that is no name: timm would take an address for one and fetch it."""
    if spec.encoder is None:
        raise UsageError(f"the network {spec.name} needs an encoder; name one with --encoder")
    check_encoder(spec.encoder)


def check_encoder(encoder: str) -> None:
    """Refuse an encoder that there is not.

    Raises
    ------
    UnknownNameError
        Says which was probably meant.
    """
    get_encoder_names = imported("segmentation_models_pytorch.encoders").get_encoder_names

    if encoder.startswith("tu-"):
        names = imported("timm").list_models()
        if encoder.removeprefix("tu-").partition(".")[0] not in names:
            known = [*get_encoder_names(), *(f"tu-{each}" for each in names)]
            raise UnknownNameError("encoder", encoder, known)
    elif encoder not in get_encoder_names():
        raise UnknownNameError("encoder", encoder, get_encoder_names())


def _own(name: str, spec: NetworkSpec, arguments: dict[str, Any]) -> nn.Module:
    built = class_of(Library.EMSEG, name)
    encoder = (spec.encoder,) if name == "forest" else ()
    network: nn.Module = built(spec.in_channels, spec.classes, *encoder, **arguments)
    return network


def _of_timm(name: str, spec: NetworkSpec, arguments: dict[str, Any]) -> nn.Module:
    timm = imported("timm")

    network: Any = timm.create_model(
        name, pretrained=False, in_chans=spec.in_channels, num_classes=spec.classes, **arguments
    )
    calm(network.get_classifier())
    return cast(nn.Module, network)


def _of_torchvision(name: str, spec: NetworkSpec, arguments: dict[str, Any]) -> nn.Module:
    models = imported("torchvision").models

    if name == DENSENET264:
        network = models.DenseNet(
            32, (6, 12, 64, 48), 64, num_classes=spec.classes, **arguments
        )  # table 1 of the paper
    else:
        fixed = {"init_weights": True, "aux_logits": False} if name == "googlenet" else {}
        if name == "inception_v3":
            fixed = {"init_weights": False, "aux_logits": False}
        network = models.get_model(
            name, weights=None, num_classes=spec.classes, **fixed, **arguments
        )
    adapt_first_convolution(network, spec.in_channels)
    return cast(nn.Module, network)


def _of_smp(name: str, spec: NetworkSpec, arguments: dict[str, Any]) -> nn.Module:
    smp = imported("segmentation_models_pytorch")

    any_size = {"dynamic_img_size": True} if name == "dpt" else {}  # for vision transformers
    network = smp.create_model(
        name,
        encoder_name=spec.encoder,
        encoder_weights=None,
        in_channels=spec.in_channels,
        classes=spec.classes,
        **any_size,
        **arguments,
    )
    return cast(nn.Module, network)


_BUILDERS = {
    Library.EMSEG: _own,
    Library.TIMM: _of_timm,
    Library.TORCHVISION: _of_torchvision,
    Library.SMP: _of_smp,
}
