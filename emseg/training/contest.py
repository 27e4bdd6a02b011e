"""``--network auto``: a forest first, then the usual network; the better one becomes the model.

::

    RUN/forest    the run of the forest, whole
    RUN/network   the model of the network, where the forest is better
    RUN           the run of the network; RUN/model is the better of both
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from emseg.bundle import ModelCard, StoredModel, load_model, save_card, save_model
from emseg.config import Task, TrainConfig
from emseg.errors import UsageError
from emseg.networks import AUTO, FOREST, Usual, usual_network
from emseg.training.fit import TrainedRun, resume, train
from emseg.training.jobs import TrainingJob
from emseg.training.judging import SegmentationJudge, ValidationScores
from emseg.training.processes import ALONE, Processes
from emseg.training.progress import Report

_FIRST = 0.15  # of the minutes at most, for the forest
_LAST = 0.03  # of them, to judge it once more by what the network was judged by
_log = logging.getLogger(__name__)


def train_both(
    config: TrainConfig, report: Report, started: Any = None, begun: float | None = None
) -> TrainedRun:
    """Train a forest and the usual network, and keep the better one.

    Parameters
    ----------
    config : TrainConfig
        Its network is ``auto``; an encoder that it names is that of the network.
    report, started, begun
        As of `emseg.training.train`; the forest tells neither.

    Raises
    ------
    UsageError
        When it is for a classifier.
    EmsegError
        Whatever `emseg.training.train` refuses.
    """
    begun = time.monotonic() if begun is None else begun
    if config.task is not Task.SEGMENTATION:
        raise UsageError(
            f"--network {AUTO} compares a forest, which is for segmentation, with a network; "
            "leave it out"
        )
    forest = _first(config, begun)
    if forest.interrupted:
        save_model(config.out / "model", forest.card, load_model(forest.folder).network)
        return replace(forest, folder=config.out)
    chosen = usual_network(config.task, config.pretrained, config.minutes)
    if config.encoder is not None:
        chosen = Usual("unet", config.encoder, "as it was asked for")
    _log.warning("the forest has a mean IoU of %.3f; now %s", forest.score, chosen)
    changes: dict[str, Any] = {"network": chosen.network, "encoder": chosen.encoder}
    if config.minutes is not None:
        spent = (time.monotonic() - begun) / 60
        left = (1 - _LAST) * config.minutes - spent
        changes["minutes"] = max(left, config.minutes / 2)
    second = config.model_copy(update=changes)
    return _better(config.out, started, lambda told: train(second, report, told))


def resume_both(
    folder: Path,
    report: Report,
    started: Any = None,
    device: str = "auto",
    begun: float | None = None,
    processes: Processes = ALONE,
) -> TrainedRun:
    """Go on as `emseg.training.resume` does; beside a forest, the better one is kept."""
    if not (folder / FOREST.name / "model").exists():
        return resume(folder, report, started, device, begun, processes)
    return _better(folder, started, lambda told: resume(folder, report, told, device, begun))


def _first(config: TrainConfig, begun: float) -> TrainedRun:
    minutes = None if config.minutes is None else _FIRST * config.minutes
    length: dict[str, Any] = {
        "minutes": minutes,
        "steps": None,
        "epochs": None,
        "encoder": None,
        "options": {},
    }
    named: dict[str, Any] = {"network": FOREST.name, "out": config.out / FOREST.name}
    return train(config.model_copy(update=named | length), lambda _now: None, begun=begun)


def _better(
    folder: Path,
    started: Any,
    run: Callable[[Callable[[TrainingJob, torch.device], None]], TrainedRun],
) -> TrainedRun:
    """Run the network, and judge the forest by the same micrographs."""
    seen: list[tuple[TrainingJob, torch.device]] = []

    def told(job: TrainingJob, device: torch.device) -> None:
        seen.append((job, device))
        if started is not None:
            started(job, device)

    trained = run(told)
    if trained.interrupted:
        return trained  # it can go on, and is compared when it has ended
    forest = load_model(folder / FOREST.name)
    verdict = _judged(forest, *seen[-1])
    scores = {
        str(forest.card.spec): round(verdict.score, 4),
        str(trained.card.spec): round(trained.score, 4),
    }
    is_forest = trained.verdict is None or verdict.score > trained.score
    _log.warning(
        "mean IoU on the validation micrographs: %s; %s is the model",
        ", ".join(f"{name} {score:.3f}" for name, score in scores.items()),
        forest.card.spec if is_forest else trained.card.spec,
    )
    if not is_forest:
        return replace(trained, card=_noted(folder / "model", trained.card, scores))
    (folder / "model").rename(folder / "network")
    save_model(folder / "model", forest.card, forest.network)
    card = _noted(folder / "model", forest.card, scores)
    return replace(trained, card=card, verdict=verdict)


def _judged(forest: StoredModel, job: TrainingJob, device: torch.device) -> ValidationScores:
    if not isinstance(job.judge, SegmentationJudge):
        raise TypeError(f"{type(job.judge)} judges no segmentation")
    judge = SegmentationJudge(job.judge.planes, forest.card, device)
    return judge.judge(forest.network.to(device))


def _noted(folder: Path, card: ModelCard, scores: dict[str, float]) -> ModelCard:
    """Write both scores into the card of the better one."""
    if card.training is None:
        return card
    record = card.training.model_copy(update={"contest": scores})
    noted = card.model_copy(update={"training": record})
    save_card(folder, noted)
    return noted
