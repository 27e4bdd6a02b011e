"""What tiling and memory need to know of a network."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emseg.networks.unet import UNet

_GLOBAL_MODULES = (
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.InstanceNorm2d,
    nn.MultiheadAttention,
)
_GLOBAL_NAMES = ("squeezeexcite", "semodule", "attention", "scse", "effectivese", "layernorm")
_PROBE = 256


@dataclass(frozen=True, slots=True)
class Traits:
    """How a network sees an image.

    Parameters
    ----------
    stride : int
        Total stride: input sizes are multiples of it.
    receptive_field : int or None
        Pixels along one axis that can change an output pixel; None when it is not known
        in closed form or reaches over the whole input.
    global_context : bool
        Whether the answer depends on the whole tile.
    parameters : int
        Trainable numbers.
    bytes_per_pixel : int
        Largest memory that prediction takes for an input pixel, measured on a probe image:
        the outputs of all layers together, an upper bound because most are freed at once.
    """

    stride: int
    receptive_field: int | None
    global_context: bool
    parameters: int
    bytes_per_pixel: int


def inspect_network(network: nn.Module, in_channels: int) -> Traits:
    """Find out what tiling and memory need to know.

    Parameters
    ----------
    network : nn.Module
        A segmentation network.
    in_channels : int
        Channels of its input.
    """
    stride = _stride(network)
    return Traits(
        stride=stride,
        receptive_field=network.receptive_field if isinstance(network, UNet) else None,
        global_context=any(_sees_everything(module) for module in network.modules()),
        parameters=sum(weight.numel() for weight in network.parameters()),
        bytes_per_pixel=_bytes_per_pixel(network, in_channels),
    )


def _stride(network: nn.Module) -> int:
    if isinstance(network, UNet):
        return int(2**network.depth)
    encoder = getattr(network, "encoder", None)
    return max(32, int(getattr(encoder, "output_stride", 32)))


def _sees_everything(module: nn.Module) -> bool:
    kind = type(module).__name__.lower()
    return isinstance(module, _GLOBAL_MODULES) or any(name in kind for name in _GLOBAL_NAMES)


def _bytes_per_pixel(network: nn.Module, in_channels: int) -> int:
    total = 0

    def count(_module: nn.Module, _inputs: object, output: object) -> None:
        nonlocal total
        if isinstance(output, Tensor):
            total += output.numel() * output.element_size()

    leaves = [module for module in network.modules() if not list(module.children())]
    hooks = [leaf.register_forward_hook(count) for leaf in leaves]
    training = network.training
    first = next(network.parameters())
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, in_channels, _PROBE, _PROBE, device=first.device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return max(1, total // _PROBE**2)
