"""The loop as a run watches it: the clock, the validations, the best, and where it stands."""

import copy
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from shlex import quote
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import nn

from emseg.bundle import ModelCard, save_model
from emseg.config import TrainConfig
from emseg.errors import ContentError, ModelError, StorageError
from emseg.schedules import parse_schedule
from emseg.training.allowance import VALIDATING, validated_every
from emseg.training.exporting import export_beside
from emseg.training.jobs import TrainingJob
from emseg.training.judging import ValidationScores
from emseg.training.loading import Waiting
from emseg.training.loop import run_loop
from emseg.training.processes import ALONE, LostError, Processes, Word
from emseg.training.progress import Progress, Report
from emseg.training.records import craft_of, row_of, scalars_of, stepped, with_record
from emseg.training.scalars import Scalars
from emseg.training.schedule import EPOCH, RunPlan, rate_factor
from emseg.training.settling import Beginning
from emseg.training.state import STATE, Learnt, State, write_state
from emseg.training.stopping import Stop
from emseg.training.tasks import TrainingTask
from emseg.training.together import Attempt, led
from emseg.writing import write_table

TABLE = "metrics.csv"
_DEFAULT_EPOCHS = 60
_FIRST = 0.35  # of the time has passed when a model that nobody validated yet is validated
_PATIENCE_S = 30.0  # for the validation of a run that was interrupted
_WRITTEN_EVERY_S = 300.0  # where the run stands is written at the latest, and after each epoch
_WRITING = 0.05  # share of the time that writing it after each epoch may take
_log = logging.getLogger(__name__)


class _TooLateError(Exception):
    """A validation takes longer than there is time."""


class DivergedError(ContentError):
    """A loss, or what the network answers, is no number any more."""


class Run(lightning.Callback):
    """Watches the clock, judges, keeps the best, and writes down where the run stands."""

    def __init__(
        self,
        beginning: Beginning,
        job: TrainingJob,
        device: torch.device,
        report: Report,
        begun: float,
        processes: Processes = ALONE,
    ) -> None:
        self.job, self.device, self.report, self.processes = job, device, report, processes
        self.settled, self.now = beginning.settled, beginning.standing
        self.shown, self.range_test = beginning.shown, beginning.range_test
        self.plan = RunPlan(
            self.now.total or planned_steps(self.config),
            self.settled.budget,
            parse_schedule(self.config.schedule),
        )
        self.best_weights: dict[str, Any] = {}
        self.batch_losses: list[float] = []
        self.scalars = Scalars(self.config.out if self.config.tensorboard else None)
        self.trainer: lightning.Trainer | None = None
        self.stop, self.is_full, self.waiting = Stop(), False, Waiting(self.now.waited)
        self.begun, self.start = begun - self.now.elapsed, begun
        self.written_at, self.writing_seconds = begun, 0.0
        self.deadline: float | None = None

    @property
    def config(self) -> TrainConfig:
        """As it is carried out."""
        return self.settled.config

    def run(self, learnt: Learnt | None = None) -> ModelCard:
        """Train to the end; what a run had learnt that is continued is taken over.

        Raises
        ------
        KeyboardInterrupt
            When it is interrupted at once; what it has learnt is kept.
        LostError
            When a process that learns with this one has ended; the same.
        """
        task = self.job.task(
            self.job.network.to(memory_format=torch.channels_last), self._rate, self.config
        )
        if learnt is not None:
            self.best_weights = dict(learnt.best)
            task.go_on(learnt, self.now.step)
        self._start_clock()
        try:
            with self.stop.heard():
                self._fit(task, learnt)
            self._judge_at_the_end(task)
            return self._finish(task.averaged)
        except (KeyboardInterrupt, LostError):
            self._keep(task)
            raise
        finally:
            self.scalars.close()

    def _rate(self, step: int) -> float:
        return rate_factor(step, self.plan.total, self.plan.schedule, self.config.warm_up)

    def _start_clock(self) -> None:
        """Count on from where the run stood."""
        self.written_at = time.monotonic()
        self.start = self.written_at - self.now.seconds
        if self.settled.budget is not None:
            self.deadline = self.start + self.settled.budget + self.settled.spare

    def _fit(self, task: TrainingTask, learnt: Learnt | None) -> None:
        """Train to the end, or until a signal, at which Lightning leaves the program."""
        if self.plan.total is not None and self.now.step >= self.plan.total:
            return  # it was killed while its last network was judged
        self.processes.send(Attempt.of(self.config, self.plan.total, self.now.step, learnt))
        try:
            with self.processes.telling():
                how = self.config, self.device, self, self.processes, self.waiting
                run_loop(task, self.job.dataset, *how)
        except SIGTERMException:  # after a whole batch: what is left is to judge and to save
            self.stop.asked = True
            if self.trainer is not None and not self.batch_losses:
                self._write_down(task, self.trainer)

    def on_train_start(self, *_: Any) -> None:
        """Hear signals again: after a step all processes end, and not this one alone."""
        if not self.processes.is_alone:
            self.stop.hear_again()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,  # noqa: ARG002 - Lightning's signature
        batch_idx: int,
    ) -> None:
        """Count a step; judge, and write down where the run stands, when that is due."""
        self.trainer = trainer
        self.batch_losses.append(float(outputs["loss"]) * self.config.accumulate)
        if (batch_idx + 1) % self.config.accumulate and math.isfinite(self.batch_losses[-1]):
            return
        if self.processes.asked(self.stop.asked):
            self.stop.ask()
        with led(self.processes):
            over = self._end_step(_task_of(pl_module), trainer)
        self.processes.tell(Word.STOP if over else Word.GO_ON, self.plan.total)
        trainer.should_stop = over

    def _end_step(self, task: TrainingTask, trainer: lightning.Trainer) -> bool:
        """Do what is due after a step; True after the last one."""
        loss = sum(self.batch_losses) / len(self.batch_losses)
        self.batch_losses.clear()
        self.now = stepped(self.now, loss, self._seconds(), self.waiting.seconds)
        if not math.isfinite(loss):
            raise DivergedError(
                f"the training diverged at step {self.now.step} (its loss is {loss}); "
                f"use a smaller --learning-rate than {self.config.learning_rate}"
            )
        self.scalars.write(self.now.step, {"step_loss": loss, **task.rates})
        over = self.plan.advance(self.now.step, self._seconds(), self._reserve())
        over = over or self.stop.asked
        if not over and self._judging_is_due():
            with suppress(_TooLateError):
                self._judge(task)
                over = self._is_stuck()
        if self.stop.asked or (not over and self._writing_is_due()):
            self._write_down(task, trainer)
        self._tell()
        return over

    def _tell(self, validated: float | None = None) -> float:
        """Report where the run stands, and give the time at which it was."""
        now, at = time.monotonic(), self.now
        self.report(
            Progress(
                at.step,
                self.plan.total,
                self.plan.share(at.step, now - self.start),
                now - self.begun,
                sum(at.losses) / max(1, len(at.losses)),
                at.best.score if at.best else None,
                validated,
            )
        )
        return now

    def _judging_is_due(self) -> bool:
        """Judge after each epoch, less often where that would take too much of the time."""
        at, budget = self.now, self.plan.budget
        epoch, into = divmod(at.step, EPOCH)
        if budget is None:  # not by the clock: the same run judges at the same steps
            every = validated_every(self.job.judge.crops, self.config)
            return into == 0 and (at.best is None or epoch % every == 0)
        if into == 0:
            spent = at.judging_seconds + at.last_judging
            return at.best is None or spent <= VALIDATING * self._seconds()
        if at.best is not None:
            return False  # of a run whose epochs are long the first model comes sooner
        return _FIRST * budget <= self._seconds() <= budget - at.last_judging - self._reserve()

    def _is_stuck(self) -> bool:
        """Whether so many validations as there is patience for have brought nothing better."""
        patience, scores = self.config.patience, self.now.scores
        if patience is None or len(scores) - scores.index(max(scores)) <= patience:
            return False
        _log.warning(
            "%d validations brought nothing better than %.3f: the training ends here",
            patience,
            max(scores),
        )
        return True

    def _judge(self, task: TrainingTask) -> None:
        start = time.monotonic()
        try:
            verdict = self.job.judge.judge(task.averaged, self._watch)
            self.now = replace(self.now, judged_step=self.now.step)
            if self.now.best is None or verdict.score >= self.now.best.score:
                self.now = replace(self.now, best=verdict, best_step=self.now.step)
                self.best_weights = copy.deepcopy(task.averaged.state_dict())
                with self._room_or_later():
                    save_model(self.config.out / "model", self._card(), task.averaged)
        except ModelError as error:
            raise DivergedError(
                f"the training diverged by step {self.now.step} ({error}); use a smaller "
                f"--learning-rate than {self.config.learning_rate}"
            ) from error
        finally:
            took = time.monotonic() - start
            self.now = replace(
                self.now, last_judging=took, judging_seconds=self.now.judging_seconds + took
            )
        self._record(verdict, task.rates)

    def _writing_is_due(self) -> bool:
        """Write down where the run stands after an epoch, and every five minutes at the latest."""
        passed = time.monotonic() - self.written_at
        is_cheap = self.writing_seconds <= _WRITING * passed
        return passed >= _WRITTEN_EVERY_S or (self.now.step % EPOCH == 0 and is_cheap)

    def _write_down(self, task: TrainingTask, trainer: lightning.Trainer) -> None:
        start = time.monotonic()
        self.now = replace(
            self.now,
            seconds=start - self.start,
            elapsed=start - self.begun,
            total=self.plan.total,
        )
        state = State(self.settled, self.now, self.job.fingerprint, torch.__version__)
        learnt = Learnt(
            task.state_dict(),
            trainer.optimizers[0].state_dict(),
            trainer.precision_plugin.state_dict(),
            self.best_weights,
        )
        with self._room_or_later():
            write_state(self.config.out, state, learnt)
        self.written_at = time.monotonic()
        self.writing_seconds = self.written_at - start

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
        if self.now.judged_step == self.now.step and self.now.best is not None:
            return
        if self.stop.asked:
            if self.now.best is None:
                save_model(self.config.out / "model", self._card(), task.averaged)
            self.deadline = time.monotonic() + _PATIENCE_S
        try:
            self._judge(task)
        except _TooLateError:
            _log.warning(
                "there is no time to validate the last of %d steps; %s is kept",
                self.now.step,
                "the model as it stands" if self.now.best is None else "the best model so far",
            )

    def _keep(self, task: TrainingTask) -> None:
        """Keep what a run that is interrupted at once has learnt."""
        at = self.now
        if at.step == 0:
            _log.warning("interrupted before the first step was done: there is nothing to keep")
            return
        self.stop.asked = True
        if at.best is not None:
            task.averaged.load_state_dict(self.best_weights)
        save_model(self.config.out / "model", self._card(), task.averaged)
        _log.warning(
            "the model is kept in %s: %s",
            self.config.out,
            f"as it stands after step {at.step}, without a validation"
            if at.best is None
            else f"the best so far, of step {at.best_step}",
        )
        if (self.config.out / STATE).exists():
            _log.warning("to go on: emseg train --resume %s", quote(str(self.config.out)))

    def _record(self, verdict: ValidationScores, rates: dict[str, float]) -> None:
        row = row_of(self.now, verdict, rates, self._seconds())
        self.scalars.write(self.now.step, scalars_of(row))
        scores = (*self.now.scores, verdict.score)
        self.now = replace(self.now, rows=(*self.now.rows, row), scores=scores)
        with self._room_or_later():
            write_table(self.config.out / TABLE, self.now.rows)

    def _finish(self, network: nn.Module) -> ModelCard:
        """Save the best network with what is measured on it; what has ended has no state."""
        if self.now.best is not None:
            network.load_state_dict(self.best_weights)
        network.eval()
        measured = self.job.finish(network, self.settled.halo_side)
        card = self._card().model_copy(update=measured)
        card = save_model(self.config.out / "model", card, network)
        if not self.stop.asked:
            export_beside(self.config.out / "model", card, network, self.job, self.deadline)
            (self.config.out / STATE).unlink(missing_ok=True)
        return card

    def _card(self) -> ModelCard:
        return with_record(
            self.job,
            self.config,
            self.device,
            self.now.best,
            steps=self.now.step,
            planned_steps=self.plan.total or self.now.step,
            best_step=self.now.best_step,
            seconds=round(time.monotonic() - self.begun, 1),
            batch=self.config.batch,
            learning_rate=float(self.config.learning_rate),
            interrupted=self.stop.asked,
            processes=self.processes.of,
            waited=self.now.waited_share,
            craft=craft_of(self.config, rate_was_found=self.settled.rate_was_found),
        )

    def _seconds(self) -> float:
        return time.monotonic() - self.start

    def _reserve(self) -> float:
        """Time for the last validation, and for what follows it."""
        return 1.25 * self.now.last_judging + self.settled.closing_seconds


def planned_steps(config: TrainConfig) -> int | None:
    """Say how many steps were asked for; None when nothing but minutes were."""
    if config.steps or config.epochs:
        return config.steps or (config.epochs or 0) * EPOCH
    return None if config.minutes else _DEFAULT_EPOCHS * EPOCH


def _task_of(module: lightning.LightningModule) -> TrainingTask:
    if not isinstance(module, TrainingTask):
        raise TypeError(f"{type(module)} is no training task")
    return module
