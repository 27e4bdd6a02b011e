"""One run: from a configuration to a run folder with a trained model.

A run folder is useful from its first validation on: the best network so far lies in
``RUN/model`` whole, whatever happens to the process afterwards. A run that is interrupted before
leaves the network as it stands. Where the run stands lies in ``RUN/state.pt``, after each epoch and
every five minutes, until it has ended.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from emseg.bundle import ModelCard
from emseg.config import TrainConfig
from emseg.errors import UsageError
from emseg.inference import choose_device
from emseg.training.holding_out import LabelledPlane
from emseg.training.jobs import Job, prepare
from emseg.training.judging import Verdict
from emseg.training.loop import require_precision
from emseg.training.progress import Report
from emseg.training.rate_finder import RangeTest
from emseg.training.run import TABLE, Run
from emseg.training.settling import settle, taken_over
from emseg.training.state import STATE, Learnt, State, read_state, require_state
from emseg.writing import alone, results_folder, write_text

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
    def can_go_on(self) -> bool:
        """Whether `resume` goes on where it was stopped."""
        return (self.folder / STATE).exists()

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
    with results_folder(config.out), alone(config.out / "run"):
        _require_free(config.out)
        job = prepare(config, device)
        with _recorded(config):
            if started is not None:
                started(job, device)
            run = Run(settle(config, job, device, begun), job, device, report, begun)
            return _trained(run)


def resume(folder: Path, report: Report, started: Any = None, device: str = "auto") -> TrainedRun:
    """Go on with a run that was stopped or killed, where it stood when its state was written.

    A run counted in steps ends with the same weights as one that was never stopped, on the same
    machine with as many threads; one that was given minutes goes on for those that it had left.

    Parameters
    ----------
    folder : Path
        Of the run.
    report, started : callable
        As in `train`.
    device : str
        Where it goes on.

    Raises
    ------
    UsageError
        When no run stopped there, another process works on it, or its micrographs or masks have
        changed.
    UnreadableFileError
        When its state is damaged.
    EmsegError
        Whatever else `train` refuses.
    """
    begun = time.monotonic()
    place = choose_device(device)
    require_state(folder)
    with alone(folder / "run"):
        state, learnt = read_state(folder)
        config = state.settled.config.model_copy(update={"out": folder, "device": device})
        require_precision(config.precision, place)
        job = prepare(config, place)
        _require_same(folder, state, job)
        if started is not None:
            started(job, place)
        beginning = taken_over(state.settled, state.standing, config, job)
        return _trained(Run(beginning, job, place, report, begun), learnt)


def _trained(run: Run, learnt: Learnt | None = None) -> TrainedRun:
    card = run.run(learnt)
    return TrainedRun(run.config.out, card, run.now.best, run.stop.asked, run.shown, run.range_test)


def _require_same(folder: Path, state: State, job: Job) -> None:
    """Refuse to go on with other data; tell that another PyTorch rounds otherwise."""
    if job.fingerprint != state.fingerprint:
        raise UsageError(
            f"--resume {folder}: the micrographs or masks it learns from have changed since it "
            "began; bring them back, or train anew, from its model with "
            f"--pretrained {folder}"
        )
    if state.torch != torch.__version__:
        _log.warning(
            "the run began with PyTorch %s and goes on with %s, which may round otherwise",
            state.torch,
            torch.__version__,
        )


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
            for name in (_CONFIG, TABLE, STATE):
                (config.out / name).unlink(missing_ok=True)
