"""``emseg train``: micrographs and masks, or folders of classes, become a model."""

import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.frame.options import Json
from emseg.cli.frame.signature import Typed, takes
from emseg.cli.frame.typed import command as command_typed
from emseg.config import TrainConfig
from emseg.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emseg.training import TrainedRun
    from emseg.training.processes import ProcessPlace

Settings = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Settings that a run wrote, config.toml; options go on top."),
]
_HOW = {"device", "devices", "nodes", "threads"}  # a run goes on, not what it is


@takes(TrainConfig)
def train(
    typed: Typed,
    *,
    config: Settings = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Go on with a run that was stopped or killed."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be learnt, in what memory and time; train nothing."
        ),
    ] = False,
    show_augmentation: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG", help="Draw crops as it would learn from them, and train nothing."
        ),
    ] = None,
    json: Json = False,
) -> None:
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
    from emseg.cli.frame.children import threads_each
    from emseg.cli.frame.launching import follow, place_taken
    from emseg.cli.frame.machine import settle_threads
    from emseg.cli.terminal.console import print_json

    begun = time.monotonic()  # what is imported from here on takes seconds of a minute
    device, threads = typed.get("device", "auto"), typed.get("threads")
    settle_threads(device, threads_each(threads, typed.get("devices")))
    place = place_taken(typed)
    is_looked_at = dry_run or show_augmentation is not None
    if place is not None and place.rank:
        if not is_looked_at:  # which the first process does alone
            follow(place, device, threads)
        return
    if resume is not None:
        trained = _resumed(resume, typed, config, begun, place, json=json)
    elif is_looked_at:
        _looked_at(typed, config, show_augmentation, is_dry=dry_run, json=json)
        return
    elif "folds" in typed:
        _folds(typed, config, place, json=json)
        return
    else:
        trained = _new(typed, config, begun, place, json=json)
    if json:
        print_json((trained.folder / "model" / "config.json").read_text(encoding="utf-8"))
    if trained.interrupted:
        raise KeyboardInterrupt


def _looked_at(
    typed: Typed, settings: Path | None, picture: Path | None, *, is_dry: bool, json: bool
) -> None:
    """Draw crops, or say what a training would be; train nothing."""
    from emseg.commands.train_settings import require_steps, train_config

    config = train_config(typed, settings)
    require_steps(config.network, "--dry-run" if is_dry else "--show-augmentation")
    if picture is not None:
        from emseg.cli.printing.train_end import show_crops

        show_crops(config, picture)
    if is_dry:
        from emseg.cli.printing.train_forecast import tell_training

        tell_training(config, json=json)


@contextmanager
def _placed(typed: Typed, settings: Path | None) -> "Iterator[TrainConfig]":
    """Configure a training in the folder that was named, or in one that no other run takes."""
    from emseg.commands.numbered_folders import claimed
    from emseg.commands.train_settings import train_config

    config = train_config(typed, settings)
    with nullcontext(config.out) if "out" in typed else claimed(config.out) as folder:
        yield config.model_copy(update={"out": folder})


def _new(
    typed: Typed, settings: Path | None, begun: float, place: "ProcessPlace | None", *, json: bool
) -> "TrainedRun":
    from emseg.cli.frame.launching import together
    from emseg.commands.train import train as command

    with _placed(typed, settings) as config, together(config, place) as processes:
        trained = command(config, command_typed(), begun=begun, processes=processes)
    return _told(trained, json=json)


def _folds(
    typed: Typed, settings: Path | None, place: "ProcessPlace | None", *, json: bool
) -> None:
    """Train a model for each part of the data, and say how far they are apart."""
    from emseg.cli.frame.launching import together
    from emseg.cli.printing.train_folds import show_folds
    from emseg.commands.train import train_folds

    with _placed(typed, settings) as config, together(config, place) as processes:
        folds = train_folds(config, command_typed(), processes=processes)
    show_folds(folds, config.out, json=json)


def _resumed(
    folder: Path,
    typed: Typed,
    settings: Path | None,
    begun: float,
    place: "ProcessPlace | None",
    *,
    json: bool,
) -> "TrainedRun":
    from emseg.cli.frame.launching import together
    from emseg.commands.train import resume, stopped

    refused = [TrainConfig.spelled(name) for name in sorted(set(typed) - _HOW)]
    refused += ["--config"] if settings is not None else []
    if refused:
        named = "IMAGES" if "images" in typed else refused[0]
        raise UsageError(
            f"--resume {folder} goes on with what the run began with; leave {named} out, or train "
            f"anew with --config {folder / 'config.toml'} and other options on top"
        )
    config = stopped(folder, **typed)
    with together(config, place) as processes:
        trained = resume(config, command_typed(), begun=begun, processes=processes)
    return _told(trained, json=json)


def _told(trained: "TrainedRun", *, json: bool) -> "TrainedRun":
    """Say how a training has ended."""
    from emseg.cli.printing.train_end import say_end
    from emseg.cli.terminal.console import remark, result

    say_end(trained, remark if json else result)
    return trained
