"""The parts of a network: its stages from the image inwards, and its head."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, cast

import torch
from torch import Tensor, nn

from emseg.errors import UsageError
from emseg.networks.first_convolution import first_convolution
from emseg.networks.forest import Forest
from emseg.networks.unet import UNet

_SIDES = (224, 256, 384, 64, 32, 28)  # of images on which a network may be watched


def head_of(network: nn.Module) -> nn.Module:
    """Return what turns features into classes: the last layer of a network.

    Parameters
    ----------
    network : nn.Module
        Any network of the catalogue.
    """
    if isinstance(network, UNet | Forest):
        return network.head
    for name in ("segmentation_head", "get_classifier"):
        if hasattr(network, name):
            found = getattr(network, name)
            head = found() if callable(found) and not isinstance(found, nn.Module) else found
            return nn.ModuleList(head) if isinstance(head, tuple) else cast(nn.Module, head)
    return [each for each in network.modules() if isinstance(each, nn.Linear | nn.Conv2d)][-1]


def head_tensors(network: nn.Module) -> tuple[str, ...]:
    """Names of the weights of the head, as in the network's ``state_dict``."""
    inside = {id(each) for each in head_of(network).modules()}
    return tuple(name for name, owner in _tensors(network) if id(owner) in inside)


def encoder_tensors(network: nn.Module) -> tuple[str, ...]:
    """Names of the weights of the encoder, from the image inwards, as in ``state_dict``.

    The encoder of a segmentation network is its way down; that of a classifier is everything
    but its last layer. What is not encoder is new when an encoder is loaded.
    """
    inside = {id(each) for each in _encoder_modules(network)}
    return tuple(name for name, owner in _tensors(network) if id(owner) in inside)


def encoder_stages(
    network: nn.Module, in_channels: int | None = None
) -> tuple[tuple[nn.Module, ...], ...]:
    """Divide an encoder into stages, from the image inwards.

    A stage is what works at one resolution: the network is watched while it looks at an image,
    and a new stage begins where half the pixels are gone for good (squeeze-and-excitation, which
    works on one pixel on the way, begins none)::

        ResNet-34 on 224 x 224     conv1   layer1   layer2   layer3   layer4
                                    112      56       28       14        7

    Parameters
    ----------
    network : nn.Module
        Any network of the catalogue.
    in_channels : int, optional
        Channels of its input; those of its first convolution when it is not given.

    Returns
    -------
    tuple of tuple of nn.Module
        Of each stage, the modules that own weights: freeze ``parameters(recurse=False)``.

    Raises
    ------
    UsageError
        When the network takes no image of any size that was tried.
    """
    owners = [each for each in _encoder_modules(network) if _owns_tensors(each)]
    channels = in_channels or first_convolution(network).in_channels
    seen = _watch(network, owners, channels)
    begins = _resolutions(seen)
    stages: dict[int, list[nn.Module]] = {}
    for glance, begin in zip(seen, begins, strict=True):
        stages.setdefault(begin, []).append(glance.module)
    used = {id(glance.module) for glance in seen}
    stages[begins[-1]] += [each for each in owners if id(each) not in used]
    return tuple(tuple(modules) for modules in stages.values())


@dataclass(slots=True)
class _Glance:
    """A module that owns weights, in the order of the run, and how many pixels it answered."""

    module: nn.Module
    pixels: int | None = None


def _encoder_modules(network: nn.Module) -> list[nn.Module]:
    if isinstance(network, UNet):
        return [*network.stem.modules(), *network.down.modules()]
    if isinstance(network, Forest) and network.encoder is None:
        return []
    if hasattr(network, "segmentation_head") or isinstance(network, Forest):
        return list(cast(nn.Module, network.encoder).modules())
    head = {id(each) for each in head_of(network).modules()}
    return [each for each in network.modules() if id(each) not in head]


def _tensors(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Names in ``state_dict``, each with the module that owns the tensor."""
    modules = dict(network.named_modules())
    for name in network.state_dict():
        yield name, modules[name.rpartition(".")[0]]


def _owns_tensors(module: nn.Module) -> bool:
    own = (*module.parameters(recurse=False), *module.buffers(recurse=False))
    return bool(own)


def _watch(network: nn.Module, owners: Sequence[nn.Module], channels: int) -> list[_Glance]:
    """Show the network an empty image; what it used, in order, at how many pixels."""
    training, device = network.training, next(network.parameters()).device
    try:
        for side in _SIDES:
            seen: dict[int, _Glance] = {}
            with ExitStack() as hooks, torch.no_grad():
                for hook in (hook for each in owners for hook in _hooks(each, seen)):
                    hooks.enter_context(hook)
                try:
                    network.eval()(torch.zeros(1, channels, side, side, device=device))
                    return list(seen.values())
                except (RuntimeError, AssertionError, ValueError):
                    continue  # too small, or not of the one size that it takes
    finally:
        network.train(training)
    raise UsageError(
        f"the stages of {type(network).__name__} cannot be told: it takes no image of "
        f"{', '.join(map(str, _SIDES))} pixels; leave --freeze out"
    )


def _hooks(module: nn.Module, seen: dict[int, _Glance]) -> Iterator[Any]:
    def begin(module: nn.Module, _inputs: object) -> None:
        seen.setdefault(id(module), _Glance(module))

    def end(module: nn.Module, _inputs: object, output: object) -> None:
        features = module.out_channels if isinstance(module, nn.Conv2d) else None
        features = module.out_features if isinstance(module, nn.Linear) else features
        if not (isinstance(output, Tensor) and features):
            return
        pixels = output.numel() // features
        squeezes = isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and pixels == 1
        seen[id(module)].pixels = None if squeezes else pixels

    yield module.register_forward_pre_hook(begin)
    yield module.register_forward_hook(end)


def _resolutions(seen: Sequence[_Glance]) -> list[int]:
    """Pixels at which the stage of each module begins, never rising: what comes later decides.

    Norms, which answer as many as came, go with what ran before them, and so does a convolution
    without padding, which loses a rim.
    """
    counts = [glance.pixels or 0 for glance in seen]
    falling = list(accumulate(reversed(counts), max))[::-1]
    stage, stages = falling[0], []
    for glance, count in zip(seen, falling, strict=True):
        if glance.pixels and count <= stage / 2:
            stage = count
        stages.append(stage)
    return stages
