"""``emseg train``: micrographs and masks, or folders of classes, become a model."""

import inspect
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emseg.cli.options import (
    AllowExternal,
    Axes,
    Channels,
    Crop,
    Device,
    Json,
    KeepBar,
    PixelSize,
    Rescale,
    Signal,
    Threads,
)
from emseg.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from emseg.config import TrainConfig
    from emseg.training import TrainedRun

_WITH_RESUME = {"resume", "device", "threads", "json"}  # how a run goes on, not what it is


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
    """
    from emseg.cli.console import print_json
    from emseg.cli.machine import settle_threads
    from emseg.cli.train_config import typed_of

    begun = time.monotonic()  # what is imported from here on takes seconds of a minute
    settle_threads(options["device"], options["threads"])
    typed = typed_of(options)
    options.pop("context", None)
    resume, as_json = options.pop("resume"), options.pop("json")
    picture, is_dry = options.pop("show_augmentation"), options.pop("dry_run")
    if resume is None and (picture is not None or is_dry):
        _looked_at(_config(options, typed), picture, is_dry=is_dry, json=as_json)
        return
    if resume is None and options["folds"] is not None:
        _folds(options, typed, json=as_json)
        return
    trained = (
        _new(options, typed, begun, json=as_json)
        if resume is None
        else _resumed(resume, options, typed, begun, json=as_json)
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
        from emseg.cli.train_run import show_crops

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
    options: dict[str, Any], typed: "Collection[str]", begun: float, *, json: bool
) -> "TrainedRun":
    from emseg.cli.train_run import run

    with _placed(options, typed) as config:
        return run(config, json=json, begun=begun)


def _folds(options: dict[str, Any], typed: "Collection[str]", *, json: bool) -> None:
    """Train a model for each part of the data, and say how far they are apart."""
    from emseg.cli.train_folds import train_folds

    with _placed(options, typed) as config:
        train_folds(config, json=json)


def _resumed(
    folder: Path,
    options: dict[str, Any],
    typed: "Collection[str]",
    begun: float,
    *,
    json: bool,
) -> "TrainedRun":
    from emseg.cli.train_run import go_on

    refused = sorted(set(typed) - _WITH_RESUME)
    if refused:
        named = "IMAGES" if refused == ["images"] else f"--{refused[0].replace('_', '-')}"
        raise UsageError(
            f"--resume {folder} goes on with what the run began with; leave {named} out, or train "
            f"anew with --config {folder / 'config.toml'} and other options on top"
        )
    return go_on(folder, options["device"], options["threads"], json=json, begun=begun)


def _options(
    context: typer.Context,
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGES [MASKS]",
            help="Micrographs, then their masks: folders, files, stacks or quoted globs. "
            "For a classifier one folder with a sub-folder a class, or a CSV file,label.",
        ),
    ] = None,
    masks: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DIR",
            help="One folder of binary masks a class, in place of MASKS; repeat it. "
            "Where masks overlap the later class wins.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; runs/NETWORK-N when it is left out.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Settings that a run wrote, config.toml; options go on top."
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Go on with a run that was stopped or killed."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="segmentation or classification; inferred when left out.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="Class names in the order of the mask values: matrix,small,large."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Class of each mask value: 0=membrane,255=cell; of colours: '#6da34d=silica'."
        ),
    ] = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(
            metavar="VALUE",
            help="Mask value, or colour ('#000000'), left out of the loss and the metrics.",
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="unet, fpn, ...; forest in seconds; auto for the better of both; densenet121 or "
            "any of timm or torchvision."
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="Encoder of segmentation-models-pytorch, such as resnet34."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Train this many epochs of 16 steps (60 by default).")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Train this long, validation included.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Train this many steps; replays a run given minutes.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(metavar="N", help="End after N validations that bring nothing better."),
    ] = None,
    val: Annotated[
        float, typer.Option(help="Fraction held out for validation when nothing else is.")
    ] = 0.2,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="K", help="Train K models, each validated with another K-th: RUN/fold-1 and on."
        ),
    ] = None,
    group_by: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="What is held out together: image, stack, folder, a regular expression, a CSV "
            "file; as of emseg evaluate.",
        ),
    ] = "image",
    val_images: Annotated[
        list[str] | None, typer.Option(help="Micrographs to validate with.")
    ] = None,
    val_masks: Annotated[
        list[str] | None,
        typer.Option(help="Their masks; NAME=DIR and repeated when --masks is."),
    ] = None,
    slices: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="Planes of a stack, or files of a folder, to train on."),
    ] = None,
    val_slices: Annotated[
        str | None, typer.Option(metavar="A:B", help="The same, to validate with.")
    ] = None,
    neighbours: Annotated[
        int, typer.Option(metavar="N", help="Show it N slices of a stack before and after each.")
    ] = 0,
    axes: Axes = None,
    signal: Signal = None,
    channels: Channels = None,
    pixel_size: PixelSize = None,
    rescale: Rescale = "auto",
    invert: Annotated[
        bool, typer.Option("--invert", help="Swap dark and bright of the micrographs.")
    ] = False,
    crop: Crop = None,
    keep_bar: KeepBar = False,
    allow_external: AllowExternal = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same model.")] = 0,
    device: Device = "auto",
    threads: Threads = None,
    batch: Annotated[int | None, typer.Option(help="Crops a step.")] = None,
    crop_size: Annotated[
        int | None, typer.Option(help="Side of the crops that it learns from, in pixels.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Option of the network: dropout=0.2, normalisation=group; repeat it. "
            "emseg networks show NAME lists them.",
        ),
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS",
            help="auto, none, imagenet, micronet, hf:ORG/NAME, a file of weights, or a model of "
            "emseg to train on from.",
        ),
    ] = None,
    freeze: Annotated[
        str | None,
        typer.Option(
            metavar="encoder|N-stages|none",
            help="Leave the encoder, or its first N stages, as they were loaded.",
        ),
    ] = None,
    unfreeze_every: Annotated[
        int | None,
        typer.Option(metavar="EPOCHS", help="Let one frozen stage learn after each so many."),
    ] = None,
    learning_rate: Annotated[
        str | None,
        typer.Option(
            "--learning-rate",
            "--lr",
            metavar="X|auto",
            help="Peak learning rate; auto asks emseg lr-find first.",
        ),
    ] = None,
    head_learning_rate: Annotated[
        float | None,
        typer.Option(help="Another peak rate for what was not loaded: the decoder, the head."),
    ] = None,
    optimiser: Annotated[
        str | None,
        typer.Option("--optimiser", "--optimizer", metavar="NAME", help="adamw, adam or sgd."),
    ] = None,
    momentum: Annotated[float | None, typer.Option(help="Momentum of sgd (0.9).")] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:KEY=VALUE,...]",
            help="How the rate goes: trapezoid, constant, step, multi-step, exponential, cosine, "
            "cyclic, one-cycle; step:every=0.3,factor=0.1.",
        ),
    ] = None,
    warm_up: Annotated[
        int | None,
        typer.Option(metavar="STEPS", help="Steps in which the rate rises (10); 0 for none."),
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Weight decay (0.01; adam and sgd 0.0001).")
    ] = None,
    label_smoothing: Annotated[
        float | None,
        typer.Option(help="Share of each label given to all classes (classifiers 0.1, else 0)."),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="NAME+NAME",
            help="Losses of a segmentation, added up: dice+ce by default; focal, tversky, "
            "lovasz, cldice, boundary.",
        ),
    ] = None,
    class_weights: Annotated[
        str | None,
        typer.Option(
            metavar="auto|CLASS=X,...",
            help="How much classes count in dice, ce and focal; auto counts rare ones more.",
        ),
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            metavar="none|usual|strong",
            help="How much crops are varied; strong for micrographs of other microscopes.",
        ),
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
    rotate: Annotated[
        bool, typer.Option(help="Turn and mirror crops; not where labels depend on direction.")
    ] = True,
    accumulate: Annotated[
        int | None, typer.Option(metavar="N", help="Batches whose gradients make one step.")
    ] = None,
    clip: Annotated[
        float | None, typer.Option(help="Largest norm of the gradient (1); 0 for no limit.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="auto, float32, bfloat16 or float16; auto is bfloat16 where that is faster.",
        ),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the model, for its card: MIT, CC-BY-4.0.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what options a training has."""


train.__signature__ = inspect.signature(_options)  # type: ignore[attr-defined]
