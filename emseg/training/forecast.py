"""What a training would be: its data, network, memory and time; nothing is learnt or written."""

import copy
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import lightning
import numpy as np
import torch

from emseg.bundle import ModelCard
from emseg.config import TrainConfig
from emseg.inference import choose_device
from emseg.networks.anatomy.summary import anatomy_of
from emseg.training.crops import CropDataset
from emseg.training.jobs import TrainingJob, prepare
from emseg.training.loop import run_loop
from emseg.training.precision import with_precision
from emseg.training.run import planned_steps
from emseg.training.settling import settle
from emseg.training.state import SettledRun

_TRIED = 4  # steps, of which the first one takes longer
_LONG_S = 60.0  # after which no further step is tried


@dataclass(frozen=True, slots=True)
class TrainingForecast:
    """What a training would be.

    Parameters
    ----------
    card : ModelCard
        As far as it is known before training.
    settled : SettledRun
        Batch, rate, and what there is time for.
    images, validation_images : int
        How many micrographs there are to learn from, and to validate with.
    shares : tuple of float
        Of the labelled pixels, or of the micrographs, a class each.
    unlabelled : float
        Share of the pixels without a label.
    start : str
        What the network starts from.
    parameters : int
        Numbers that are learnt.
    memory : int or None
        Bytes that a step takes; None when it cannot be told.
    step_seconds : float
        Of a step here and now.
    steps : int
        That are asked for, or that fit into the time.
    seconds : float
        The whole of it.
    """

    card: ModelCard
    settled: SettledRun
    images: int
    validation_images: int
    shares: tuple[float, ...]
    unlabelled: float
    start: str
    parameters: int
    memory: int | None
    step_seconds: float
    steps: int
    seconds: float


def forecast_training(config: TrainConfig) -> TrainingForecast:
    """Read the data, build the network, and try some steps on a copy of it.

    Raises
    ------
    EmsegError
        Whatever `emseg.training.train` refuses before its first step.
    """
    begun = time.monotonic()
    device = choose_device(config.device)
    config = with_precision(config, device)
    job = prepare(config, device)
    settled = settle(config, job, device, begun).settled
    config = settled.config
    step = _step_seconds(job, config, device)
    shares, unlabelled = _shares(job)
    steps = planned_steps(config)
    if settled.budget is not None:
        in_time = int(0.9 * (settled.budget - settled.closing_seconds) / step)
        steps = max(1, in_time if steps is None else min(steps, in_time))
    steps = steps or 1
    anatomy = anatomy_of(
        job.network, (job.card.in_channels, job.card.crop, job.card.crop), config.batch
    )
    seconds = time.monotonic() - begun + 1.1 * steps * step
    return TrainingForecast(
        card=job.card,
        settled=settled,
        images=job.images,
        validation_images=job.validation_images,
        shares=shares,
        unlabelled=unlabelled,
        start=job.transfer.sentence,
        parameters=anatomy.parameters,
        memory=anatomy.training_bytes,
        step_seconds=step,
        steps=steps,
        seconds=min(seconds, 60 * config.minutes) if config.minutes else seconds,
    )


def _step_seconds(job: TrainingJob, config: TrainConfig, device: torch.device) -> float:
    """Time steps with a copy of the network, which learns at a rate of nothing."""
    network = copy.deepcopy(job.network).to(memory_format=torch.channels_last)
    watcher = _Clock(config.accumulate)
    run_loop(job.task(network, lambda _step: 0.0, config), job.dataset, config, device, watcher)
    return median(watcher.took[1:] or watcher.took)


class _Clock(lightning.Callback):
    """Takes down how long steps take, and ends after some."""

    def __init__(self, accumulate: int) -> None:
        self._accumulate, self._start = accumulate, time.monotonic()
        self.took: list[float] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, _module: Any, _outputs: Any, _batch: Any, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % self._accumulate:
            return
        now = time.monotonic()
        self.took.append(now - self._start)
        self._start = now
        trainer.should_stop = len(self.took) >= _TRIED or sum(self.took) > _LONG_S


def _shares(job: TrainingJob) -> tuple[tuple[float, ...], float]:
    """Shares of the classes, and of the pixels without a label."""
    data, classes = job.dataset, len(job.card.classes)
    if isinstance(data, CropDataset):
        counts = np.sum([plane.labels.counts() for plane in data.planes], axis=0)
        pixels = sum(plane.labels.pixels.size for plane in data.planes)
        return tuple((counts / max(1, counts.sum())).tolist()), 1 - float(counts.sum()) / pixels
    labels = [each.label for each in data.images]  # type: ignore[attr-defined]
    return tuple((np.bincount(labels, minlength=classes) / len(labels)).tolist()), 0.0
