"""What tiling and memory need to know of a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from emseg.errors import UsageError
from emseg.networks.unet import UNet

_PROBE = 256  # side of the image on which a network is watched
_OVER_ALL_PIXELS = {
    # pooling over the image, by whatever name a library calls it
    "aten::mean",
    "aten::sum",
    "aten::amax",
    "aten::_adaptive_avg_pool2d",
    "aten::adaptive_max_pool2d",
    "aten::linalg_vector_norm",
    # normalisation by the image's own statistics
    "aten::var_mean",
    "aten::native_group_norm",
    "aten::native_layer_norm",
    # attention
    "aten::_softmax",
    "aten::_scaled_dot_product_flash_attention_for_cpu",
    "aten::_scaled_dot_product_flash_attention",
    "aten::_scaled_dot_product_efficient_attention",
    "aten::_scaled_dot_product_attention_math",
}


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

    Raises
    ------
    UsageError
        When the network takes no images of 256 x 256 pixels.
    """
    watch, layers = _probe(network, in_channels)
    return Traits(
        stride=_stride(network),
        receptive_field=network.receptive_field if isinstance(network, UNet) else None,
        global_context=watch.sees_everything,
        parameters=sum(weight.numel() for weight in network.parameters()),
        bytes_per_pixel=max(1, layers // _PROBE**2),
    )


def _stride(network: nn.Module) -> int:
    if isinstance(network, UNet):
        return int(2**network.depth)
    encoder = getattr(network, "encoder", None)
    return max(32, int(getattr(encoder, "output_stride", 32)))


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch types it half
    """Notices operations that join all pixels: names of modules are no guide to them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.sees_everything = False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = func._schema.name
        by_own_statistics = name == "aten::native_batch_norm" and args[5]  # instance norm
        if name in _OVER_ALL_PIXELS or by_own_statistics:
            self.sees_everything = True
        return func(*args, **(kwargs or {}))


def _probe(network: nn.Module, in_channels: int) -> tuple[_Watch, int]:
    """Predict an empty image; what was noticed, and the bytes of all layers' outputs."""
    total = 0

    def count(_module: nn.Module, _inputs: object, output: object) -> None:
        nonlocal total
        if isinstance(output, Tensor):
            total += output.numel() * output.element_size()

    leaves = [module for module in network.modules() if not list(module.children())]
    hooks = [leaf.register_forward_hook(count) for leaf in leaves]
    training, device = network.training, next(network.parameters()).device
    try:
        with torch.no_grad(), _Watch() as watch:
            network.eval()(torch.zeros(1, in_channels, _PROBE, _PROBE, device=device))
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UsageError(
            f"the network cannot take images of {_PROBE} x {_PROBE} pixels ({reason}); choose "
            "another --network or --encoder"
        ) from error
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return watch, total
