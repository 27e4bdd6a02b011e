"""``emseg train --dry-run``: what would be learnt, from what, in what memory and time."""

import json as json_module
from collections.abc import Iterator
from typing import TYPE_CHECKING

from emseg.memory import free_bytes, in_words
from emseg.meters import progress

if TYPE_CHECKING:
    from emseg.config import TrainConfig
    from emseg.training.forecast import TrainingForecast

_RARE = 0.005  # share of the pixels of a class that is worth a word


def tell_training(config: "TrainConfig", *, json: bool) -> None:
    """Print what a training would be; nothing is learnt or written.

    Raises
    ------
    EmsegError
        Whatever is wrong with the names, the files or the labels.
    """
    from emseg.cli.terminal.console import out, print_json, result
    from emseg.cli.terminal.tables import add_row, new_table
    from emseg.inference import choose_device, share_processor
    from emseg.training.forecast import forecast_training

    share_processor(choose_device(config.device), config.threads)
    with progress("trying", None):
        found = forecast_training(config)
    if json:
        print_json(json_module.dumps(_entry(found), indent=2))
        return
    table = new_table("", "what", left=("what",))
    table.show_header = False
    for name, value in _lines(found):
        add_row(table, name, value)
    out.print(table)
    result("nothing was trained: leave out --dry-run")


def _lines(found: "TrainingForecast") -> Iterator[tuple[str, str]]:
    from emseg.meters import duration

    card, config = found.card, found.settled.config
    yield "micrographs", f"{found.images} to learn from, {found.validation_images} to validate with"
    if reach := card.reading.neighbours:
        yield "slices seen at once", f"{card.slices}: {reach} before and {reach} after each"
    yield "pixel size", str(card.pixel_size or "unknown")
    for each, share in zip(card.classes, found.shares, strict=True):
        rare = " (rare: a third of the crops lies around such classes)" if share < _RARE else ""
        yield f"class {each.name}", f"{100 * share:.2g} %{rare}"
    if found.unlabelled >= _RARE:
        yield "without a label", f"{100 * found.unlabelled:.2g} % of the pixels"
    yield "network", f"{card.spec}, {found.parameters / 1e6:.2f} million weights"
    yield "starts from", found.start
    crops = f"{config.batch} crops of {card.crop} px"
    if config.accumulate > 1:
        crops += f", {config.accumulate} times"
    if config.processes > 1:
        crops += f", in each of {config.processes} processes"
    yield "a step", f"{crops}, {duration(found.step_seconds)} here"
    if found.memory is not None:
        yield "memory", f"about {in_words(found.memory)}, and {in_words(free_bytes())} are free"
    yield "learning rate", f"{config.learning_rate:g}, {config.schedule}, {config.optimiser}"
    yield "loss", config.loss if card.task == "segmentation" else "ce"
    yield "augmentation", f"--augment {config.augment}" + ("" if config.rotate else ", not turned")
    yield "length", f"about {found.steps} steps in {duration(found.seconds)}"


def _entry(found: "TrainingForecast") -> dict[str, object]:
    card, config = found.card, found.settled.config
    return {
        "images": found.images,
        "validation_images": found.validation_images,
        "neighbours": card.reading.neighbours,
        "pixel_size_nm": card.pixel_size_nm,
        "classes": {
            each.name: share for each, share in zip(card.classes, found.shares, strict=True)
        },
        "unlabelled": found.unlabelled,
        "network": str(card.spec),
        "parameters": found.parameters,
        "starts_from": found.start,
        "crop_px": card.crop,
        "batch": config.batch,
        "accumulate": config.accumulate,
        "processes": config.processes,
        "memory_bytes": found.memory,
        "step_seconds": found.step_seconds,
        "steps": found.steps,
        "seconds": found.seconds,
    }
