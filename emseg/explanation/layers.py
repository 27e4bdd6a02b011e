"""The layers of a network, found by watching it work, and what they put out.

No name and no class of a library is relied on: a layer is any module that is called, and it has
maps when it puts out (N, C, Y, X) with the proportions of the image.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from weakref import ReferenceType, ref

import torch
from torch import Tensor, nn

_MOST_STAGES = 6
_UNEQUAL = 0.25  # share by which the proportions of a map may differ from those of the image
_PASSING = (  # layers that hand on what they get, as it is or pooled
    nn.Identity,
    nn.Dropout,
    nn.Dropout2d,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
)


@dataclass(frozen=True, slots=True)
class ExplainedLayer:
    """A layer that has feature maps.

    Parameters
    ----------
    name : str
        Its path in the network: ``"layer4.1.conv2"``.
    channels, height, width : int
        Shape of its maps.
    is_passing : bool
        Whether it hands on what it gets, as dropout in prediction and pooling do; it may be
        named, but is not chosen by itself.
    is_answer : bool
        Whether its output is that of the network.
    """

    name: str
    channels: int
    height: int
    width: int
    is_passing: bool = False
    is_answer: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a map."""
        return self.height, self.width


def find_layers(network: nn.Module, image: Tensor) -> tuple[tuple[ExplainedLayer, ...], Tensor]:
    """Find the layers with feature maps, in the order in which they are done.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode.
    image : Tensor, shape (1, C, Y, X)
        What it is watched on.

    Returns
    -------
    layers : tuple of ExplainedLayer
        Of a layer that is called several times, the last call.
    logits : Tensor, shape (1, K) or (1, K, Y, X)
        The answer.
    """
    seen: dict[str, tuple[nn.Module, torch.Size, ReferenceType[Tensor]]] = {}

    def watch(name: str, module: nn.Module) -> Any:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and _is_map(output, image):
                seen.pop(name, None)  # a second call comes later in the order
                seen[name] = module, output.shape, ref(output)

        return module.register_forward_hook(hook)

    with ExitStack() as hooks, torch.inference_mode():
        for name, module in network.named_modules():
            if name:
                hooks.enter_context(watch(name, module))
        logits: Tensor = network(image)
    layers = tuple(
        ExplainedLayer(
            name, shape[1], shape[2], shape[3], isinstance(module, _PASSING), at() is logits
        )
        for name, (module, shape, at) in seen.items()
    )
    return layers, logits


def _is_map(output: Tensor, image: Tensor) -> bool:
    """Whether a tensor is a picture of the image: maps of tokens have other proportions."""
    if output.ndim != 4 or min(output.shape[2:]) < 2:
        return False
    tall, wide = (
        short / length for short, length in zip(output.shape[2:], image.shape[2:], strict=True)
    )
    return max(tall, wide) <= 1.5 and abs(tall - wide) <= _UNEQUAL * max(tall, wide)


def stages(layers: Sequence[ExplainedLayer]) -> tuple[ExplainedLayer, ...]:
    """Choose a few layers from shallow to deep: the end of each run of layers of one size.

    Of a network that goes down and up again, the way down and the last layer.
    """
    own = [each for each in layers if not each.is_passing and not each.is_answer]
    last = [_outermost(list(run)) for _, run in groupby(own, key=lambda each: each.size)]
    if not last:
        return ()
    coarsest = min(range(len(last)), key=lambda k: (last[k].height * last[k].width, -k))
    down, end = last[: coarsest + 1], last[coarsest + 1 :][-1:]
    count = min(len(down), _MOST_STAGES - len(end))
    picked = (round(i * (len(down) - 1) / max(1, count - 1)) for i in range(count))
    return (*(down[i] for i in picked), *end)


def _outermost(run: Sequence[ExplainedLayer]) -> ExplainedLayer:
    """Take the last layer that is the least nested: a whole stage, and not a part of the next."""
    return min(reversed(run), key=lambda each: each.name.count("."))


def last_maps(layers: Sequence[ExplainedLayer]) -> ExplainedLayer | None:
    """Find the last feature map of a classifier; None when only its first convolution has any."""
    own = [each for each in layers if not each.is_passing and not each.is_answer]
    return own[-1] if len(own) > 1 else None


def bottleneck(layers: Sequence[ExplainedLayer]) -> ExplainedLayer | None:
    """Find the last of the coarsest maps of a network, in its encoder if it has one."""
    own = [each for each in layers if not each.is_passing and not each.is_answer]
    encoder = [each for each in own if each.name.split(".")[0] == "encoder"]
    if len(encoder or own) < 2:
        return None
    return min(reversed(encoder or own), key=lambda each: each.height * each.width)


@contextmanager
def recorded(network: nn.Module, names: Iterable[str]) -> Iterator[dict[str, Tensor]]:
    r"""Record what layers put out while the network works in the block.

    What follows a layer gets a copy of its output: an activation in place would otherwise
    overwrite what was recorded, and the gradient would be that of the activation::

        convolution --> recorded
             \--copy--> ReLU in place --> ...

    Parameters
    ----------
    network : nn.Module
        Any.
    names : iterable of str
        Names of its modules.

    Yields
    ------
    dict of str to Tensor
        Filled when the network is called; with gradients where they are enabled.
    """
    maps: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
            maps[name] = output
            return output.clone()

        return network.get_submodule(name).register_forward_hook(hook)

    with ExitStack() as hooks:
        for name in names:
            hooks.enter_context(keep(name))
        yield maps
