"""Micrographs and masks, or folders of classes, become a model."""

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from emseg.config import TrainConfig
from emseg.errors import ContentError, UsageError
from emseg.meters import progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from emseg.training import TrainedRun
    from emseg.training.processes import Processes
    from emseg.training.progress import Report

_log = logging.getLogger(__name__)


def train(
    config: TrainConfig,
    command: str = "",
    *,
    begun: float | None = None,
    processes: "Processes | None" = None,
) -> "TrainedRun":
    """Train as configured, and draw curves and pictures into the run folder.

    Parameters
    ----------
    config : TrainConfig
        What to train on, and how.
    command : str
        How it was asked for, which stands on the page of the run.
    begun : float, optional
        From when on its minutes count, by `time.monotonic`.
    processes : Processes, optional
        Those that train together, of which this is the first.

    Raises
    ------
    EmsegError
        Whatever is wrong with the names, the files, the labels or the run folder.
    """
    _log.info("%s", _first_line(config))
    from emseg.networks import AUTO  # with PyTorch, seconds: the user reads meanwhile
    from emseg.training import train as begin
    from emseg.training import train_both
    from emseg.training.processes import ALONE

    start = partial(begin, config, begun=begun, processes=processes or ALONE)
    if config.network == AUTO:  # in one process
        start = partial(train_both, config, begun=begun)
    return _watched(config, start, command)


def resume(
    config: TrainConfig,
    command: str = "",
    *,
    begun: float | None = None,
    processes: "Processes | None" = None,
) -> "TrainedRun":
    """Go on with a run that was `stopped`, as `train` does.

    Parameters
    ----------
    config : TrainConfig
        As `stopped` gives it.
    command, begun, processes
        As `train` takes them.

    Raises
    ------
    EmsegError
        Whatever `train` refuses.
    """
    _log.info("%s; going on with %s", _first_line(config), config.out)
    from emseg.training import resume_both
    from emseg.training.processes import ALONE

    start = partial(
        resume_both, config.out, device=config.device, begun=begun, processes=processes or ALONE
    )
    return _watched(config, start, command)


def stopped(
    folder: Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    devices: int | None = None,
    nodes: int | None = None,
) -> TrainConfig:
    """Read how a run that was stopped goes on.

    Raises
    ------
    UsageError
        When no run stopped there, or other crops would make a step than before.
    """
    from emseg.training import require_state

    require_state(folder)
    began = TrainConfig.from_toml(folder / "config.toml")
    how = {"device": device, "threads": threads, "devices": devices, "nodes": nodes}
    given = {name: value for name, value in how.items() if value is not None}
    config = began.model_copy(update=given | {"out": folder})
    if config.processes != began.processes:
        raise UsageError(
            f"--resume {folder}: {began.processes} processes shared a step, and {config.processes} "
            f"would take other crops; say --devices {began.devices} --nodes {began.nodes}, or "
            f"train on from its model with --pretrained {folder}"
        )
    return config


@dataclass(frozen=True, slots=True)
class Folds:
    """The scores of models, each validated with another part of the data.

    Parameters
    ----------
    scores : list of dict
        Of each model, by their names; what nobody knows of one is left out.
    """

    scores: list[dict[str, float]]

    @property
    def spread(self) -> dict[str, tuple[float, float]]:
        """Mean and standard deviation of each score that two models have."""
        named = {
            name: [each[name] for each in self.scores if name in each] for name in self.scores[0]
        }
        return {name: (mean(of), stdev(of)) for name, of in named.items() if len(of) > 1}


def train_folds(config: TrainConfig, command: str = "", **how: Any) -> Folds:
    """Train one model after the other; each has its part of the minutes.

    What was finished before an interruption stays: with the same folder the call goes on with the
    parts that have no model yet.

    Parameters
    ----------
    config : TrainConfig
        With ``folds``.
    command, how
        As `train` takes them.

    Raises
    ------
    ContentError
        When the minutes are too few for as many models.
    """
    from emseg.bundle import open_model

    count = config.folds or 1
    minutes = None if config.minutes is None else config.minutes / count
    scores = []
    for number in range(1, count + 1):
        folder = config.out / f"fold-{number}"
        if not (folder / "model").exists():
            _log.info("part %d of %d", number, count)
            of_part = {"out": folder, "fold": number, "minutes": minutes}
            trained = train(config.model_copy(update=of_part), command, **how)
            if trained.interrupted:
                raise KeyboardInterrupt
        card = open_model(folder).card
        if not card.scores:
            raise ContentError(
                f"{folder} was not validated: there was no time; give more --minutes, which are "
                f"shared by {count} models"
            )
        scores.append({name: value for name, value in card.scores.items() if value is not None})
    return Folds(scores)


def _first_line(config: TrainConfig) -> str:
    return f"task: {config.task}, network: {config.network} {config.encoder or ''}".rstrip()


def _watched(
    config: TrainConfig, train: "Callable[[Report, Any], TrainedRun]", command: str
) -> "TrainedRun":
    """Train, tell how far it is, and draw what came of it."""
    from emseg.commands.lr_find import write_range_test
    from emseg.commands.train_report import write_report
    from emseg.inference import choose_device, share_processor
    from emseg.networks import FOREST
    from emseg.reporting import write_curves
    from emseg.training import Progress

    share_processor(choose_device(config.device), config.threads)
    timed = config.minutes is not None and config.steps is None and config.epochs is None
    unit = "trees" if config.network == FOREST.name else "steps"
    with progress("training", unit="" if timed else unit) as meter:

        def report(now: Progress) -> None:
            score = "" if now.score is None else f", best score {now.score:.3f}"
            step = f"{unit[:-1]} {now.step}, " if timed else ""
            if now.validated is None:
                loss = "" if now.loss is None else f"loss {now.loss:.3f}"
                meter.note(f"{step}{loss}{score}")
            else:
                meter.note(f"{step}validating {100 * now.validated:.0f} %{score}")
            if timed:
                budget = 60 * (config.minutes or 0)
                meter.reach(min(round(now.seconds), budget), budget)
            else:
                meter.reach(now.step, now.total)

        trained = train(report, partial(_say_start, config))
    if trained.verdict is not None:
        write_curves(trained.folder / "curves.png", trained.folder / "metrics.csv")
    if trained.range_test is not None:
        write_range_test(trained.folder, trained.range_test)
    write_report(config, trained, command)
    return trained


def _say_start(config: TrainConfig, job: Any, device: Any) -> None:
    from emseg.inference import device_name
    from emseg.networks import FOREST
    from emseg.training.precision import with_precision

    card, precision = job.card, with_precision(config, device).precision
    is_forest = card.architecture.name == FOREST.name
    steps = "" if is_forest else f", precision: {precision}, crop: {card.crop} px"
    pixel_size = card.pixel_size or "unknown"
    _log.info("device: %s%s, pixel size: %s", device_name(device), steps, pixel_size)
    reach = card.reading.neighbours
    seen = f", each seen with {reach} slice(s) before and after it" if reach else ""
    _log.info(
        "%d micrographs to train on, %d to validate with%s; classes: %s",
        job.images,
        job.validation_images,
        seen,
        ", ".join(each.name for each in card.classes),
    )
    if config.processes > 1:
        _log.info(
            "%d processes train together: %d crops each, %d of them make a batch",
            config.processes,
            config.batch,
            config.batch * config.processes,
        )
    _log.info("%s", job.transfer.sentence)
    if config.learning_rate == "auto":
        _log.info("finding a learning rate first, as emseg lr-find does")
