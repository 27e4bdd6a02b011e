"""Heat maps of one view: Grad-CAM and class activation maps."""

from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emseg.errors import UsageError
from emseg.explanation.layers import ExplainedLayer, recorded
from emseg.explanation.target import ExplainedTarget

_LAST = 8  # layers before the end among which the pooled one is looked for


def grad_cam(
    network: nn.Module, image: Tensor, layer: str, target: ExplainedTarget
) -> NDArray[np.float32]:
    r"""Weigh the maps of a layer by the mean gradient of a class.

    With the maps A of the layer and the score y of the class, alpha is the mean of dy / dA over
    the pixels of each map, and the heat is ReLU(sum of alpha A). Selvaraju et al., "Grad-CAM:
    visual explanations from deep networks via gradient-based localization", ICCV 2017,
    equations 1 and 2.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode.
    image : Tensor, shape (1, C, Y, X)
        Normalised.
    layer : str
        Name of a layer with maps.
    target : ExplainedTarget
        The class, and the pixels of a segmentation.

    Returns
    -------
    array of float32, shape (y, x)
        At the resolution of the layer, 0 or more, in units of the logit.

    Raises
    ------
    UsageError
        When the answer does not depend on the layer.
    """
    with torch.enable_grad(), recorded(network, [layer]) as maps:
        score = target.score(network(image.clone().requires_grad_(True))).sum()
        (gradient,) = torch.autograd.grad(score, [maps[layer]], allow_unused=True)
    if gradient is None:
        raise UsageError(
            f"--layer {layer} has no influence on the answer of the network; name another layer"
        )
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    heat = torch.relu((weights * maps[layer]).sum(dim=1))[0]
    return heat.detach().float().cpu().numpy()


def class_activation(
    network: nn.Module, image: Tensor, layers: Sequence[ExplainedLayer], index: int
) -> tuple[str, NDArray[np.float32]] | None:
    """Weigh the last maps by the weights of a class, for a network that pools them globally.

    Zhou et al., "Learning deep features for discriminative localization", CVPR 2016, equation
    2. The mean of the result over its pixels is the logit of the class without its bias, which
    is also how such a network is recognised: by what it computes, not by how it is written.

    Parameters
    ----------
    network : nn.Module
        A classifier in evaluation mode.
    image : Tensor, shape (1, C, Y, X)
        Normalised.
    layers : sequence of ExplainedLayer
        Those with maps, in the order of the network.
    index : int
        Of the class.

    Returns
    -------
    layer, heat : str, array of float32, shape (y, x)
        The layer that is pooled, and its heat in units of the logit, with its sign; None when
        the network does not end in global pooling and at most one linear layer.
    """
    inputs: dict[str, Tensor] = {}
    linear = {name: each for name, each in network.named_modules() if isinstance(each, nn.Linear)}
    last_first = sorted(layers[: -_LAST - 1 : -1], key=lambda each: each.is_passing)
    candidates = [each.name for each in last_first]
    with ExitStack() as hooks, torch.no_grad(), recorded(network, candidates) as maps:
        for name, module in linear.items():
            hooks.enter_context(_watch_input(inputs, name, module))
        logits = network(image)
    last = next(reversed(inputs), None)
    pooled, weights = logits, None
    if last is not None and inputs[last].ndim == 2 and _alike(linear[last](inputs[last]), logits):
        pooled, weights = inputs[last], linear[last].weight[index]
    for name in (each for each in candidates if each in maps):
        for values in (maps[name], torch.relu(maps[name])):  # some libraries apply it unseen
            if values.shape[:2] == pooled.shape and _alike(values.mean(dim=(2, 3)), pooled):
                heat = values[0, index] if weights is None else _weighted(values[0], weights)
                return name, heat.detach().float().cpu().numpy()
    return None


def _weighted(maps: Tensor, weights: Tensor) -> Tensor:
    return torch.einsum("k,kyx->yx", weights, maps)


def _watch_input(
    inputs: dict[str, Tensor], name: str, module: nn.Module
) -> torch.utils.hooks.RemovableHandle:
    def hook(_module: nn.Module, given: tuple[Tensor, ...]) -> None:
        inputs.pop(name, None)
        inputs[name] = given[0].clone()

    return module.register_forward_pre_hook(hook)


def _alike(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors are the same but for rounding."""
    if first.shape != second.shape:
        return False
    return bool((first - second).abs().max() <= 1e-4 * second.abs().max().clamp(min=1e-6))
