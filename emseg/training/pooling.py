"""Sums over the crops of all processes, with gradients that average to those of the whole.

The loss of a step is that of all its crops, wherever they lie: Dice is a quotient of sums over the
batch, and the mean of the Dice of its halves is another number. Each process knows the sum over
all and the gradient of its own part, as many times as there are processes, since DDP takes the
mean of their gradients (docs/decisions/0040).
"""

from typing import Any

import torch
from torch import Tensor, distributed


class Pooling:
    """What the losses of one process share with those of the others; alone, nothing.

    Parameters
    ----------
    processes : int
        How many there are; each must ask for the same sums in the same order.
    """

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes

    def total(self, part: Tensor) -> Tensor:
        """Sum a tensor over the processes, element by element."""
        if self.processes == 1:
            return part
        total: Tensor = _Total.apply(part, self.processes)
        return total

    def joined(self, part: Tensor) -> Tensor:
        """Put the tensors of all processes behind each other, along the first axis."""
        if self.processes == 1:
            return part
        joined: Tensor = _Joined.apply(part, self.processes)
        return joined


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, part: Tensor, processes: int) -> Tensor:
        context.processes = processes
        total = part.detach().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * context.processes, None


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, part: Tensor, processes: int) -> Tensor:
        context.processes, context.length = processes, len(part)
        parts = [torch.empty_like(part) for _ in range(processes)]
        distributed.all_gather(parts, part.detach().contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        first = distributed.get_rank() * context.length
        own = gradients[0][first : first + context.length]
        return own * context.processes, None


ALONE = Pooling()
