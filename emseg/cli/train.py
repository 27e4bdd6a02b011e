"""``emseg train``: micrographs and masks, or folders of classes, become a model."""

import inspect
import shlex
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emseg.cli.train_options import train_options
from emseg.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from emseg.config import TrainConfig
    from emseg.training import TrainedRun
    from emseg.training.processes import Place

_WITH_RESUME = {  # how a run goes on, not what it is
    "resume", "device", "devices", "nodes", "threads", "json",
}  # fmt: skip


def train(**options: Any) -> None:
    """Train a network on images and masks, or a classifier on folders of images.

    Micrographs and masks are matched by name (image_07.dm4 and image_07_mask.png belong
    together). The run folder holds the model, its curves, pictures of its predictions on the
    validation micrographs, and the configuration. Ctrl-C stops and keeps the best model;
    --resume goes on from there.

    Examples
    --------
    emseg train images/ masks/
    emseg train images/ masks/ --classes matrix,small,large --minutes 8 --out runs/alloy
    emseg train stack.tif labels.tif --slices 0:20 --val-slices 20:25
    emseg train images/ --masks mitochondria=mito/ --masks membrane=membranes/
    emseg train classes/ --network densenet121
    emseg train --config runs/unet-1/config.toml --seed 1
    emseg train --resume runs/unet-1
    emseg train images/ masks/ --devices 4
    """
    from emseg.cli.console import print_json
    from emseg.cli.launching import follow, place_taken, threads_each
    from emseg.cli.machine import settle_threads
    from emseg.cli.train_config import typed_of

    begun = time.monotonic()  # what is imported from here on takes seconds of a minute
    settle_threads(options["device"], threads_each(options["threads"], options["devices"]))
    typed = typed_of(options)
    place = place_taken(options)
    options.pop("context", None)
    resume, as_json = options.pop("resume"), options.pop("json")
    picture, is_dry = options.pop("show_augmentation"), options.pop("dry_run")
    if place is not None and place.rank:
        if picture is None and not is_dry:  # which the first process does alone
            follow(place, options["device"], options["threads"])
        return
    if resume is None and (picture is not None or is_dry):
        _looked_at(_config(options, typed), picture, is_dry=is_dry, json=as_json)
        return
    if resume is None and options["folds"] is not None:
        _folds(options, typed, place, json=as_json)
        return
    trained = (
        _new(options, typed, begun, place, json=as_json)
        if resume is None
        else _resumed(resume, options, typed, begun, place, json=as_json)
    )
    if as_json:
        print_json((trained.folder / "model" / "config.json").read_text(encoding="utf-8"))
    if trained.interrupted:
        raise KeyboardInterrupt


def _looked_at(config: "TrainConfig", picture: Path | None, *, is_dry: bool, json: bool) -> None:
    """Draw crops, or say what a training would be; train nothing."""
    from emseg.cli.train_config import require_steps

    require_steps(config.network, "--dry-run" if is_dry else "--show-augmentation")
    if picture is not None:
        from emseg.cli.train_end import show_crops

        show_crops(config, picture)
    if is_dry:
        from emseg.cli.train_forecast import tell_training

        tell_training(config, json=json)


def _config(options: dict[str, Any], typed: "Collection[str]") -> "TrainConfig":
    from emseg.cli.train_config import train_config

    paths = ("images", "masks", "val_images", "val_masks")
    images, masks, val_images, val_masks = (options[name] or [] for name in paths)
    others = {name: value for name, value in options.items() if name not in paths}
    others |= {"val_fraction": others.pop("val"), "options": others.pop("option") or None}
    return train_config(images, masks, val_images, val_masks, typed=typed, **others)


@contextmanager
def _placed(options: dict[str, Any], typed: "Collection[str]") -> "Iterator[TrainConfig]":
    """Configure a training in the folder that was named, or in one that no other run takes."""
    from emseg.cli.numbered_folders import claimed

    config = _config(options, typed)
    is_named = options["out"] is not None
    with nullcontext(config.out) if is_named else claimed(config.out) as folder:
        yield config.model_copy(update={"out": folder})


def _new(
    options: dict[str, Any],
    typed: "Collection[str]",
    begun: float,
    place: "Place | None",
    *,
    json: bool,
) -> "TrainedRun":
    from emseg.cli.launching import together
    from emseg.commands.train import train as command

    with _placed(options, typed) as config, together(config, place) as processes:
        trained = command(config, _command(), begun=begun, processes=processes)
    return _told(trained, json=json)


def _folds(
    options: dict[str, Any], typed: "Collection[str]", place: "Place | None", *, json: bool
) -> None:
    """Train a model for each part of the data, and say how far they are apart."""
    from emseg.cli.launching import together
    from emseg.cli.train_folds import show_folds
    from emseg.commands.train import train_folds

    with _placed(options, typed) as config, together(config, place) as processes:
        folds = train_folds(config, _command(), processes=processes)
    show_folds(folds, config.out, json=json)


def _resumed(
    folder: Path,
    options: dict[str, Any],
    typed: "Collection[str]",
    begun: float,
    place: "Place | None",
    *,
    json: bool,
) -> "TrainedRun":
    from emseg.cli.launching import together
    from emseg.commands.train import resume, stopped

    refused = sorted(set(typed) - _WITH_RESUME)
    if refused:
        named = "IMAGES" if refused == ["images"] else f"--{refused[0].replace('_', '-')}"
        raise UsageError(
            f"--resume {folder} goes on with what the run began with; leave {named} out, or train "
            f"anew with --config {folder / 'config.toml'} and other options on top"
        )
    how = {name: options[name] for name in ("device", "threads", "devices", "nodes")}
    config = stopped(folder, **how)
    with together(config, place) as processes:
        trained = resume(config, _command(), begun=begun, processes=processes)
    return _told(trained, json=json)


def _told(trained: "TrainedRun", *, json: bool) -> "TrainedRun":
    """Say how a training has ended."""
    from emseg.cli.console import remark, result
    from emseg.cli.train_end import say_end

    say_end(trained, remark if json else result)
    return trained


def _command() -> str:
    from emseg.cli import typed

    return shlex.join(["emseg", *typed])


train.__signature__ = inspect.signature(train_options)  # type: ignore[attr-defined]
