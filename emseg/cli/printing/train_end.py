"""What is told of a training that has ended, and the crops that it would learn from."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emseg.bundle import TrainingRecord
    from emseg.config import TrainConfig
    from emseg.training import TrainedRun

_MUCH_WAITING = 0.05  # of the time of all steps
_FEW_STEPS = 50  # on superalloy IoU 0.21, 0.45, 0.73 after 16, 32, 48 of them


def show_crops(config: "TrainConfig", path: Path) -> None:
    """Draw crops as a training would learn from them."""
    from emseg.cli.terminal.console import result
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


def say_end(trained: "TrainedRun", result: Any) -> None:
    """Tell how good a model is, where it lies, and what comes next."""
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
