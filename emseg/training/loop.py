"""How Lightning runs a task: its loop, its loader, and its advice kept from the user."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import lightning
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader, Dataset

from emseg.config import Precision, TrainConfig
from emseg.memory import keep_freed
from emseg.training.crops import CountingSampler
from emseg.training.loading import Batches, processes_that_fit
from emseg.training.precision import keep_depthwise, with_precision
from emseg.training.tasks import TrainingTask

_Mode = Literal["32-true", "bf16-mixed", "16-mixed"]
_MODES: dict[Precision, _Mode] = {
    Precision.FLOAT32: "32-true",
    Precision.BFLOAT16: "bf16-mixed",
    Precision.FLOAT16: "16-mixed",  # with a scaler of the gradients
}
_WORKERS = 4  # processes that read crops for a GPU


def run_loop(
    task: TrainingTask,
    dataset: Dataset[Any],
    config: TrainConfig,
    device: torch.device,
    watcher: lightning.Callback,
) -> None:
    """Train until the watcher says ``trainer.should_stop``.

    Parameters
    ----------
    task : TrainingTask
        Network, loss, optimiser and rates; it says which batch is the first.
    dataset : Dataset
        Samples by their number, without end.
    config : TrainConfig
        Batch, accumulation, clipping and precision.
    device : torch.device
        Where.
    watcher : Callback
        Told after each batch.

    Raises
    ------
    KeyboardInterrupt
        When the run is interrupted and nobody else handles the signal.
    SIGTERMException
        Lightning's, after the batch in which the process is told to end.
    """
    config = with_precision(config, device)
    workers = 0
    if device.type == "cpu":
        keep_freed()
        if config.precision is Precision.BFLOAT16:
            keep_depthwise(task.network)
    else:
        workers = processes_that_fit(dataset, config.batch, _WORKERS)

    loader = Batches(
        dataset,
        config.batch,
        lambda: DataLoader(
            dataset,
            config.batch,
            sampler=CountingSampler(task.first_batch * config.batch),
            num_workers=workers,
        ),
        task.first_batch,
    )
    with _calm_lightning():
        try:
            _trainer(config, device, watcher).fit(task, loader)
        except SIGTERMException:  # a SystemExit too
            raise
        except SystemExit as error:  # Lightning's answer to Ctrl-C
            raise KeyboardInterrupt from error


def _trainer(
    config: TrainConfig, device: torch.device, watcher: lightning.Callback
) -> lightning.Trainer:
    kind = {"cpu": "cpu", "cuda": "gpu", "mps": "mps"}[device.type]
    return lightning.Trainer(
        accelerator=kind,
        devices=[device.index or 0] if kind == "gpu" else 1,
        precision=_MODES[config.precision],
        max_epochs=-1,
        accumulate_grad_batches=config.accumulate,
        gradient_clip_val=config.clip or None,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[watcher],
        plugins=[LightningEnvironment()],  # of a SLURM job it would requeue what is told to end
    )


@contextmanager
def _calm_lightning() -> Iterator[None]:
    """Keep Lightning's advice from the user, who cannot follow it."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [log.level for log in loggers]
    for log in loggers:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning.*")  # workers, logging interval
            yield
    finally:
        for log, level in zip(loggers, levels, strict=True):
            log.setLevel(level)
