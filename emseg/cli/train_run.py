"""What a training shows while it runs, and what it leaves when it has ended."""

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emseg.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emseg.bundle import TrainingRecord
    from emseg.config import TrainConfig
    from emseg.training import TrainedRun
    from emseg.training.processes import Processes
    from emseg.training.progress import Report

_MUCH_WAITING = 0.05  # of the time of all steps
_FEW_STEPS = 50  # on superalloy IoU 0.21, 0.45, 0.73 after 16, 32, 48 of them


def run(
    config: "TrainConfig",
    *,
    json: bool = False,
    begun: float | None = None,
    processes: "Processes | None" = None,
) -> "TrainedRun":
    """Train as configured, show it, and draw curves and pictures into the run folder.

    Parameters
    ----------
    config : TrainConfig
        What to train on, and how.
    json : bool
        Whether stdout is for the card alone.
    begun : float, optional
        From when on its minutes count, by `time.monotonic`.
    processes : Processes, optional
        Those that train together, of which this is the first.
    """
    from emseg.cli.console import remark

    remark(f"task: {config.task}, network: {config.network} {config.encoder or ''}".rstrip())
    from emseg.networks import AUTO
    from emseg.training import train, train_both
    from emseg.training.processes import ALONE

    begin = partial(train, config, begun=begun, processes=processes or ALONE)
    if config.network == AUTO:  # in one process
        begin = partial(train_both, config, begun=begun)
    return _shown(config, begin, json=json)


def stopped(
    folder: Path, *, device: str, threads: int | None, devices: int | None, nodes: int | None
) -> "TrainConfig":
    """Read how a run that was stopped goes on.

    Raises
    ------
    UsageError
        When no run stopped there, or other crops would make a step than before.
    """
    from emseg.config import TrainConfig
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


def go_on(
    config: "TrainConfig",
    *,
    json: bool = False,
    begun: float | None = None,
    processes: "Processes | None" = None,
) -> "TrainedRun":
    """Go on with a run that was `stopped`, as `run` does."""
    from emseg.cli.console import remark
    from emseg.training import resume_both
    from emseg.training.processes import ALONE

    remark(
        f"task: {config.task}, network: {config.network} {config.encoder or ''}".rstrip()
        + f"; going on with {config.out}"
    )
    begin = partial(
        resume_both, config.out, device=config.device, begun=begun, processes=processes or ALONE
    )
    return _shown(config, begin, json=json)


def show_crops(config: "TrainConfig", path: Path) -> None:
    """Draw crops as a training would learn from them."""
    from emseg.cli.console import result
    from emseg.inference import choose_device
    from emseg.reporting import CROPS, crop_labels, write_crops
    from emseg.training.crops import CropDataset
    from emseg.training.jobs import prepare

    job = prepare(config, choose_device("cpu"))
    data, card = job.dataset, job.card
    first = card.reading.neighbours * card.slice_channels  # of those before it nothing is drawn
    own = slice(first, first + card.slice_channels)
    samples = [data[number] for number in range(CROPS)]
    labels = []
    if isinstance(data, CropDataset):
        classes = data.planes[0].labels
        labels = [crop_labels(classes, truth.numpy()) for _, truth in samples]
    header = f"crops of {samples[0][0].shape[-1]} px, --augment {config.augment}"
    write_crops(path, header, [crop[own].numpy() for crop, _ in samples], labels)
    result(f"written: {path}")


def _shown(
    config: "TrainConfig", train: "Callable[[Report, Any], TrainedRun]", *, json: bool
) -> "TrainedRun":
    """Train under a bar, and draw what came of it."""
    from emseg.cli.console import progress, remark, result
    from emseg.cli.train_report import write_report
    from emseg.inference import choose_device, share_processor
    from emseg.networks import FOREST
    from emseg.reporting import write_curves  # seconds, with torch: the user reads meanwhile
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
        from emseg.cli.lr_find import write_range_test

        write_range_test(trained.folder, trained.range_test)
    write_report(config, trained)
    _say_end(trained, remark if json else result)
    return trained


def _say_start(config: "TrainConfig", job: Any, device: Any) -> None:
    from emseg.cli.console import remark
    from emseg.inference import device_name
    from emseg.networks import FOREST
    from emseg.training.precision import with_precision

    card, precision = job.card, with_precision(config, device).precision
    is_forest = card.architecture.name == FOREST.name
    steps = "" if is_forest else f", precision: {precision}, crop: {card.crop} px"
    remark(f"device: {device_name(device)}{steps}, pixel size: {card.pixel_size or 'unknown'}")
    reach = card.reading.neighbours
    seen = f", each seen with {reach} slice(s) before and after it" if reach else ""
    remark(
        f"{job.images} micrographs to train on, {job.validation_images} to validate with{seen}; "
        f"classes: {', '.join(each.name for each in card.classes)}"
    )
    if config.processes > 1:
        remark(
            f"{config.processes} processes train together: {config.batch} crops each, "
            f"{config.batch * config.processes} of them make a batch"
        )
    remark(job.transfer.sentence)
    if config.learning_rate == "auto":
        remark("finding a learning rate first, as emseg lr-find does")


def _say_end(trained: "TrainedRun", result: Any) -> None:
    record = trained.card.training
    kind = "accuracy" if trained.card.task == "classification" else "mean IoU"
    verdict = trained.verdict
    if record is not None:
        if trained.range_test is not None:
            result(f"learning rate: {record.learning_rate:g}, found; see lr-find.png")
        how_good = "not validated"
        if verdict is not None:
            how_good = f"{kind} on the validation micrographs {verdict.score:.3f}"
            how_good += f" at step {record.best_step}" if record.pixels is None else ""
        result(f"{record.length} in {record.seconds / 60:.1f} minutes{_waited(record)}; {how_good}")
    result(f"model: {trained.folder / 'model'}")
    for line in _doubts(trained):
        result(line)
    if verdict is None or not verdict.is_chance:
        result(f"try it: emseg predict {trained.folder} MICROGRAPHS")
    if trained.can_go_on:
        result(f"go on: emseg train --resume {shlex.quote(str(trained.folder))}")


def _waited(record: "TrainingRecord") -> str:
    """Say that a training waited for its data, where that took more than a little of its time."""
    if record.waited is None or record.waited <= _MUCH_WAITING:
        return ""
    return (
        f", of which it waited {100 * record.waited:.0f} % for crops (files on a faster disk, more "
        "free memory or processors, or --augment none make them come sooner)"
    )


def _doubts(trained: "TrainedRun") -> "Iterator[str]":
    """Say why a model may be worth little, and what helps."""
    from emseg.errors import listed

    record, verdict = trained.card.training, trained.verdict
    start = trained.card.pretrained
    is_fresh = start is None or not start.tensors
    is_network = record is not None and record.pixels is None
    if record is not None and is_network and is_fresh and record.steps < _FEW_STEPS:
        yield (
            f"only {record.steps} steps: from random weights a network takes {_FEW_STEPS} or more "
            "to answer anything; give it more time (--minutes, --epochs), or a smaller --network"
        )
    if verdict is None:
        return
    if verdict.is_chance:
        kind = "accuracy" if trained.card.task == "classification" else "mean IoU"
        yield (
            f"no better than chance: {verdict.chance:.3f} is the {kind} of one class always and "
            "everywhere; train longer (--minutes, --epochs), and if that does not help look "
            "whether micrographs and labels belong together"
        )
    elif verdict.missed:
        yield (
            f"never found on the validation micrographs: {listed(verdict.missed)}; train longer, "
            "label more of it, or count it more (--class-weights auto)"
        )
