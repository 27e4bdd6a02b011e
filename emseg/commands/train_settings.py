"""What a training is asked for becomes its configuration: what is left open is settled here."""

import logging
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emseg.bundle import read_card
from emseg.commands.numbered_folders import free
from emseg.commands.refusing import refuse_for_classifier
from emseg.config import Task, TrainConfig
from emseg.errors import UnknownNameError, UsageError
from emseg.mask_values import parse_mask_folders
from emseg.networks import AUTO, FOREST, Usual, usual_network
from emseg.reading import is_class_folder
from emseg.reading.finding.data_sets import how_to_train
from emseg.starting import check_start

_OF_MASKS = ("labels", "unlabelled", "slices", "val_slices")
_OF_STEPS = (  # options of what learns in steps from crops, which a forest does not
    *("learning_rate", "head_learning_rate", "optimiser", "momentum", "schedule", "warm_up"),
    *("weight_decay", "label_smoothing", "loss", "augment", "rotate", "accumulate", "clip"),
    *("precision", "batch", "crop_size", "epochs", "steps", "patience", "freeze"),
    "unfreeze_every",
)
_LENGTHS = ("epochs", "steps", "minutes")
_MEANINGS = ("classes", "labels")  # of mask values
_NETWORK = ("network", "encoder", "options")
_MASKS = {"masks": "mask_folders", "val_masks": "val_mask_folders"}
_DATA = ("images", *_MASKS, *_MASKS.values(), "val_images")
_log = logging.getLogger(__name__)


def train_config(typed: Mapping[str, Any], settings: Path | None = None) -> TrainConfig:
    """Turn what was typed into a configuration.

    Parameters
    ----------
    typed : mapping
        What was asked for, by the names of the fields; as it is typed, or as it is kept.
    settings : Path, optional
        A file of settings, on top of which comes what was typed.

    Raises
    ------
    UsageError
        When options contradict each other or something is missing.
    """
    given = {} if settings is None else _of_file(settings, typed)
    options = {name: value for name, value in typed.items() if name not in _DATA}
    data = _data(typed) if "images" in typed or settings is None else {}
    if not data and any(name in typed for name in _DATA):
        raise UsageError(f"masks without micrographs: name both, or leave both to {settings}")
    task = _task(options.pop("task", None) or given.get("task"), data, given)
    if task is Task.CLASSIFICATION:
        named = {name: data.get(name) or data.get(of) for name, of in _MASKS.items()}
        of_masks = {name: value for name, value in named.items() if value}
        refuse_for_classifier(of_masks | {name: options.get(name) for name in _OF_MASKS})
    if data.get("mask_folders"):
        _refuse_names(classes=options.get("classes"), labels=options.get("labels"))
    if "epochs" in options and "steps" in options:
        raise UsageError("--epochs and --steps contradict each other; give one of them")
    if (options.get("network") or given.get("network")) == FOREST.name:
        _refuse_steps(options)
    usual = None
    if not any(name in {**given, **options} for name in _NETWORK):
        usual, of_model = _usual(task, options)
        options |= {"network": usual.network, "encoder": usual.encoder, "options": of_model}
    options.setdefault("out", free(options.get("network") or given.get("network") or "unet"))
    made = TrainConfig.from_options(**(given | data | options | {"task": task}))
    check_start(made.pretrained, made.freeze, made.unfreeze_every)
    if made.processes > 1 and made.network in (FOREST.name, AUTO):
        raise UsageError(
            f"--devices {made.devices} --nodes {made.nodes} share the steps of a network, and "
            f"--network {made.network} grows trees in one process; leave them out, or name a "
            "network"
        )
    if usual is not None:
        _log.info("no --network is named: %s", usual)
    return made


def require_steps(network: str, option: str) -> None:
    """Refuse what looks at the steps of a training where none are taken, or not at first.

    Parameters
    ----------
    network : str
        As it is configured.
    option : str
        What was typed.
    """
    if network in (FOREST.name, AUTO):
        raise UsageError(
            f"{option} looks at the steps of a network, and --network {network} grows trees, which "
            "take none; name a network"
        )


def _refuse_steps(options: Mapping[str, Any]) -> None:
    """Refuse what says how steps are taken, where trees are grown."""
    for name in _OF_STEPS:
        if name in options:
            raise UsageError(
                f"{TrainConfig.spelled(name)} means nothing to --network {FOREST.name}, whose "
                "trees are grown in seconds and take no steps; leave it out"
            )


def _of_file(path: Path, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings of a file, less those that what was typed takes the place of."""
    given = TrainConfig.from_toml(path).model_dump(exclude_none=True)
    replaced = {"out"}
    for together in (_LENGTHS, _MEANINGS):
        if any(name in typed for name in together):
            replaced.update(together)
    if "images" in typed:
        replaced.update(_DATA, ("slices", "val_slices"))
    return {name: value for name, value in given.items() if name not in replaced}


def _data(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Tell micrographs, masks and folders of masks apart."""
    images = typed.get("images", [])
    if not images:
        raise UsageError(
            "no micrographs are named: emseg train IMAGES MASKS, or --config FILE, or --resume RUN"
        )
    folders, masks = _split_masks(typed.get("masks", []), "--masks")
    val_folders, val_masks = _split_masks(typed.get("val_masks", []), "--val-masks")
    if len(images) == 2 and "masks" not in typed:
        images, masks = images[:1], images[1:]
    elif len(images) > 2 and "masks" not in typed:
        raise UsageError(
            f"{len(images)} paths were given: quote the globs, as in "
            "emseg train 'images/*.tif' 'masks/*.png', so that micrographs and masks stay apart"
        )
    return {
        "images": tuple(map(Path, images)),
        "masks": tuple(map(Path, masks)),
        "mask_folders": folders,
        "val_images": tuple(map(Path, typed.get("val_images", []))),
        "val_masks": tuple(map(Path, val_masks)),
        "val_mask_folders": val_folders,
    }


def _task(asked: str | None, data: Mapping[str, Any], given: Mapping[str, Any]) -> Task:
    """Take the task that is asked for, or that the data are of; refuse data that lack a part."""
    if asked is not None and asked not in set(Task):
        raise UnknownNameError("task", asked, [task.value for task in Task])
    if not data:
        return Task(asked or given["task"])
    image, has_masks = data["images"][0], bool(data["masks"] or data["mask_folders"])
    task = Task.SEGMENTATION
    if asked is not None:
        task = Task(asked)
    elif not has_masks and is_class_folder(image):
        task = Task.CLASSIFICATION
    if not has_masks:
        _require_parts(image, task)
    return task


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


def _split_masks(
    given: Mapping[str, Any] | Sequence[str], option: str
) -> tuple[dict[str, Path], list[str]]:
    """Tell a folder a class, NAME=DIR, from plain paths."""
    if isinstance(given, Mapping):
        return {str(name): Path(folder) for name, folder in given.items()}, []
    plain = [each for each in given if "=" not in str(each) or Path(each).exists()]
    if not plain:
        return parse_mask_folders(given, option), []
    if len(plain) < len(given):
        raise UsageError(
            f"{option} {plain[0]} names no class but others do; write NAME=DIR for every class, or "
            "plain paths only"
        )
    return {}, plain


def _usual(task: Task, options: Mapping[str, Any]) -> tuple[Usual, dict[str, Any]]:
    """Choose the network where none is named: that of the model which is trained on, if any."""
    pretrained = str(options.get("pretrained", "auto"))
    if Path(pretrained).is_dir():
        card = read_card(Path(pretrained))
        if card.task is task:
            found = card.architecture
            usual = Usual(found.name, found.encoder, f"that of {pretrained}")
            return usual, dict(found.options)
    return usual_network(task, pretrained, options.get("minutes")), {}
