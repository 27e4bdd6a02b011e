"""What can be looked at in a network without asking for a class: filters and feature maps."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emseg.explanation.layers import recorded
from emseg.micrograph import Region


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of the first convolution.

    Parameters
    ----------
    layer : str
        Its name.
    weights : array of float32, shape (K, C, h, w)
        K filters on C channels of the micrograph.
    """

    layer: str
    weights: NDArray[np.float32]

    @property
    def stem(self) -> str:
        """What its files are called."""
        return "filters"


@dataclass(frozen=True, slots=True)
class Features:
    """The feature maps of one layer.

    Parameters
    ----------
    layer : str
        Its name.
    maps : array of float32, shape (K, y, x)
        In the order of the channels.
    region : Region
        The part of the micrograph that the network saw.
    """

    layer: str
    maps: NDArray[np.float32]
    region: Region

    @property
    def stem(self) -> str:
        """What its files are called."""
        return f"features_{self.layer}"

    @property
    def order(self) -> list[int]:
        """Channels, the most active first: by the mean of their absolute values."""
        return [int(k) for k in np.argsort(-np.abs(self.maps).mean(axis=(1, 2)), kind="stable")]


def first_filters(network: nn.Module, image: Tensor) -> Filters | None:
    """Find the convolution that is called first; None when there is none.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode.
    image : Tensor, shape (1, C, Y, X)
        What it is watched on.
    """
    called: list[str] = []
    convolutions = {n: each for n, each in network.named_modules() if isinstance(each, nn.Conv2d)}

    with ExitStack() as hooks, torch.inference_mode():
        for name, module in convolutions.items():
            note = partial(lambda name, *_: called.append(name), name)
            hooks.enter_context(module.register_forward_pre_hook(note))
        network(image)
    if not called:
        return None
    weights = convolutions[called[0]].weight.detach().float().cpu().numpy()
    return Filters(called[0], weights)


def feature_maps(
    network: nn.Module, image: Tensor, names: Iterable[str]
) -> dict[str, NDArray[np.float32]]:
    """Compute the maps of layers on one image, shape (K, y, x) each, by their names."""
    with torch.no_grad(), recorded(network, names) as maps:
        network(image)
    return {name: each[0].float().cpu().numpy() for name, each in maps.items()}
