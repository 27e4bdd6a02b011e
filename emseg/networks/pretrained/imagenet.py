"""The ImageNet weights that the libraries publish for their networks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from emseg.errors import UnreadableFileError, first_line
from emseg.networks.imported import imported
from emseg.networks.libraries import Library, library_of
from emseg.networks.packaged import EFFICIENTNET_LITE0
from emseg.networks.parts import encoder_tensors
from emseg.networks.pretrained.fetching import HubFile, Remote, UrlFile
from emseg.networks.pretrained.files import read_tensors
from emseg.networks.pretrained.fitting import fit_tensors
from emseg.networks.spec import NetworkSpec


@dataclass(frozen=True, slots=True)
class Published:
    """Weights that a library publishes for a network.

    Parameters
    ----------
    name : str
        How they are called: ``"ImageNet weights of smp-hub/resnet34.imagenet"``.
    remote : HubFile or UrlFile
        Where they are.
    tensors : callable
        Reads the file into tensors by the names and in the shapes of the network.
    licence : str or None
        Of the weights, where the library says it.
    """

    name: str
    remote: Remote
    tensors: Callable[[Path], dict[str, Tensor]]
    licence: str | None = None


_PACKAGED = {"tf_efficientnet_lite0": EFFICIENTNET_LITE0}
"""Weights that need no network, by the network or encoder that they are of."""


def imagenet_weights(network: nn.Module, spec: NetworkSpec) -> Published | None:
    """Find the ImageNet weights of a network or its encoder; None when there are none."""
    library, name = library_of(spec)
    packaged = _PACKAGED.get((spec.encoder or name).removeprefix("tu-").removeprefix("timm-"))
    if packaged is not None and packaged.is_installed:
        return Published(
            f"ImageNet weights of the package {packaged.package.replace('_', '-')}",
            packaged,
            lambda path: fit_tensors(network, read_tensors(path), str(path)).tensors,
            packaged.licence,
        )
    if library is Library.SMP or spec.encoder is not None:
        return _of_encoder(network, spec)
    if library is Library.TIMM:
        return _of_timm(name, network, lambda overlay: _classifier(name, spec, overlay), "")
    if library is Library.TORCHVISION:
        return _of_torchvision(name, network)
    return None


def _of_encoder(network: nn.Module, spec: NetworkSpec) -> Published | None:
    """Weights of an encoder of segmentation-models-pytorch, its own or one of timm."""
    encoders = imported("segmentation_models_pytorch.encoders").encoders

    encoder = cast(Any, network).encoder
    kind = type(encoder).__name__
    if kind == "TimmUniversalEncoder":
        return _of_timm(encoder.name, network, lambda more: _features(encoder, more), "encoder.")
    if kind == "TimmViTEncoder":
        name = str(spec.encoder).removeprefix("tu-")
        return _of_timm(name, network, lambda more: _classifier(name, spec, more), "encoder.model.")
    published: dict[str, dict[str, str]] = encoders[spec.encoder]["pretrained_settings"]
    best = [tag for tag in published if tag.startswith("imagenet")] or list(published)
    if not best:
        return None
    found = published[best[0]]
    return Published(
        f"ImageNet weights of {found['repo_id']}",
        HubFile(found["repo_id"], ("model.safetensors",), found["revision"]),
        lambda path: fit_tensors(network, read_tensors(path), str(path)).tensors,
    )


def _of_timm(
    name: str, network: nn.Module, twin: Callable[[dict[str, Any]], nn.Module], prefix: str
) -> Published | None:
    """Weights that timm loads, in its own way, into a twin of the network."""
    timm = imported("timm")

    settings = timm.get_pretrained_cfg(name)
    if settings is None or not settings.has_weights:
        return None

    def tensors(path: Path) -> dict[str, Tensor]:
        try:
            loaded = twin({"file": str(path), "custom_load": False}).state_dict()
        except Exception as error:
            raise UnreadableFileError(
                f"{path} is damaged ({first_line(error):.100}); remove it and fetch it again"
            ) from error
        wanted = network.state_dict()
        named = {prefix + key: tensor for key, tensor in loaded.items()}
        return {
            key: named[key]
            for key in encoder_tensors(network)
            if key in named and named[key].shape == wanted[key].shape
        }

    remote: Remote
    if settings.hf_hub_id:
        repository, _, revision = settings.hf_hub_id.partition("@")
        own = (settings.hf_hub_filename,) if settings.hf_hub_filename else None
        names = own or ("model.safetensors", "pytorch_model.bin")
        remote = HubFile(repository, names, revision or None)
        return Published(f"weights of {repository}", remote, tensors, settings.license)
    if not isinstance(settings.url, str) or not settings.url:
        return None
    return Published(f"weights of timm's {name}", UrlFile(settings.url), tensors, settings.license)


def _classifier(name: str, spec: NetworkSpec, overlay: dict[str, Any]) -> nn.Module:
    timm = imported("timm")

    network: nn.Module = timm.create_model(
        name,
        pretrained=True,
        in_chans=spec.in_channels,
        num_classes=spec.classes,
        pretrained_cfg_overlay=overlay,
    )
    return network


def _features(encoder: Any, overlay: dict[str, Any]) -> nn.Module:
    """Build an encoder of timm once more, with its weights."""
    network: nn.Module = type(encoder)(
        encoder.name,
        pretrained=True,
        in_channels=encoder._in_channels,
        depth=encoder._depth,
        output_stride=encoder._output_stride,
        pretrained_cfg_overlay=overlay,
    )
    return network


def _of_torchvision(name: str, network: nn.Module) -> Published | None:
    models = imported("torchvision").models

    try:
        published = models.get_model_weights(name).DEFAULT
    except ValueError:
        return None
    address = published.url
    return Published(
        f"ImageNet weights of torchvision's {published}",
        UrlFile(address, Path(address).stem.rpartition("-")[2]),
        lambda path: fit_tensors(network, read_tensors(path), str(path)).tensors,
    )
