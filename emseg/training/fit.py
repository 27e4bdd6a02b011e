"""One run: from a configuration to a run folder with a trained model.

A run folder is useful from its first validation on: the best network so far lies in
``RUN/model`` whole, whatever happens to the process afterwards.
"""

import copy
import logging
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import nn

from emseg.bundle import Craft, ModelCard, TrainingRecord, save_model
from emseg.config import Task, TrainConfig
from emseg.errors import ContentError, UsageError
from emseg.inference import choose_device, device_name
from emseg.schedules import parse_schedule
from emseg.training.holding_out import LabelledPlane
from emseg.training.jobs import Job, prepare
from emseg.training.judging import Verdict
from emseg.training.loop import require_precision, run_loop
from emseg.training.progress import Progress, Report
from emseg.training.rate_finder import RangeTest, find_rate
from emseg.training.schedule import EPOCH, Plan, rate_factor
from emseg.training.tasks import TrainingTask, label_smoothing
from emseg.writing import results_folder, write_table, write_text

_DEFAULT_EPOCHS = 60
_VALIDATING = 0.1  # share of the time that validation may take
_FINDING = 0.25  # share of the time above which finding a rate is worth a word
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
    range_test : RangeTest or None
        What found the learning rate, when it was ``auto``.
    """

    folder: Path
    card: ModelCard
    score: float
    interrupted: bool
    shown: tuple[LabelledPlane, ...]
    range_test: RangeTest | None


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
        When the run folder holds a run already, or the device cannot compute in the precision.
    EmsegError
        Whatever is wrong with the names, the files or the labels.
    """
    device = choose_device(config.device)
    require_precision(config.precision, device)
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
    write_text(config.out / _CONFIG, config.to_toml(), "replace")
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
            _planned_steps(config),
            config.minutes * 60 if config.minutes else None,
            parse_schedule(config.schedule),
        )
        self.rows: list[dict[str, object]] = []
        self.best: Verdict | None = None
        self.best_step = 0
        self.best_weights: dict[str, Any] = {}
        self.losses: list[float] = []
        self.batch_losses: list[float] = []
        self.step = self.judged_step = 0
        self.judging_seconds = self.last_judging = 0.0
        self.range_test: RangeTest | None = None
        self.finding_seconds = 0.0
        self.start = time.monotonic()
        self.stopped = False

    def run(self) -> TrainedRun:
        if self.config.learning_rate == "auto":
            self._find_rate()
        task = self.job.task(
            self.job.network.to(memory_format=torch.channels_last),
            lambda step: rate_factor(
                step, self.plan.total, self.plan.schedule, self.config.warm_up
            ),
            self.config,
        )
        with self._stopped_by_signals():
            self.start = time.monotonic()
            self._fit(task)
        if self.judged_step < self.step or self.best is None:
            self._judge(task)
        card = self._finish(task.averaged)
        score = self.best.score if self.best else 0.0
        return TrainedRun(
            self.config.out, card, score, self.stopped, self.job.shown, self.range_test
        )

    def _find_rate(self) -> None:
        """Settle the rate by the range test, whose time counts; by what is usual if it fails."""
        try:
            self.range_test = find_rate(self.job, self.config, self.device)
            rate = self.range_test.suggestion
        except ContentError as error:
            rate = self.config.usual_learning_rate
            _log.warning("%s; training with the usual rate, %g", error, rate)
        self.config = self.config.model_copy(update={"learning_rate": rate})
        self.finding_seconds = self._seconds()
        _log.info("learning rate %.2g, found in %.0f s", rate, self.finding_seconds)
        if self.plan.budget is None:
            return
        if self.finding_seconds > _FINDING * self.plan.budget:
            _log.warning(
                "finding the learning rate took %.1f of %.1f minutes; "
                "next time give what was found: --lr %.2g",
                self.finding_seconds / 60,
                self.plan.budget / 60,
                rate,
            )
        self.plan.budget = max(0.0, self.plan.budget - self.finding_seconds)

    def _fit(self, task: TrainingTask) -> None:
        """Train to the end, or until a signal, at which Lightning leaves the program."""
        try:
            run_loop(task, self.job.dataset, self.config, self.device, self)
        except SIGTERMException:  # after a whole batch: what is left is to judge and to save
            self.stopped = True

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,  # noqa: ARG002 - Lightning's signature
        batch_idx: int,
    ) -> None:
        self.batch_losses.append(float(outputs["loss"]) * self.config.accumulate)
        if (batch_idx + 1) % self.config.accumulate and math.isfinite(self.batch_losses[-1]):
            return
        self.step = -(-(batch_idx + 1) // self.config.accumulate)
        self.losses.append(sum(self.batch_losses) / len(self.batch_losses))
        self.batch_losses.clear()
        if not math.isfinite(self.losses[-1]):
            raise ContentError(
                f"the training diverged at step {self.step} (its loss is {self.losses[-1]}); "
                f"use a smaller --learning-rate than {self.config.learning_rate}"
            )
        if not self.last_judging and self.plan.is_due(self.step, self._seconds(), 0.0):
            self._time_judging(pl_module)
        over = self.plan.advance(self.step, self._seconds(), self._reserve()) or self.stopped
        if not over and self._judging_is_due():
            self._judge(pl_module)
        self.report(
            Progress(
                self.step,
                self.plan.total,
                self.plan.share(self.step, self._seconds()),
                self.finding_seconds + self._seconds(),
                sum(self.losses[-EPOCH:]) / len(self.losses[-EPOCH:]),
                self.best.score if self.best else None,
            )
        )
        trainer.should_stop = over

    def _time_judging(self, module: Any) -> None:
        """Judge once for its time alone, without which a short run cannot plan its length."""
        start = time.monotonic()
        self.job.judge.judge(module.averaged)
        self.last_judging = time.monotonic() - start

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
        self._record(verdict, task.rates)

    def _record(self, verdict: Verdict, rates: dict[str, float]) -> None:
        recent = self.losses[-EPOCH:]
        self.rows.append(
            {
                "step": self.step,
                "epoch": self.step / EPOCH,
                "seconds": round(self._seconds(), 2),
                **(rates or {"learning_rate": None}),
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
            seconds=round(self.finding_seconds + self._seconds(), 1),
            seed=self.config.seed,
            batch=self.config.batch,
            crop=self.job.card.crop,
            learning_rate=float(self.config.learning_rate),
            device=device_name(self.device),
            torch=torch.__version__,
            craft=self._craft(),
        )
        scores = self.best.scores if self.best else {}
        return self.job.card.model_copy(update={"training": record, "scores": scores})

    def _craft(self) -> Craft:
        config = self.config
        return Craft(
            optimiser=config.optimiser,
            momentum=config.momentum,
            schedule=config.schedule,
            warm_up=config.warm_up,
            weight_decay=config.weight_decay,
            label_smoothing=label_smoothing(config),
            accumulate=config.accumulate,
            clip=config.clip,
            precision=config.precision,
            learning_rate_found=self.range_test is not None,
            head_learning_rate=config.head_learning_rate,
        )

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
