"""The weights of a model: weighed before their network is built, and looked at after.

This module imports torch; the others of this room do not.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from emseg.bundle.card import ModelCard
from emseg.bundle.contents import read_content
from emseg.bundle.finding import CARD, WEIGHTS
from emseg.errors import ModelError, first_line
from emseg.naming import visible
from emseg.networks import build_network

_IN_MEMORY = 3.0  # times the weights: the file, its tensors, those of the network
_TIMES = 2.0  # the numbers of its weights that a network may have while it is built
_MORE = 1 << 22  # numbers beside them: indices, and what is thrown away again; 16 MB
_TENSORS = 4  # tensors for each that is stored
_MORE_TENSORS = 1000
_MAKERS = (
    torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.eye,
    torch.arange, torch.linspace, torch.randperm,
)  # fmt: skip
_AGAIN = "copy the whole model folder again"


def load_network(folder: Path, card: ModelCard) -> nn.Module:
    """Read the network of a model folder.

    Parameters
    ----------
    folder : Path
        It holds ``config.json`` and ``model.safetensors``.
    card : ModelCard
        What the former says.

    Returns
    -------
    nn.Module
        On the CPU, in evaluation mode.

    Raises
    ------
    ModelError
        When the weights are missing, damaged, changed, or not those of the card.
    """
    weights = folder / WEIGHTS
    try:
        content = read_content(weights, times=_IN_MEMORY)
    except FileNotFoundError as error:
        raise ModelError(f"{folder} has no {WEIGHTS}; copy the whole model folder again") from error
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise ModelError(
            f"{weights} is not the file that its card describes (sha256 differs): it was changed "
            "or damaged; copy the model folder again or train anew"
        )
    return _with_weights(folder / CARD, card, weights, content)


def as_safetensors(where: Path, network: nn.Module) -> bytes:
    """Write the weights of a network the way ``model.safetensors`` holds them.

    Parameters
    ----------
    where : Path
        That file, for messages.
    network : nn.Module
        On any device.

    Raises
    ------
    ModelError
        When its weights are infinite or no numbers.
    """
    tensors = {name: _plain(tensor) for name, tensor in network.state_dict().items()}
    _require_sound(where, tensors.items())
    return safetensors.torch.save(tensors, metadata={"format": "pt"})


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().clone()


def _with_weights(where: Path, card: ModelCard, weights: Path, content: bytes) -> nn.Module:
    """Build the network of a card and give it its weights.

    Parameters
    ----------
    where : Path
        The card's file, for messages.
    card : ModelCard
        What the network is.
    weights : Path
        The file of its weights, for messages.
    content : bytes
        Of that file.

    Returns
    -------
    nn.Module
        On the CPU, in evaluation mode.

    Raises
    ------
    ModelError
        When the content is no safetensors, the network is not the one of these weights, or they
        hold what no training leaves: infinite numbers, NaN, a negative variance.
    """
    try:
        stored = safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, OverflowError) as error:
        raise ModelError(
            f"{weights} is no file of safetensors ({visible(first_line(error)):.200}); {_AGAIN}"
        ) from error
    network = _built(where, card, stored)
    _require_sound(weights, stored.items())
    try:
        _require_same_kinds(network, stored)
        network.load_state_dict(stored)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise ModelError(
            f"{weights} does not fit the network {card.spec} of its card ({visible(reason):.120}); "
            f"{_AGAIN}"
        ) from error
    return network.eval()


def _require_sound(where: Path, tensors: Iterable[tuple[str, Tensor]]) -> None:
    """Refuse weights with which a network answers the same class everywhere, without a word.

    Parameters
    ----------
    where : Path
        The file that holds them, for the message.
    tensors : iterable of (str, Tensor)
        Their names and values.

    Raises
    ------
    ModelError
        When a number is infinite or NaN, or the variance of a batch normalisation is negative.
    """
    for name, tensor in tensors:
        faulty = ~torch.isfinite(tensor)
        what = "that are infinite or no numbers (NaN)"
        if name.rpartition(".")[2] == "running_var":
            faulty |= tensor < 0
            what = "that are no variances (negative, infinite or NaN)"
        if faulty.any():
            raise ModelError(
                f"{where} holds {int(faulty.sum())} of {tensor.numel()} numbers in "
                f"{visible(name):.100} {what}: its training diverged or the file was changed; "
                "train anew, or use another model"
            )


def _require_same_kinds(network: nn.Module, stored: Mapping[str, Tensor]) -> None:
    for name, own in network.state_dict().items():
        given = stored.get(name)
        if given is not None and given.dtype != own.dtype:
            raise RuntimeError(f"{name} holds {given.dtype}, and the network {own.dtype}")


def _built(where: Path, card: ModelCard, stored: Mapping[str, Tensor]) -> nn.Module:
    """Build the network of a card; whatever a library says to a strange one is told."""
    try:
        with _Weighed(sum(each.numel() for each in stored.values()), len(stored)):
            return build_network(card.spec)
    except Exception as error:
        raise ModelError(
            f"{where} describes a network that cannot be built, {visible(str(card.spec))} "
            f"({visible(first_line(error)):.200}); it was changed, or needs a newer emseg"
        ) from error


class _Weighed(TorchFunctionMode):
    """Counts what is made while a network is built, and ends that where it is another network.

    Parameters
    ----------
    numbers, tensors : int
        In the file of weights.
    """

    def __init__(self, numbers: int, tensors: int) -> None:
        super().__init__()
        self._numbers, self._tensors = numbers, tensors
        self._made = self._calls = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call a function of PyTorch; one that makes numbers is first asked how many."""
        kwargs = kwargs or {}
        if func in _MAKERS and not _is_blank(kwargs.get("device")):
            self._calls += 1
            self._made += func(*args, **(kwargs | {"device": "meta"})).numel()
            self._require()
        return func(*args, **kwargs)

    def _require(self) -> None:
        if self._made > _TIMES * self._numbers + _MORE:
            raise ModelError(
                f"it has more than {self._made:,} numbers, and its file of weights "
                f"{self._numbers:,}"
            )
        if self._calls > _TENSORS * self._tensors + _MORE_TENSORS:
            raise ModelError(
                f"it has more than {self._calls:,} tensors, and its file of weights "
                f"{self._tensors:,}"
            )


def _is_blank(device: Any) -> bool:
    """Whether numbers are made without values, which takes no memory."""
    return device is not None and torch.device(device).type == "meta"
