"""How much memory tensors take while a network runs, counted by their storages."""

import weakref
from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


class LiveMemory:
    """Bytes of the tensors that are alive, and the most there were at once.

    Parameters
    ----------
    known : iterable of Tensor
        Weights, which are counted elsewhere.
    """

    def __init__(self, known: Iterable[Tensor]) -> None:
        self.peak = 0
        self._now = 0
        self._watched: dict[int, weakref.ref[Any]] = {}
        for tensor in known:
            self._watch(tensor.untyped_storage(), 0)

    def add(self, tensor: Tensor) -> None:
        """Count a tensor from now until nobody holds its storage."""
        storage = tensor.untyped_storage()
        self._watch(storage, storage.nbytes())
        self.peak = max(self.peak, self._now)

    def _watch(self, storage: Any, size: int) -> None:
        key = storage._cdata
        if key not in self._watched:
            self._now += size
            self._watched[key] = weakref.ref(storage, partial(self._free, key, size))

    def _free(self, key: int, size: int, _gone: object) -> None:
        self._now -= size
        self._watched.pop(key, None)


def saved_for_backward(network: nn.Module, image: Tensor) -> int:
    """Bytes that a training step keeps of its way forward, besides weights and the image.

    Parameters
    ----------
    network : nn.Module
        On the device of the image; it is left in training mode.
    image : Tensor of float32, shape (N, C, Y, X)
    """
    own = [*network.parameters(), *network.buffers(), image]
    known = {tensor.untyped_storage()._cdata for tensor in own}
    sizes: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in known:
            sizes[storage._cdata] = storage.nbytes()
        return tensor.detach()

    network.train()
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept):
        answer = network(image)
        del answer
    return sum(sizes.values())
