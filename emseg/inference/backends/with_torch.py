"""PyTorch: every network, on every device that it knows.

A GPU is handed the next batch before the answer to the last one is waited for, so that it does not
wait for what is done here. Batches and answers go through memory that is pinned, which alone is
copied without waiting; it is not used again before it was copied.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emseg.bundle import StoredModel
from emseg.errors import ModelError
from emseg.inference.backends.backend import Backend, Labels, Wanted
from emseg.inference.backends.device import choose_device, device_name, free_bytes
from emseg.inference.backends.folded import folded
from emseg.inference.backends.refusing import refusal, require_precision, require_size
from emseg.inference.backends.threads import share_processor
from emseg.micrograph import label_dtype

_STRANGE = (RuntimeError, ValueError, AssertionError, IndexError, TypeError, ZeroDivisionError)
_NUMBERS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


class TorchBackend(Backend):
    """A network of PyTorch.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode, on its device, channels last, batch norms folded.
    device : torch.device
        Where it is.
    precision : str
        ``"float32"``, or ``"bfloat16"`` or ``"float16"`` where autocast finds it safe.
    ahead : int, optional
        Batches that are under way when the answer to one is waited for; by default one on a GPU
        and none on a processor, where nothing overlaps.
    """

    name = "torch"

    def __init__(
        self,
        network: nn.Module,
        device: torch.device,
        precision: str = "float32",
        *,
        ahead: int | None = None,
    ) -> None:
        self.network, self.place = network, device
        self.device, self.precision = device_name(device), precision
        self._ahead = int(device.type != "cpu") if ahead is None else ahead
        self._is_pinned = device.type in ("cuda", "xpu")

    @classmethod
    def of(cls, model: StoredModel, device: torch.device, precision: str = "float32") -> Self:
        """Make the network of a model ready on a device; that of the model stays as it is."""
        return cls(folded(model, device), device, precision)

    def compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Answer one batch; see `Backend`."""
        return next(self.scores([batch]))

    def scores(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Answer batches, the next ones under way meanwhile; see `Backend`."""
        return (scores for (scores,) in self._overlapped(batches, _whole))

    def labels(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[Labels]:
        """Choose the class where the scores are: a byte a pixel comes back; see `Backend`."""
        return (Labels(*found) for found in self._overlapped(batches, _chosen))

    def free_bytes(self) -> int | None:
        """Memory that is free on a GPU; None on the processor."""
        return free_bytes(self.place) if self.place.type in ("cuda", "xpu") else None

    def _overlapped(
        self,
        batches: Iterable[NDArray[np.float32]],
        of_scores: Callable[[Tensor], tuple[Tensor, ...]],
    ) -> Iterator[tuple[NDArray[Any], ...]]:
        """Start batch after batch, and wait for the one that was started so many before."""
        under_way: deque[_UnderWay] = deque()
        for batch in batches:
            under_way.append(self._start(batch, of_scores))
            if len(under_way) > self._ahead:
                yield under_way.popleft().wait()
        while under_way:
            yield under_way.popleft().wait()

    def _start(
        self, batch: NDArray[np.float32], of_scores: Callable[[Tensor], tuple[Tensor, ...]]
    ) -> "_UnderWay":
        try:
            with torch.inference_mode(), self._numbers():
                scores = self.network(self._there(batch))
                require_size(scores, batch)
                return _UnderWay(of_scores(scores), is_pinned=self._is_pinned)
        except (torch.OutOfMemoryError, ModelError):
            raise
        except _STRANGE as error:
            raise refusal(self.name, error, batch) from error

    def _numbers(self) -> AbstractContextManager[Any]:
        dtype = _NUMBERS[self.precision]
        return torch.autocast(self.place.type, dtype) if dtype is not None else nullcontext()

    def _there(self, batch: NDArray[np.float32]) -> Tensor:
        image = torch.from_numpy(batch)
        if self._is_pinned:
            image = image.pin_memory()
        image = image.to(self.place, non_blocking=self._is_pinned)
        return image.contiguous(memory_format=torch.channels_last)


class _UnderWay:
    """Answers that are on their way to the memory of the processor.

    Parameters
    ----------
    answers : tuple of Tensor
        Where they are computed.
    is_pinned : bool
        Whether they are copied while the device goes on.
    """

    def __init__(self, answers: tuple[Tensor, ...], *, is_pinned: bool) -> None:
        self._done: Any = None
        if not is_pinned:
            self._here = [answer.cpu() for answer in answers]
            return
        self._here = [_pinned_copy(answer) for answer in answers]
        self._done = torch.Event(answers[0].device)
        self._done.record()

    def wait(self) -> tuple[NDArray[Any], ...]:
        """Give the answers once they are here."""
        if self._done is not None:
            self._done.synchronize()
        return tuple(answer.numpy() for answer in self._here)


def opened(model: StoredModel, wanted: Wanted) -> TorchBackend:
    """Open a model on a device.

    Raises
    ------
    UsageError
        When there is no such device, or it does not compute so.
    ModelError
        When the weights are missing or damaged.
    """
    require_precision(wanted.precision, _NUMBERS)
    device = choose_device(wanted.device)
    share_processor(device, wanted.threads)
    return TorchBackend.of(model, device, wanted.precision)


def _whole(scores: Tensor) -> tuple[Tensor, ...]:
    return (scores.float(),)


def _chosen(scores: Tensor) -> tuple[Tensor, ...]:
    """Class of the highest score, whether all scores are numbers, whether all are equal."""
    highest, indices = scores.max(dim=1)
    lowest = scores.amin(dim=1)
    finite = torch.isfinite(highest) & torch.isfinite(lowest)
    dtype = torch.uint8 if label_dtype(scores.shape[1]) == np.uint8 else torch.uint16
    return (
        indices.to(dtype),
        finite.flatten(1).all(dim=1),
        (highest == lowest).flatten(1).all(dim=1),
    )


def _pinned_copy(answer: Tensor) -> Tensor:
    here = torch.empty(answer.shape, dtype=answer.dtype, pin_memory=True)
    return here.copy_(answer, non_blocking=True)
