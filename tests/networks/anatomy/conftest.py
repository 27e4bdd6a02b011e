"""The receptive field as gradients measure it: the independent reference."""

import copy
from collections.abc import Callable
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

_JOINS = ("AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "Flatten", "SelectAdaptivePool2d")
_JOINS += ("ClassifierHead", "NormMlpClassifierHead")


class _Found(Exception):  # noqa: N818 # no error: it ends the forward pass
    def __init__(self, answer: Tensor) -> None:
        super().__init__("")
        self.answer = answer


def _kept_positive(network: nn.Module) -> nn.Module:
    """Constant positive weights, no activation, no normalisation, average pooling."""
    if any(each.is_meta for each in network.parameters()):
        network = network.to_empty(device="cpu")
    network = copy.deepcopy(network).double().eval().requires_grad_(False)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            kind = type(child)
            if isinstance(child, nn.MaxPool2d):
                size = (child.kernel_size, child.stride, child.padding)
                setattr(parent, name, nn.AvgPool2d(*size, ceil_mode=child.ceil_mode))
            elif kind.__module__.endswith("modules.activation") or (
                "Norm" in kind.__name__ and not _convolves(child)
            ):
                setattr(parent, name, nn.Identity())
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


def _convolves(module: nn.Module) -> bool:
    return any(isinstance(each, nn.Conv2d) for each in module.modules())


def _answer(network: nn.Module, image: Tensor) -> Tensor:
    """The output, or the last feature map before its pixels are joined."""

    def stop(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if inputs[0].ndim == 4:
            raise _Found(inputs[0])

    hooks = [
        module.register_forward_pre_hook(stop)
        for module in network.modules()
        if type(module).__name__ in _JOINS
    ]

    def pooled(features: Tensor, *_: object, **__: object) -> None:
        raise _Found(features)

    try:
        with mock.patch.object(nn.functional, "adaptive_avg_pool2d", pooled):
            return network(image)
    except _Found as found:
        return found.answer
    finally:
        for hook in hooks:
            hook.remove()


@pytest.fixture(scope="session")
def measured_field() -> Callable[..., int]:
    """Largest number of rows (axis 0) or columns (1) that change an output pixel in the middle.

    ``measured_field(network, channels, length, phases, axis=0, across=96)`` looks at an image of
    ``length`` by ``across`` pixels, and at as many output pixels one after the other as there
    are phases.
    """

    def measure(
        network: nn.Module, channels: int, length: int, phases: int, axis=0, across=96
    ) -> int:
        size = (length, across) if axis == 0 else (across, length)
        image = torch.ones(
            1, channels, *size, dtype=torch.float64, requires_grad=True
        )  # above ReLU's 0
        answer = _answer(_kept_positive(network), image).sum(dim=(0, 1))
        places = answer.movedim(axis, 0).flatten(1)
        middle, other = len(places) // 2, places.shape[1] // 2
        widths = []
        for at in range(middle - phases // 2, middle + phases - phases // 2):
            (gradient,) = torch.autograd.grad(places[at, other], image, retain_graph=True)
            changed = gradient.abs().sum(dim=(0, 1)).movedim(axis, 0).sum(dim=1).nonzero()
            first, last = int(changed.min()), int(changed.max())
            if first <= 0 or last >= length - 1:
                raise IndexError("the image is too small to show the whole field")
            widths.append(last - first + 1)
        return max(widths)

    return measure
