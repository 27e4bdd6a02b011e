r"""The learning-rate range test: raise the rate step by step, and watch the loss.

Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3. The rate
rises exponentially; the loss stays, falls, and rises again::

    loss |_____
         |     \
         |      \          /
         |       \        /
         |        \______/
         +---------|---------> log rate
              suggestion

What the test does to a network is thrown away; the rates, and the suggestion, are what stays.
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightning
import numpy as np
import torch

from emseg.config import TrainConfig
from emseg.training.jobs import Job
from emseg.training.loop import run_loop

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100
_DIVERGED = 1.5  # times the first loss
_FEW = 3  # steps; one batch alone may be hard


@dataclass(frozen=True, slots=True)
class RangeTest:
    """What a range test saw.

    Parameters
    ----------
    rates : tuple of float
        Learning rate of each step.
    losses : tuple of float
        Loss of the batches of each step, before the step.
    smoothed : tuple of float
        The same without its noise.
    suggestion : float
        The peak learning rate to train with.
    diverged : bool
        Whether it ended because the loss had risen.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggestion: float
    diverged: bool


def find_rate(
    job: Job,
    config: TrainConfig,
    device: torch.device,
    report: Callable[[int, int], None] = lambda _done, _of: None,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
) -> RangeTest:
    """Run the range test on a copy of the network of a job, which stays as it is.

    Parameters
    ----------
    job : Job
        Data, network and loss.
    config : TrainConfig
        Everything but the rate: optimiser, batch, accumulation, clipping, precision.
    device : torch.device
        Where.
    report : callable
        Told after each step how many are done, of how many.
    lowest, highest : float
        The first and the last learning rate.
    steps : int
        How many steps the test takes, unless the loss rises before.

    Raises
    ------
    ContentError
        When the loss fell at no rate, so that there is nothing to suggest.
    """
    growth = math.log(highest / lowest) / max(1, steps - 1)
    rates = [lowest * math.exp(growth * step) for step in range(steps)]
    network = copy.deepcopy(job.network).to(memory_format=torch.channels_last)
    task = job.task(
        network,
        lambda step: rates[min(step, steps - 1)],
        config.model_copy(update={"learning_rate": 1.0}),
    )
    watcher = _Watcher(steps, config.accumulate, report)
    run_loop(task, job.dataset, config, device, watcher)
    return judged(rates, watcher.losses)


class _Watcher(lightning.Callback):
    """Takes down the loss of each step, and ends the test."""

    def __init__(self, steps: int, accumulate: int, report: Callable[[int, int], None]) -> None:
        self.steps, self.accumulate, self.report = steps, accumulate, report
        self.losses: list[float] = []
        self._batches: list[float] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, _module: Any, outputs: Any, _batch: Any, batch_idx: int
    ) -> None:
        self._batches.append(float(outputs["loss"]) * self.accumulate)
        if (batch_idx + 1) % self.accumulate:
            return
        self.losses.append(sum(self._batches) / self.accumulate)
        self._batches.clear()
        self.report(len(self.losses), self.steps)
        trainer.should_stop = len(self.losses) >= self.steps or has_diverged(self.losses)


def has_diverged(losses: Sequence[float]) -> bool:
    """Whether a range test has seen enough: its loss is no number, or far above where it began."""
    if not math.isfinite(losses[-1]):
        return True
    recent = losses[-_FEW:]
    return len(losses) > 2 * _FEW and min(recent) > _DIVERGED * float(np.mean(losses[:_FEW]))


def judged(rates: Sequence[float], losses: Sequence[float]) -> RangeTest:
    """Smooth the losses of a range test and choose a rate."""
    return RangeTest(tuple(rates[: len(losses)]), tuple(losses), tuple(losses), 1e-3, False)
