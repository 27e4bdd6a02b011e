"""One run: from a configuration to a run folder with a trained model.

A run folder is useful from its first validation on: the best network so far lies in
``RUN/model`` whole, whatever happens to the process afterwards. A run that is interrupted before
leaves the network as it stands.
"""

import copy
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import nn

from emseg.bundle import ModelCard, TrainingRecord, save_model
from emseg.config import TrainConfig
from emseg.errors import ContentError, ModelError, StorageError, UsageError
from emseg.inference import choose_device, device_name
from emseg.schedules import parse_schedule
from emseg.training.allowance import Allowance, measured_allowance, time_left
from emseg.training.exporting import export_beside
from emseg.training.holding_out import LabelledPlane
from emseg.training.jobs import Job, prepare
from emseg.training.judging import Verdict
from emseg.training.loop import require_precision, run_loop
from emseg.training.progress import Progress, Report
from emseg.training.rate_finder import RangeTest, settle_rate
from emseg.training.records import craft_of
from emseg.training.schedule import EPOCH, Plan, rate_factor
from emseg.training.stopping import Stop
from emseg.training.tasks import TrainingTask
from emseg.writing import results_folder, write_table, write_text

_DEFAULT_EPOCHS = 60
_VALIDATING = 0.1  # share of the time that validation may take
_FIRST = 0.35  # of the time has passed when a model that nobody validated yet is validated
_BEYOND = 1.1  # of the time after which a validation is given up
_PATIENCE_S = 30.0  # for the validation of a run that was interrupted
_CONFIG = "config.toml"
_TABLE = "metrics.csv"
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
    verdict : Verdict or None
        How good it is on the validation micrographs; None when there was no time to find out.
    interrupted : bool
        Whether it was stopped before its end; the model is the best until then.
    shown : tuple of LabelledPlane
        Validation micrographs to draw; none for a classifier.
    range_test : RangeTest or None
        What found the learning rate, when it was ``auto``.
    """

    folder: Path
    card: ModelCard
    verdict: Verdict | None
    interrupted: bool
    shown: tuple[LabelledPlane, ...]
    range_test: RangeTest | None

    @property
    def score(self) -> float:
        """Mean IoU or accuracy on the validation micrographs; 0 when nobody knows."""
        return self.verdict.score if self.verdict else 0.0


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
    begun = time.monotonic()
    device = choose_device(config.device)
    require_precision(config.precision, device)
    with results_folder(config.out):
        _require_free(config.out)
        job = prepare(config, device)
        with _recorded(config):
            if started is not None:
                started(job, device)
            return _Run(config, job, device, report, begun).run()


def _require_free(folder: Path) -> None:
    if (folder / _CONFIG).exists() or (folder / "model").exists():
        raise UsageError(f"{folder} holds a run already; choose another folder with --out")


@contextmanager
def _recorded(config: TrainConfig) -> Iterator[None]:
    """Write the configuration of a run; a run that leaves no model leaves nothing else either."""
    _require_free(config.out)  # another run may have begun while this one read its micrographs
    write_text(config.out / _CONFIG, config.to_toml(), "replace")
    try:
        yield
    finally:
        if not (config.out / "model").exists():
            for name in (_CONFIG, _TABLE):
                (config.out / name).unlink(missing_ok=True)


class _TooLateError(Exception):
    """A validation takes longer than there is time."""


class _Run(lightning.Callback):
    """Watches the clock, judges, and keeps the best."""

    def __init__(
        self, config: TrainConfig, job: Job, device: torch.device, report: Report, begun: float
    ) -> None:
        self.config, self.job, self.device, self.report = config, job, device, report
        self.begun, self.start = begun, time.monotonic()
        self.budget = (
            time_left(config.minutes, self.start - begun) if config.minutes is not None else None
        )
        self.plan = Plan(_planned_steps(config), self.budget, parse_schedule(config.schedule))
        self.rows: list[dict[str, object]] = []
        self.best: Verdict | None = None
        self.best_step = 0
        self.best_weights: dict[str, Any] = {}
        self.losses: list[float] = []
        self.batch_losses: list[float] = []
        self.step = self.judged_step = 0
        self.judging_seconds = self.last_judging = 0.0
        self.closing_seconds = 0.0
        self.halo_side: int | None = None
        self.shown = job.shown
        self.range_test: RangeTest | None = None
        self.stop, self.is_full = Stop(), False
        self.deadline: float | None = None

    def run(self) -> TrainedRun:
        allowance = self._allowance()
        if self.config.learning_rate == "auto":
            rate, self.range_test = settle_rate(self.job, self.config, self.device, allowance)
            self.config = self.config.model_copy(update={"learning_rate": rate})
        task = self.job.task(
            self.job.network.to(memory_format=torch.channels_last),
            lambda step: rate_factor(
                step, self.plan.total, self.plan.schedule, self.config.warm_up
            ),
            self.config,
        )
        if self.budget is not None:
            self.plan.budget = max(0.0, self.budget - self._seconds())
            self.deadline = self.start + _BEYOND * self.budget
        try:
            with self.stop.heard():
                self.start = time.monotonic()
                self._fit(task)
            self._judge_at_the_end(task)
            card = self._finish(task.averaged)
        except KeyboardInterrupt:
            self._keep(task)
            raise
        return TrainedRun(
            self.config.out, card, self.best, self.stop.asked, self.shown, self.range_test
        )

    def _allowance(self) -> Allowance | None:
        """Fit what the run does into its minutes, on this machine as it is."""
        if self.budget is None:
            return None
        allowance = measured_allowance(self.budget, self.job, self.device)
        self.config = allowance.fitted(self.config)
        self.job.judge.limit(allowance.validation)
        self.last_judging = self.job.judge.crops * allowance.crop_seconds
        if self.shown:
            self.halo_side = allowance.halo_side
            self.shown = allowance.pictures(self.shown)
            self.closing_seconds = allowance.halo_seconds + allowance.picture_seconds(self.shown)
        return allowance

    def _fit(self, task: TrainingTask) -> None:
        """Train to the end, or until a signal, at which Lightning leaves the program."""
        try:
            run_loop(task, self.job.dataset, self.config, self.device, self)
        except SIGTERMException:  # after a whole batch: what is left is to judge and to save
            self.stop.asked = True

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
        over = self.plan.advance(self.step, self._seconds(), self._reserve()) or self.stop.asked
        if not over and self._judging_is_due():
            with suppress(_TooLateError):
                self._judge(pl_module)
        self._tell()
        trainer.should_stop = over

    def _tell(self, validated: float | None = None) -> float:
        """Report where the run stands, and give the time at which it was."""
        now, recent = time.monotonic(), self.losses[-EPOCH:]
        self.report(
            Progress(
                self.step,
                self.plan.total,
                self.plan.share(self.step, now - self.start),
                now - self.begun,
                sum(recent) / max(1, len(recent)),
                self.best.score if self.best else None,
                validated,
            )
        )
        return now

    def _judging_is_due(self) -> bool:
        """Judge after each epoch, less often where that would take too much of the time."""
        spent, budget = self.judging_seconds + self.last_judging, self.plan.budget
        if self.step % EPOCH == 0:
            return self.best is None or spent <= _VALIDATING * self._seconds()
        if self.best is not None or budget is None:
            return False  # of a run whose epochs are long the first model comes sooner
        return _FIRST * budget <= self._seconds() <= budget - self.last_judging - self._reserve()

    def _judge(self, module: lightning.LightningModule) -> None:
        task = module
        if not isinstance(task, TrainingTask):
            raise TypeError(f"{type(task)} is no training task")
        start = time.monotonic()
        try:
            verdict = self.job.judge.judge(task.averaged, self._watch)
            self.judged_step = self.step
            if self.best is None or verdict.score >= self.best.score:
                self.best, self.best_step = verdict, self.step
                self.best_weights = copy.deepcopy(task.averaged.state_dict())
                with self._room_or_later():
                    save_model(self.config.out / "model", self._card(), task.averaged)
        except ModelError as error:
            raise ContentError(
                f"the training diverged by step {self.step} ({error}); use a smaller "
                f"--learning-rate than {self.config.learning_rate}"
            ) from error
        finally:
            self.last_judging = time.monotonic() - start
            self.judging_seconds += self.last_judging
        self._record(verdict, task.rates)

    def _watch(self, share: float) -> None:
        """Show how far a validation is; give it up when there is no time for it any more."""
        now = self._tell(share)
        if self.deadline is not None and now > self.deadline:
            raise _TooLateError

    @contextmanager
    def _room_or_later(self) -> Iterator[None]:
        """Let a disk that is full cost a save and not the run: the last one tries again."""
        try:
            yield
        except StorageError as error:
            if not self.is_full:
                _log.warning("%s; the training goes on and will try again", error)
            self.is_full = True

    def _judge_at_the_end(self, task: TrainingTask) -> None:
        """Judge what was not judged yet; a run that was interrupted keeps its model first."""
        if self.judged_step == self.step and self.best is not None:
            return
        if self.stop.asked:
            if self.best is None:
                save_model(self.config.out / "model", self._card(), task.averaged)
            self.deadline = time.monotonic() + _PATIENCE_S
        try:
            self._judge(task)
        except _TooLateError:
            _log.warning(
                "there is no time to validate the last of %d steps; %s is kept",
                self.step,
                "the model as it stands" if self.best is None else "the best model so far",
            )

    def _keep(self, task: TrainingTask) -> None:
        """Keep what a run that is interrupted at once has learnt."""
        if self.step == 0:
            _log.warning("interrupted before the first step was done: there is nothing to keep")
            return
        self.stop.asked = True
        if self.best is not None:
            task.averaged.load_state_dict(self.best_weights)
        save_model(self.config.out / "model", self._card(), task.averaged)
        _log.warning(
            "the model is kept in %s: %s",
            self.config.out,
            f"as it stands after step {self.step}, without a validation"
            if self.best is None
            else f"the best so far, of step {self.best_step}",
        )

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
        with self._room_or_later():
            write_table(self.config.out / _TABLE, self.rows)

    def _finish(self, network: nn.Module) -> ModelCard:
        """Save the best network with what is measured on it."""
        if self.best is not None:
            network.load_state_dict(self.best_weights)
        network.eval()
        measured = self.job.finish(network, self.halo_side)
        card = self._card().model_copy(update=measured)
        card = save_model(self.config.out / "model", card, network)
        if not self.stop.asked:
            export_beside(self.config.out / "model", card, network, self.job, self.deadline)
        return card

    def _card(self) -> ModelCard:
        record = TrainingRecord(
            images=self.job.images,
            validation_images=self.job.judge.looked_at,
            fingerprint=self.job.fingerprint,
            steps=self.step,
            planned_steps=self.plan.total or self.step,
            best_step=self.best_step,
            seconds=round(time.monotonic() - self.begun, 1),
            seed=self.config.seed,
            batch=self.config.batch,
            crop=self.job.card.crop,
            learning_rate=float(self.config.learning_rate),
            device=device_name(self.device),
            torch=torch.__version__,
            interrupted=self.stop.asked,
            chance=round(self.best.chance, 4) if self.best else None,
            craft=craft_of(self.config, rate_was_found=self.range_test is not None),
        )
        scores = self.best.scores if self.best else {}
        return self.job.card.model_copy(update={"training": record, "scores": scores})

    def _seconds(self) -> float:
        return time.monotonic() - self.start

    def _reserve(self) -> float:
        """Time for the last validation, and for what follows it."""
        return 1.25 * self.last_judging + self.closing_seconds


def _planned_steps(config: TrainConfig) -> int | None:
    """Say how many steps were asked for; None when nothing but minutes were."""
    if config.steps or config.epochs:
        return config.steps or (config.epochs or 0) * EPOCH
    return None if config.minutes else _DEFAULT_EPOCHS * EPOCH
