"""How Lightning runs a task: its loop, its loader, and its advice kept from the user."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import lightning
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import nn
from torch.utils.data import DataLoader, Dataset

from emseg.config import Precision, TrainConfig
from emseg.memory import keep_freed
from emseg.training.crops import CountingSampler
from emseg.training.loading import Batches, Waiting, processes_that_fit
from emseg.training.meeting import Met, leaves_out
from emseg.training.precision import keep_depthwise, with_precision
from emseg.training.processes import ALONE, Processes
from emseg.training.tasks import TrainingTask

_Mode = Literal["32-true", "bf16-mixed", "16-mixed"]
_MODES: dict[Precision, _Mode] = {
    Precision.FLOAT32: "32-true",
    Precision.BFLOAT16: "bf16-mixed",
    Precision.FLOAT16: "16-mixed",  # with a scaler of the gradients
}
_WORKERS = 4  # processes that read crops for a GPU
_log = logging.getLogger(__name__)


def run_loop(
    task: TrainingTask,
    dataset: Dataset[Any],
    config: TrainConfig,
    device: torch.device,
    watcher: lightning.Callback,
    processes: Processes = ALONE,
    waiting: Waiting | None = None,
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
    processes : Processes
        Those that train the network together; each of them is here at the same time.
    waiting : Waiting, optional
        Told how long batches are waited for.

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
        workers = processes_that_fit(dataset, config.batch, _WORKERS, sharing=processes.local)
    dealing = processes.dealing(config.batch)
    loader = Batches(
        dataset,
        dealing,
        lambda: DataLoader(
            dataset,
            config.batch,
            sampler=CountingSampler(dealing, task.first_batch),
            num_workers=workers,
        ),
        task.first_batch,
        waiting,
    )
    task.share(processes.pooling)
    with _calm_lightning():
        try:
            sharing = _sharing(task, dataset, device, processes)
            _trainer(config, device, watcher, **sharing).fit(task, loader)
        except SIGTERMException:  # a SystemExit too
            raise
        except SystemExit as error:  # Lightning's answer to Ctrl-C
            raise KeyboardInterrupt from error


def _sharing(
    task: TrainingTask, dataset: Dataset[Any], device: torch.device, processes: Processes
) -> dict[str, Any]:
    """Say how Lightning trains with other processes: each is a node with one device."""
    if processes.is_alone:
        return {"plugins": [LightningEnvironment()]}  # of SLURM it would requeue what is to end
    is_normed = any(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in task.modules())
    if is_normed and device.type == "cpu":
        _log.warning(
            "on processors the batch norms of each process see its own crops only; on GPUs they "
            "see those of all"
        )
    is_frozen = task.transfer is not None and bool(task.transfer.freezing.stages)
    is_partial = is_frozen or leaves_out(task.network, dataset[0][0])
    return {
        "plugins": [Met(processes)],
        "num_nodes": processes.of,
        "strategy": DDPStrategy(broadcast_buffers=False, find_unused_parameters=is_partial),
        "sync_batchnorm": is_normed and device.type != "cpu",
        "use_distributed_sampler": False,
    }


def _trainer(
    config: TrainConfig, device: torch.device, watcher: lightning.Callback, **sharing: Any
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
        **sharing,
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
