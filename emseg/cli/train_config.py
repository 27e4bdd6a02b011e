"""What was typed behind ``emseg train`` becomes a configuration."""

import shlex
from pathlib import Path
from typing import Any

from emseg.cli.mask_options import class_folders, refuse_for_classifier
from emseg.cli.network_options import parse_options
from emseg.cli.numbered_folders import free
from emseg.config import Task, TrainConfig
from emseg.errors import UnknownNameError, UsageError
from emseg.labels import parse_labels, parse_names, parse_value
from emseg.reading import is_class_folder
from emseg.reading.data_sets import how_to_train
from emseg.starting import check_start

_OF_MASKS = ("labels", "unlabelled", "slices", "val_slices")


def train_config(
    images: list[str],
    masks: list[str],
    val_images: list[str],
    val_masks: list[str],
    **options: Any,
) -> TrainConfig:
    """Turn what was typed into a configuration.

    Raises
    ------
    UsageError
        When options contradict each other or something is missing.
    """
    folders, mask_paths = _split_masks(masks, "--masks")
    val_folders, val_mask_paths = _split_masks(val_masks, "--val-masks")
    if len(images) == 2 and not masks:
        images, mask_paths = images[:1], [Path(images[1])]
    elif len(images) > 2 and not masks:
        raise UsageError(
            f"{len(images)} paths were given: quote the globs, as in "
            "emseg train 'images/*.tif' 'masks/*.png', so that micrographs and masks stay apart"
        )
    asked = options.pop("task")
    task = _task(asked, images, has_masks=bool(mask_paths or folders))
    if not (mask_paths or folders):
        _require_parts(Path(images[0]), task)
    if task is Task.CLASSIFICATION:
        named = {"masks": folders or mask_paths, "val_masks": val_folders or val_mask_paths}
        of_masks = {name: value for name, value in named.items() if value}
        refuse_for_classifier(of_masks | {name: options[name] for name in _OF_MASKS})
    classes, labels = options.pop("classes"), options.pop("labels")
    if folders:
        _refuse_names(classes=classes, labels=labels)
    options = {name: value for name, value in options.items() if value is not None}
    if "options" in options:
        options["options"] = parse_options(options["options"])
    if "unlabelled" in options:
        options["unlabelled"] = parse_value(options["unlabelled"])
    if "epochs" in options and "steps" in options:
        raise UsageError("--epochs and --steps contradict each other; give one of them")
    options.setdefault("out", _next_run(options.get("network"), task))
    config = TrainConfig.from_options(
        images=tuple(Path(each) for each in images),
        masks=tuple(mask_paths),
        mask_folders=folders,
        val_images=tuple(Path(each) for each in val_images),
        val_masks=tuple(val_mask_paths),
        val_mask_folders=val_folders,
        task=task,
        classes=parse_names(classes) if classes else None,
        labels=parse_labels(labels) if labels else None,
        **options,
    )
    check_start(config.pretrained, config.freeze, config.unfreeze_every)
    return config


def _task(asked: str | None, images: list[str], *, has_masks: bool) -> Task:
    if asked is not None and asked not in set(Task):
        raise UnknownNameError("task", asked, [task.value for task in Task])
    if asked is not None:
        return Task(asked)
    if has_masks:
        return Task.SEGMENTATION
    if is_class_folder(Path(images[0])):
        return Task.CLASSIFICATION
    return Task.SEGMENTATION


def _require_parts(folder: Path, task: Task) -> None:
    """Refuse micrographs without masks, and the folder around a data set; say what to type."""
    words = how_to_train(folder)
    if words is not None and words != (str(folder),):
        command = shlex.join(["emseg", "train", *words])
        raise UsageError(f"{folder} holds the parts of a data set; name them: {command}")
    if task is Task.SEGMENTATION:
        raise UsageError(
            f"{folder} comes without masks; give the masks as the second argument, or a folder "
            "with one sub-folder a class to train a classifier"
        )


def _refuse_names(**options: str | None) -> None:
    """Refuse what would name classes a second time, beside --masks NAME=DIR."""
    for name, value in options.items():
        if value is not None:
            raise UsageError(
                f"--{name} {value} says what mask values mean, but --masks NAME=DIR names a class "
                "by its folder; leave one of them out"
            )


def _split_masks(given: list[str], option: str) -> tuple[dict[str, Path], list[Path]]:
    """Tell NAME=DIR from plain paths."""
    plain = [Path(each) for each in given if "=" not in each or Path(each).exists()]
    if not plain:
        return class_folders(given, option), []
    if len(plain) < len(given):
        raise UsageError(
            f"{option} {plain[0]} names no class but others do; write NAME=DIR for every class, or "
            "plain paths only"
        )
    return {}, plain


def _next_run(network: str | None, task: Task) -> Path:
    """First of runs/unet-1, runs/unet-2, ... that is free."""
    return free(network or ("unet" if task is Task.SEGMENTATION else "densenet121"))
