"""What a run settles before its first step, or takes over from the run that it continues."""

import time
from dataclasses import dataclass, replace

import torch

from emseg.config import Task, TrainConfig
from emseg.training.allowance import Allowance, measured_allowance, time_left
from emseg.training.images import Shown
from emseg.training.jobs import TrainingJob
from emseg.training.rate_finder import RangeTest, settle_rate
from emseg.training.state import SettledRun, Standing

_CLOSING_S, _CLOSING = 4.0, 0.06  # to save, to load again for the pictures, and to draw curves
BEYOND = 0.1  # of the time after its end a validation is given up


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a run begins with.

    Parameters
    ----------
    settled : SettledRun
        What stays as it is.
    standing : Standing
        Where it stands.
    shown : tuple of LabelledPlane or of LabelledMicrograph
        Validation micrographs that are drawn in the end.
    range_test : RangeTest or None
        What found the learning rate.
    """

    settled: SettledRun
    standing: Standing
    shown: Shown
    range_test: RangeTest | None = None


def settle(config: TrainConfig, job: TrainingJob, device: torch.device, begun: float) -> Beginning:
    """Fit what a run does into its minutes, on this machine as it is now; find its rate.

    Parameters
    ----------
    config : TrainConfig
        As it was asked for.
    job : TrainingJob
        Its judge is limited to what there is time for.
    device : torch.device
        Where it will run.
    begun : float
        When it began, by `time.monotonic`: reading counts.
    """
    start, allowance = time.monotonic(), None
    settled = SettledRun(config, pictures=len(job.shown))
    standing, shown, range_test = Standing(), job.shown, None
    if config.minutes is not None:
        budget = time_left(config.minutes, start - begun)
        allowance = measured_allowance(budget, job, device)
        shown = allowance.pictures(job.shown)
        settled = _within(allowance, config, job, shown)
        standing = Standing(last_judging=job.judge.crops * allowance.crop_seconds)
    if settled.config.learning_rate == "auto":
        crops = settled.config.accumulate * settled.config.processes  # of all, tried by one alone
        alone = settled.config.model_copy(update={"accumulate": crops})
        rate, range_test = settle_rate(job, alone, device, allowance)
        settled = replace(
            settled,
            config=settled.config.model_copy(update={"learning_rate": rate}),
            rate_was_found=range_test is not None,
        )
    if allowance is not None:
        left = max(0.0, allowance.seconds - (time.monotonic() - start))
        settled = replace(settled, budget=left)
    return Beginning(settled, standing, shown, range_test)


def _within(
    allowance: Allowance, config: TrainConfig, job: TrainingJob, shown: Shown
) -> SettledRun:
    config = allowance.fitted(config)
    job.judge.limit(allowance.validation)
    closing = min(_CLOSING_S, _CLOSING * allowance.seconds)
    has_halo = config.task is Task.SEGMENTATION
    closing += allowance.picture_seconds(shown) + (allowance.halo_seconds if has_halo else 0)
    return SettledRun(
        config,
        spare=BEYOND * allowance.seconds,
        validation=allowance.validation,
        halo_side=allowance.halo_side if has_halo else None,
        pictures=len(shown),
        closing_seconds=closing,
    )


def taken_over(
    settled: SettledRun, standing: Standing, config: TrainConfig, job: TrainingJob
) -> Beginning:
    """Go on as a run did before it stopped.

    Parameters
    ----------
    settled, standing : SettledRun, Standing
        As they were written.
    config : TrainConfig
        The same, with the folder and the device of now.
    job : TrainingJob
        Its judge is limited as it was.
    """
    if settled.validation is not None:
        job.judge.limit(settled.validation)
    return Beginning(replace(settled, config=config), standing, job.shown[: settled.pictures])
