"""One run: from a configuration to a run folder with a trained model.

A run folder is useful from its first validation on: the best network so far lies in
``RUN/model`` whole, whatever happens to the process afterwards.
"""

import copy
import logging
import math
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import nn
from torch.utils.data import DataLoader

from emseg.bundle import ModelCard, TrainingRecord, save_model
from emseg.config import Task, TrainConfig
from emseg.errors import ContentError, UsageError
from emseg.inference import choose_device, device_name
from emseg.training.crops import CountingSampler
from emseg.training.jobs import Job, prepare
from emseg.training.judging import Verdict
from emseg.training.labelled import LabelledPlane
from emseg.training.progress import Progress, Report
from emseg.training.schedule import Plan, rate_factor
from emseg.training.tasks import TrainingTask
from emseg.writing import results_folder, whole_file, write_table

EPOCH = 16  # steps; an epoch is a number of crops, not of micrographs
_DEFAULT_EPOCHS = 60
_VALIDATING = 0.1  # share of the time that validation may take
_CONFIG = "config.toml"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """What a run left behind.

    Parameters
    ----------
    folder : Path
        The run folder; ``folder / "model"`` is the model.
    card : ModelCard
        The card of the model.
    score : float
        Its score on the validation micrographs: mean IoU or accuracy.
    interrupted : bool
        Whether it was stopped before its end; the model is the best until then.
    shown : tuple of LabelledPlane
        Validation micrographs to draw; none for a classifier.
    """

    folder: Path
    card: ModelCard
    score: float
    interrupted: bool
    shown: tuple[LabelledPlane, ...]


def train(config: TrainConfig, report: Report, started: Any = None) -> TrainedRun:
    """Train a model.

    Parameters
    ----------
    config : TrainConfig
        What to train on, and how.
    report : callable
        Told after each step where the run stands.
    started : callable, optional
        Told the `Job` and the device before the first step.

    Raises
    ------
    UsageError
        When the run folder holds a run already.
    EmsegError
        Whatever is wrong with the names, the files or the labels.
    """
    device = choose_device(config.device)
    with results_folder(config.out):
        _require_free(config.out)
        job = prepare(config, device)
        with _recorded(config):
            if started is not None:
                started(job, device)
            return _Run(config, job, device, report).run()


def _require_free(folder: Path) -> None:
    if (folder / _CONFIG).exists() or (folder / "model").exists():
        raise UsageError(f"{folder} holds a run already; choose another folder with --out")


@contextmanager
def _recorded(config: TrainConfig) -> Iterator[None]:
    """Write the configuration of a run; a run that leaves no model leaves no configuration."""
    _require_free(config.out)  # another run may have begun while this one read its micrographs
    with whole_file(config.out / _CONFIG) as beside:
        beside.write_text(config.to_toml(), encoding="utf-8")
    try:
        yield
    finally:
        if not (config.out / "model").exists():
            (config.out / _CONFIG).unlink(missing_ok=True)


class _Run(lightning.Callback):
    """Watches the clock, judges, and keeps the best."""

    def __init__(self, config: TrainConfig, job: Job, device: torch.device, report: Report) -> None:
        self.config, self.job, self.device, self.report = config, job, device, report
        self.plan = Plan(
            total=_planned_steps(config), budget=config.minutes * 60 if config.minutes else None
        )
        self.rows: list[dict[str, object]] = []
        self.best: Verdict | None = None
        self.best_step = 0
        self.best_weights: dict[str, Any] = {}
        self.losses: list[float] = []
        self.step = self.judged_step = 0
        self.judging_seconds = self.last_judging = 0.0
        self.start = time.monotonic()
        self.stopped = False

    def run(self) -> TrainedRun:
        task = self.job.task(
            self.job.network.to(memory_format=torch.channels_last),
            lambda step: rate_factor(step, self.plan.total),
        )
        loader = DataLoader(
            self.job.dataset,
            batch_size=self.config.batch,
            sampler=CountingSampler(),
            num_workers=0 if self.device.type == "cpu" else 4,
        )
        with _calm_lightning(), self._stopped_by_signals():
            self.start = time.monotonic()
            self._fit(task, loader)
        if self.judged_step < self.step or self.best is None:
            self._judge(task)
        card = self._finish(task.averaged)
        score = self.best.score if self.best else 0.0
        return TrainedRun(self.config.out, card, score, self.stopped, self.job.shown)

    def _fit(self, task: TrainingTask, loader: DataLoader[Any]) -> None:
        """Train to the end, or until a signal, at which Lightning leaves the program."""
        try:
            self._trainer().fit(task, loader)
        except SIGTERMException:  # after a whole step: what is left is to judge and to save
            self.stopped = True
        except SystemExit as error:  # a second Ctrl-C
            raise KeyboardInterrupt from error

    def _trainer(self) -> lightning.Trainer:
        kind = {"cpu": "cpu", "cuda": "gpu", "mps": "mps"}[self.device.type]
        devices = [self.device.index or 0] if kind == "gpu" else 1
        return lightning.Trainer(
            accelerator=kind,
            devices=devices,
            max_epochs=-1,
            gradient_clip_val=1.0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[self],
        )

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,  # noqa: ARG002 - Lightning's signature
        batch_idx: int,
    ) -> None:
        self.step = batch_idx + 1
        self.losses.append(float(outputs["loss"]))
        if not math.isfinite(self.losses[-1]):
            raise ContentError(
                f"the training diverged at step {self.step} (its loss is {self.losses[-1]}); "
                f"use a smaller --learning-rate than {self.config.learning_rate}"
            )
        over = self.plan.advance(self.step, self._seconds(), self._reserve()) or self.stopped
        if not over and self._judging_is_due():
            self._judge(pl_module)
        self.report(
            Progress(
                self.step,
                self.plan.total,
                self.plan.share(self.step, self._seconds()),
                self._seconds(),
                sum(self.losses[-EPOCH:]) / len(self.losses[-EPOCH:]),
                self.best.score if self.best else None,
            )
        )
        trainer.should_stop = over

    def _judging_is_due(self) -> bool:
        """Judge after each epoch, less often where that would take too much of the time."""
        if self.step % EPOCH:
            return False
        spent = self.judging_seconds + self.last_judging
        return self.best is None or spent <= _VALIDATING * self._seconds()

    def _judge(self, module: lightning.LightningModule) -> None:
        task = module
        if not isinstance(task, TrainingTask):
            raise TypeError(f"{type(task)} is no training task")
        start = time.monotonic()
        verdict = self.job.judge.judge(task.averaged)
        self.judged_step = self.step
        if self.best is None or verdict.score >= self.best.score:
            self.best, self.best_step = verdict, self.step
            self.best_weights = copy.deepcopy(task.averaged.state_dict())
            save_model(self.config.out / "model", self._card(), task.averaged)
        self.last_judging = time.monotonic() - start
        self.judging_seconds += self.last_judging
        self._record(verdict)

    def _record(self, verdict: Verdict) -> None:
        rate = float(self.config.learning_rate) * rate_factor(
            max(0, self.step - 1), self.plan.total
        )
        recent = self.losses[-EPOCH:]
        self.rows.append(
            {
                "step": self.step,
                "epoch": self.step / EPOCH,
                "seconds": round(self._seconds(), 2),
                "learning_rate": rate,
                "train_loss": sum(recent) / len(recent) if recent else None,
                "val_loss": verdict.loss,
                **{f"val_{name}": value for name, value in verdict.scores.items()},
            }
        )
        write_table(self.config.out / "metrics.csv", self.rows)

    def _finish(self, network: nn.Module) -> ModelCard:
        """Save the best network with what is measured on it."""
        network.load_state_dict(self.best_weights)
        network.eval()
        measured = self.job.finish(network)
        card = self._card().model_copy(update=measured)
        return save_model(self.config.out / "model", card, network)

    def _card(self) -> ModelCard:
        record = TrainingRecord(
            images=self.job.images,
            validation_images=self.job.validation_images,
            fingerprint=self.job.fingerprint,
            steps=self.step,
            planned_steps=self.plan.total or self.step,
            best_step=self.best_step,
            seconds=round(self._seconds(), 1),
            seed=self.config.seed,
            batch=self.config.batch,
            crop=self.job.card.crop,
            learning_rate=float(self.config.learning_rate),
            device=device_name(self.device),
            torch=torch.__version__,
        )
        scores = self.best.scores if self.best else {}
        return self.job.card.model_copy(update={"training": record, "scores": scores})

    def _seconds(self) -> float:
        return time.monotonic() - self.start

    def _reserve(self) -> float:
        """Time for the last validation, and for measuring the halo, which costs about as much."""
        measures_halo = self.config.task is Task.SEGMENTATION
        return (2.5 if measures_halo else 1.25) * self.last_judging

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM end the run after the step; a second Ctrl-C ends it at once."""

        def stop(number: int, _frame: object) -> None:
            if self.stopped:
                raise KeyboardInterrupt
            self.stopped = True
            _log.warning("stopping after this step; the best model so far is kept")
            if number == signal.SIGINT:
                signal.signal(signal.SIGINT, signal.default_int_handler)

        kinds = (signal.SIGINT, signal.SIGTERM)
        try:
            before = {kind: signal.signal(kind, stop) for kind in kinds}
        except ValueError:  # not the main thread: whoever runs us handles signals
            yield
            return
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)


def _planned_steps(config: TrainConfig) -> int | None:
    """Say how many steps were asked for; None when nothing but minutes were."""
    if config.steps or config.epochs:
        return config.steps or (config.epochs or 0) * EPOCH
    return None if config.minutes else _DEFAULT_EPOCHS * EPOCH


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
