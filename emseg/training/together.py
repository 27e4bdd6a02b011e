"""A training that several processes share, from the side of the first one and of the others.

The first process is `emseg.training.fit`, with its run folder, its judge and its clock. The others
know none of these: they read the same micrographs, take their share of each step, and ask the
first one after each how it goes on.
"""

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import lightning
import torch

from emseg.config import TrainConfig
from emseg.errors import EmsegError, MismatchError
from emseg.schedules import parse_schedule
from emseg.training.jobs import TrainingJob, prepare
from emseg.training.loop import run_loop
from emseg.training.processes import Processes, Word
from emseg.training.schedule import rate_factor
from emseg.training.state import Learnt
from emseg.training.stopping import Stop

_LOOK_S = 1.0  # after which a process looks whether the one that began it is still there


@dataclass(frozen=True, slots=True)
class Order:
    """What is trained.

    Parameters
    ----------
    config : TrainConfig
        As the first process carries it out, before it has settled batch and rate.
    """

    config: TrainConfig


@dataclass(frozen=True, slots=True)
class Attempt:
    """From where it is trained; another one follows where the first diverged.

    Parameters
    ----------
    config : TrainConfig
        With the batch and the rate of this attempt.
    total : int or None
        Steps of the whole run; None while it is not known.
    step : int
        Steps done.
    learnt : Learnt or None
        What had been learnt by then.
    """

    config: TrainConfig
    total: int | None
    step: int
    learnt: Learnt | None

    @classmethod
    def of(
        cls, config: TrainConfig, total: int | None, step: int, learnt: Learnt | None
    ) -> "Attempt":
        """Leave out what the others have no use for."""
        return cls(config, total, step, replace(learnt, best={}) if learnt else None)


@dataclass(frozen=True, slots=True)
class _Said:
    """Whether a process could read what it was told to, and what that is."""

    fingerprint: str = ""
    fault: str = ""
    is_refusal: bool = True


def prepare_together(
    config: TrainConfig, device: torch.device, processes: Processes
) -> TrainingJob:
    """Read the data and build the network in each process; called by the first one.

    Raises
    ------
    MismatchError
        When another process refuses them, or reads other ones.
    EmsegError
        Whatever `prepare` refuses here.
    """
    if processes.is_alone:
        return prepare(config, device)
    processes.send(Order(config))
    job, error = _prepared(config, device)
    said = processes.gather(_said(job, error))
    if error is not None:
        raise error
    for rank, other in enumerate(said):
        if other.fault:
            raise MismatchError(f"process {rank} of {processes.of}: {other.fault}")
        if other.fingerprint != said[0].fingerprint:
            raise MismatchError(
                f"process {rank} of {processes.of} reads other micrographs or masks under the same "
                "paths; put them where each node reads the same files"
            )
    if job is None:
        raise AssertionError  # there is one where there is no error
    return job


def _prepared(
    config: TrainConfig, device: torch.device
) -> tuple[TrainingJob | None, Exception | None]:
    try:
        return prepare(config, device), None
    except Exception as error:  # is raised as soon as the others have heard of it
        return None, error


def _said(job: TrainingJob | None, error: Exception | None) -> _Said:
    if error is None and job is not None:
        return _Said(job.fingerprint)
    name = "" if isinstance(error, EmsegError) else f"{type(error).__name__}: "
    return _Said(fault=f"{name}{error}")


def follow(processes: Processes, device: torch.device) -> None:
    """Take part in every training that the first process begins, until it says that it was all.

    Parameters
    ----------
    processes : Processes
        This one is not the first.
    device : torch.device
        Where this one computes.

    Raises
    ------
    LostError
        When the first process, or another, has ended.
    """
    _end_with_parent()
    stop, job, config = Stop(), None, None
    with stop.passed_on():
        while (message := processes.receive()) is not None:
            if isinstance(message, Order):
                config = message.config
                job, error = _prepared(config, device)
                processes.gather(_said(job, error))
            elif isinstance(message, Attempt):
                job = job or prepare(message.config, device)
                _take_part(message, job, device, processes, stop)
                job = None  # what it has learnt is no beginning for another attempt


def _take_part(
    attempt: Attempt, job: TrainingJob, device: torch.device, processes: Processes, stop: Stop
) -> None:
    follower = _Follower(attempt, processes, stop)
    network = job.network.to(memory_format=torch.channels_last)
    task = job.task(network, follower.rate, attempt.config)
    if attempt.learnt is not None:
        task.go_on(attempt.learnt, attempt.step)
    with processes.telling():
        try:
            run_loop(task, job.dataset, attempt.config, device, follower, processes)
        except _LeftError:
            return


class _LeftError(Exception):
    """The first process leaves this attempt."""


class _Follower(lightning.Callback):
    """Asks after each step how it goes on."""

    def __init__(self, attempt: Attempt, processes: Processes, stop: Stop) -> None:
        self.config, self.total = attempt.config, attempt.total
        self.processes, self.stop = processes, stop
        self.schedule = parse_schedule(self.config.schedule)

    def rate(self, step: int) -> float:
        """Give the factor of the learning rate, as the first process knows it."""
        return rate_factor(step, self.total, self.schedule, self.config.warm_up)

    def on_train_start(self, *_: Any) -> None:
        """Hear signals again, which Lightning would take as the end of this process alone."""
        self.stop.hear_again()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, _module: Any, outputs: Any, _batch: Any, batch_idx: int
    ) -> None:
        """Wait for the first process, which looks at the same loss."""
        is_number = math.isfinite(float(outputs["loss"]))
        if (batch_idx + 1) % self.config.accumulate and is_number:
            return
        self.processes.asked(self.stop.asked)
        word, self.total = self.processes.hear()
        if word is Word.LEAVE:
            raise _LeftError
        trainer.should_stop = word is Word.STOP


@contextmanager
def led(processes: Processes) -> Iterator[None]:
    """Let the others leave an attempt, where the first process leaves it within the block."""
    try:
        yield
    except BaseException as error:
        if not processes.is_loss(error):
            processes.tell(Word.LEAVE)
        raise


def _end_with_parent() -> None:
    """End this process as soon as the one that began it is gone, whatever it waits for."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
