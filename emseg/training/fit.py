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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from emseg.bundle import ModelCard
from emseg.config import TrainConfig
from emseg.errors import UsageError
from emseg.memory import is_shortage
from emseg.networks.forest import Forest
from emseg.training.forest import ForestRun
from emseg.training.images import Shown
from emseg.training.jobs import TrainingJob, prepare
from emseg.training.judging import ValidationScores
from emseg.training.precision import with_precision
from emseg.training.processes import ALONE, Processes
from emseg.training.progress import Report
from emseg.training.rate_finder import RangeTest
from emseg.training.run import TABLE, DivergedError, Run
from emseg.training.scalars import EVENTS, require_tensorboard
from emseg.training.settling import Beginning, settle, taken_over
from emseg.training.state import STATE, Learnt, State, read_state, require_state
from emseg.training.together import prepare_together
from emseg.writing import alone, results_folder, write_text

_CONFIG = "config.toml"
_ATTEMPTS = 4
_FEWEST_CROPS = 2  # at a time; batch normalisation needs two
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
    verdict : ValidationScores or None
        How good it is on the validation micrographs; None when there was no time to find out.
    interrupted : bool
        Whether it was stopped before its end; the model is the best until then.
    shown : tuple of LabelledPlane or of LabelledMicrograph
        Validation micrographs to draw.
    range_test : RangeTest or None
        What found the learning rate, when it was ``auto``.
    """

    folder: Path
    card: ModelCard
    verdict: ValidationScores | None
    interrupted: bool
    shown: Shown
    range_test: RangeTest | None

    @property
    def can_go_on(self) -> bool:
        """Whether `resume` goes on where it was stopped."""
        return (self.folder / STATE).exists()

    @property
    def score(self) -> float:
        """Mean IoU or accuracy on the validation micrographs; 0 when nobody knows."""
        return self.verdict.score if self.verdict else 0.0


def train(
    config: TrainConfig,
    report: Report,
    started: Any = None,
    begun: float | None = None,
    processes: Processes = ALONE,
) -> TrainedRun:
    """Train a model.

    Parameters
    ----------
    config : TrainConfig
        What to train on, and how.
    report : callable
        Told after each step where the run stands.
    started : callable, optional
        Told the `TrainingJob` and the device before the first step.
    begun : float, optional
        From when on its minutes count, by `time.monotonic`; by default from now on.
    processes : Processes
        Those that train together, of which this is the first; the others `follow`.

    Raises
    ------
    UsageError
        When the run folder holds a run already, the device cannot compute in the precision, or
        what writes event files is not installed.
    EmsegError
        Whatever is wrong with the names, the files or the labels.
    """
    begun = time.monotonic() if begun is None else begun
    device = processes.device_for(config.device)
    if config.tensorboard:
        require_tensorboard()
    asked, config = config, with_precision(config, device)
    with results_folder(config.out), alone(config.out / "run"):
        _require_free(config.out)
        job = prepare_together(config, device, processes)
        with _recorded(asked):
            if started is not None:
                started(job, device)
            if isinstance(job.network, Forest):
                return _grown(config, job, device, report, begun)
            beginning = settle(config, job, device, begun)
            return _trained(beginning, job, device, report, begun, processes=processes)


def _grown(
    config: TrainConfig, job: TrainingJob, device: torch.device, report: Report, begun: float
) -> TrainedRun:
    """Fit a forest, which takes no steps."""
    run = ForestRun(config, job, device, report, begun)
    card = run.run()
    return TrainedRun(config.out, card, run.verdict, run.stop.asked, run.shown, None)


def resume(
    folder: Path,
    report: Report,
    started: Any = None,
    device: str = "auto",
    begun: float | None = None,
    processes: Processes = ALONE,
) -> TrainedRun:
    """Go on with a run that was stopped or killed, where it stood when its state was written.

    A run counted in steps ends with the same weights as one that was never stopped, on the same
    machine with as many threads; one that was given minutes goes on for those that it had left.

    Parameters
    ----------
    folder : Path
        Of the run.
    report, started, begun, processes
        As in `train`; there are as many processes as there were.
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
    begun = time.monotonic() if begun is None else begun
    place = processes.device_for(device)
    require_state(folder)
    with alone(folder / "run"):
        state, learnt = read_state(folder)
        config = state.settled.config.model_copy(update={"out": folder, "device": device})
        config = with_precision(config, place)
        if config.tensorboard:
            require_tensorboard()
        job = prepare_together(config, place, processes)
        _require_same(folder, state, job)
        if started is not None:
            started(job, place)
        beginning = taken_over(state.settled, state.standing, config, job)
        return _trained(beginning, job, place, report, begun, learnt, processes)


def _trained(
    beginning: Beginning,
    job: TrainingJob,
    device: torch.device,
    report: Report,
    begun: float,
    learnt: Learnt | None = None,
    processes: Processes = ALONE,
) -> TrainedRun:
    """Train to the end; from what goes wrong on the way go back to the last state, more carefully.

    A loss that is no number halves the rate, and a lack of memory the crops that are learnt from
    at once; a step still takes as many. Of several processes one that lacks memory ends the run.
    """
    for left in range(_ATTEMPTS - 1, -1, -1):
        run = Run(beginning, job, device, report, begun, processes)
        try:
            card = run.run(learnt)
            return TrainedRun(
                run.config.out, card, run.now.best, run.stop.asked, run.shown, run.range_test
            )
        except (DivergedError, MemoryError, RuntimeError, OSError) as error:
            config = _more_careful(run, error) if left else None
            if config is None:
                raise
            spent = time.monotonic() - run.start
        beginning, learnt = _last_state(beginning, config, spent)
        job, begun = prepare(config, device), time.monotonic()
        beginning = taken_over(beginning.settled, beginning.standing, config, job)
    raise AssertionError  # the last attempt returns or raises


def _more_careful(run: Run, error: BaseException) -> TrainConfig | None:
    """Change what made a run fail, and tell it; None where nothing helps."""
    config, step = run.config, run.now.step
    if isinstance(error, DivergedError):
        rate = float(config.learning_rate) / 2
        _log.warning(
            "the training diverged at step %d: it goes back to where it was last written down, "
            "with a learning rate of %g in place of %g",
            step,
            rate,
            config.learning_rate,
        )
        return config.model_copy(update={"learning_rate": rate})
    is_small = config.batch < 2 * _FEWEST_CROPS
    if not is_shortage(error) or is_small or not run.processes.is_alone:
        return None
    fewer = {"batch": config.batch // 2, "accumulate": 2 * config.accumulate}
    _log.warning(
        "memory is short for %d crops at a time: %d from now on, and the gradients of %d times as "
        "many make a step (--batch %d --accumulate %d)",
        config.batch,
        fewer["batch"],
        fewer["accumulate"],
        fewer["batch"],
        fewer["accumulate"],
    )
    return config.model_copy(update=fewer)


def _last_state(
    beginning: Beginning, config: TrainConfig, spent: float
) -> tuple[Beginning, Learnt | None]:
    """Give where the run stood when that was last written down, or its beginning; time counts."""
    standing, learnt = beginning.standing, None
    if (config.out / STATE).exists():
        state, learnt = read_state(config.out)
        standing = state.standing
    elapsed = standing.elapsed + max(0.0, spent - standing.seconds)
    standing = replace(standing, seconds=max(spent, standing.seconds), elapsed=elapsed)
    return replace(beginning, standing=standing), learnt


def _require_same(folder: Path, state: State, job: TrainingJob) -> None:
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
            files = [config.out / name for name in (_CONFIG, TABLE, STATE)]
            for path in (*files, *config.out.glob(EVENTS)):
                path.unlink(missing_ok=True)
