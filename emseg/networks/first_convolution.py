"""The first convolution takes as many channels as the micrograph has, and keeps what it learnt."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from emseg.errors import UsageError


def adapt_first_convolution(network: nn.Module, in_channels: int) -> None:
    """Give a network another number of input channels; its weights become `fitted_to_channels`.

    Parameters
    ----------
    network : nn.Module
        Its first convolution is replaced where it takes another number.
    in_channels : int
        Channels of the micrograph.

    Raises
    ------
    UsageError
        When the network has no convolution, or one whose channels are grouped.
    """
    parent, name, convolution = _first(network)
    if convolution.in_channels == in_channels:
        return
    if convolution.groups > 1:
        raise UsageError(
            f"the first convolution of {type(network).__name__} keeps its channels apart and "
            f"cannot take {in_channels} of them; choose another --network or --encoder"
        )
    setattr(parent, name, _like(convolution, in_channels))


def fitted_to_channels(weight: Tensor, in_channels: int) -> Tensor:
    """Fit the weights of a convolution to another number of input channels.

    One channel takes the sum over the given ones, so that a grey micrograph gives what its grey
    RGB picture gave. More channels take the given ones in turn, scaled so that their sum keeps
    its size::

        RGB -> 1 channel       r + g + b
        RGB -> 2 channels      r g            x 3/2
        RGB -> 5 channels      r g b r g      x 3/5

    Parameters
    ----------
    weight : Tensor, shape (filters, channels, Y, X)
        As it was learnt.
    in_channels : int
        Channels of the micrograph.

    Notes
    -----
    For RGB this is ``adapt_input_conv`` of timm, whose older releases leave any other number of
    given channels as it is without a word; the scaling is that of Carreira and Zisserman, "Quo
    vadis, action recognition?", CVPR 2017, section 2.4, who repeat filters along time.
    """
    given = weight.shape[1]
    if given == in_channels:
        return weight
    if in_channels == 1:
        return weight.sum(dim=1, keepdim=True)
    turns = torch.arange(in_channels) % given
    return weight[:, turns] * (given / in_channels)


def first_convolution(network: nn.Module) -> nn.Conv2d:
    """Return the convolution that takes the image; raises UsageError when there is none."""
    return _first(network)[2]


def _first(network: nn.Module) -> tuple[nn.Module, str, nn.Conv2d]:
    for path, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            parent, _, name = path.rpartition(".")
            return network.get_submodule(parent), name, module
    raise UsageError(
        f"{type(network).__name__} has no convolution that could take a micrograph; choose another "
        "--network"
    )


def _like(convolution: nn.Conv2d, in_channels: int) -> nn.Conv2d:
    build = cast(Callable[..., nn.Conv2d], nn.Conv2d)
    adapted = build(
        in_channels,
        convolution.out_channels,
        convolution.kernel_size,
        stride=convolution.stride,
        padding=convolution.padding,
        dilation=convolution.dilation,
        padding_mode=convolution.padding_mode,
        bias=convolution.bias is not None,
    )
    with torch.no_grad():
        adapted.weight.copy_(fitted_to_channels(convolution.weight, in_channels))
        if convolution.bias is not None and adapted.bias is not None:
            adapted.bias.copy_(convolution.bias)
    return adapted
