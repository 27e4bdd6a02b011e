r"""The learning-rate range test: raise the rate step by step, and watch the loss.

Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3. The rate
rises exponentially; the loss stays, falls, and rises again::

    loss |_____
         |     \
         |      \          /
         |       \        /
         |        \______/
         +---------|---------> log rate
              suggestion

What the test does to a network is thrown away; the rates, and the suggestion, are what stays.
"""

import copy
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from emseg.config import TrainConfig
from emseg.errors import ContentError
from emseg.training.allowance import Allowance
from emseg.training.jobs import TrainingJob
from emseg.training.loop import run_loop

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100
_DIVERGED = 1.5  # times the first loss
_FEW = 3  # steps; one batch alone may be hard
_FEWEST = 8  # steps from which a curve can be judged
_SMOOTH = 0.25  # decades of the rate: width of the smoothing
_SHARE = 0.8  # of the fall of the loss is behind the suggestion
_FALL = 0.02  # of the loss; less is no fall
_CLEAR = 3  # times the noise of a step, too
_MOST = 0.4  # of the time of a run, after which the test ends
_LONG = 0.25  # of that time, above which finding a rate is worth a word
_FEWEST_IN_TIME = 20  # steps of the test where few fit into the time
_log = logging.getLogger(__name__)
_Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RangeTest:
    """What a range test saw.

    Parameters
    ----------
    rates : tuple of float
        Learning rate of each step.
    losses : tuple of float
        Loss of the batches of each step, before the step.
    smoothed : tuple of float
        The same without its noise; shorter when the last losses are no numbers.
    suggestion : float
        The peak learning rate to train with.
    diverged : bool
        Whether it ended because the loss had risen.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggestion: float
    diverged: bool


def find_rate(
    job: TrainingJob,
    config: TrainConfig,
    device: torch.device,
    report: Callable[[int, int], None] = lambda _done, _of: None,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    enough: Callable[[], bool] = lambda: False,
) -> RangeTest:
    """Run the range test on a copy of the network of a job, which stays as it is.

    Parameters
    ----------
    job : TrainingJob
        Data, network and loss.
    config : TrainConfig
        Everything but the rate: optimiser, batch, accumulation, clipping, precision.
    device : torch.device
        Where.
    report : callable
        Told after each step how many are done, of how many.
    lowest, highest : float
        The first and the last learning rate.
    steps : int
        How many steps the test takes, unless the loss rises before.
    enough : callable
        Asked after each step whether the test must end, because its time is spent.

    Raises
    ------
    ContentError
        When the loss neither fell nor rose, so that there is nothing to suggest.
    """
    growth = math.log(highest / lowest) / max(1, steps - 1)
    rates = [lowest * math.exp(growth * step) for step in range(steps)]
    network = copy.deepcopy(job.network).to(memory_format=torch.channels_last)
    task = job.task(
        network,
        lambda step: rates[min(step, steps - 1)],
        config.model_copy(update={"learning_rate": 1.0}),
    )
    watcher = _Watcher(steps, config.accumulate, report, enough)
    run_loop(task, job.dataset, config, device, watcher)
    return judged(rates, watcher.losses)


def settle_rate(
    job: TrainingJob, config: TrainConfig, device: torch.device, allowance: Allowance | None
) -> tuple[float, RangeTest | None]:
    """Take the rate that the range test suggests, or what is usual if it suggests none.

    Parameters
    ----------
    job, config, device
        As of `find_rate`.
    allowance : Allowance or None
        Of a run given minutes, of which the test takes a part.

    Returns
    -------
    rate : float
        The peak rate.
    found : RangeTest or None
        What the test saw; None when it found nothing.
    """
    settings: dict[str, Any] = {}
    start = time.monotonic()
    if allowance is not None:
        limit = start + _MOST * allowance.seconds
        settings["enough"] = lambda: time.monotonic() > limit
        if (fit := allowance.rates(config)) < STEPS:
            settings["steps"] = max(_FEWEST_IN_TIME, fit)
    try:
        found = find_rate(job, config, device, **settings)
    except ContentError as error:
        _log.warning("%s; training with the usual rate, %g", error, config.usual_learning_rate)
        return config.usual_learning_rate, None
    seconds = time.monotonic() - start
    _log.debug("learning rate %.2g, found in %.0f s", found.suggestion, seconds)
    if allowance is not None and seconds > _LONG * allowance.seconds:
        _log.warning(
            "finding the learning rate took %.1f of %.1f minutes; "
            "next time give what was found: --lr %.2g",
            seconds / 60,
            allowance.seconds / 60,
            found.suggestion,
        )
    return found.suggestion, found


class _Watcher(lightning.Callback):
    """Takes down the loss of each step, and ends the test."""

    def __init__(
        self,
        steps: int,
        accumulate: int,
        report: Callable[[int, int], None],
        enough: Callable[[], bool],
    ) -> None:
        self.steps, self.accumulate, self.report, self.enough = steps, accumulate, report, enough
        self.losses: list[float] = []
        self._batches: list[float] = []

    def on_train_batch_end(
        self, trainer: lightning.Trainer, _module: Any, outputs: Any, _batch: Any, batch_idx: int
    ) -> None:
        self._batches.append(float(outputs["loss"]) * self.accumulate)
        if (batch_idx + 1) % self.accumulate:
            return
        self.losses.append(sum(self._batches) / self.accumulate)
        self._batches.clear()
        self.report(len(self.losses), self.steps)
        is_over = len(self.losses) >= self.steps or has_diverged(self.losses)
        trainer.should_stop = is_over or self.enough()


def has_diverged(losses: Sequence[float]) -> bool:
    """Whether a range test has seen enough: its loss is no number, or far above where it began."""
    if not math.isfinite(losses[-1]):
        return True
    recent = losses[-_FEW:]
    return len(losses) > 2 * _FEW and min(recent) > _DIVERGED * float(np.mean(losses[:_FEW]))


def judged(rates: Sequence[float], losses: Sequence[float]) -> RangeTest:
    """Smooth the losses of a range test, and suggest a rate.

    The suggestion is the rate by which the smoothed loss has fallen through four fifths of the way
    from where it began to its minimum, to two digits; where it does not fall before it rises, a
    tenth of the rate at which it rises. Where it falls steepest, and the tenth of
    where it is lowest, are one noisy point each; how far it has come is a sum over many
    (docs/decisions/0020 compares them).

    Parameters
    ----------
    rates : sequence of float
        Rising exponentially; those behind the last loss were not reached.
    losses : sequence of float
        Loss before each step.

    Raises
    ------
    ContentError
        When the loss neither fell nor rose.
    """
    known = [each for each in losses if math.isfinite(each)]
    if len(known) < _FEWEST:
        raise ContentError(
            f"the loss is no number after {len(known)} steps; start from a smaller rate: --lowest"
        )
    steps_a_decade = 1 / math.log10(rates[1] / rates[0])
    smoothed = gaussian_filter1d(np.array(known), _SMOOTH * steps_a_decade, mode="nearest")
    return RangeTest(
        rates=tuple(rates[: len(losses)]),
        losses=tuple(losses),
        smoothed=tuple(float(each) for each in smoothed),
        suggestion=float(f"{_suggestion(rates, np.array(known), smoothed):.1e}"),
        diverged=has_diverged(losses),
    )


def _suggestion(rates: Sequence[float], losses: _Curve, smoothed: _Curve) -> float:
    early = len(losses) // 3  # where the rate is too small to do anything
    start = float(smoothed[: max(1, early // 3)].mean())
    noise = float(np.std((losses - smoothed)[:early]))
    fall = start - float(smoothed.min())
    if len(losses) == len(rates) and smoothed.argmin() == len(losses) - 1 and fall > 0:
        raise ContentError(
            f"the loss still falls at the highest rate, {rates[-1]:.2g}, after {len(losses)} "
            "steps, so nothing can be suggested; give more --steps, or another --highest"
        )
    if fall > max(_CLEAR * noise, _FALL * abs(start)):
        return rates[int(np.argmax(smoothed <= start - _SHARE * fall))]
    risen = smoothed > start + max(_CLEAR * noise, _FALL * abs(start))
    if not risen.any():
        raise ContentError(
            f"the loss stays at {start:.3g} for all rates from {rates[0]:.2g} to "
            f"{rates[len(losses) - 1]:.2g}; give another --lowest and --highest, or more --steps"
        )
    rate = rates[int(np.argmax(risen))] / 10
    _log.warning(
        "the loss rose without having fallen, so the suggested learning rate %.2g is a tenth of "
        "where it rose, which is less certain; more --steps of emseg lr-find may show more",
        rate,
    )
    return rate
