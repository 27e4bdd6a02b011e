"""The first convolution takes as many channels as the micrograph has."""

from collections.abc import Callable
from typing import cast

from torch import nn


def adapt_first_convolution(network: nn.Module, in_channels: int) -> None:
    """Give a network another number of input channels.

    Parameters
    ----------
    network : nn.Module
        Its first convolution is replaced where it takes another number.
    in_channels : int
        Channels of the micrograph.
    """
    for parent in network.modules():
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv2d):
                if child.in_channels != in_channels:
                    setattr(parent, name, _like(child, in_channels))
                return


def _like(convolution: nn.Conv2d, in_channels: int) -> nn.Conv2d:
    build = cast(Callable[..., nn.Conv2d], nn.Conv2d)
    return build(
        in_channels,
        convolution.out_channels,
        convolution.kernel_size,
        stride=convolution.stride,
        padding=convolution.padding,
        dilation=convolution.dilation,
        bias=convolution.bias is not None,
    )
