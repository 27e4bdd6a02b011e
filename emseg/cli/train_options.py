"""Options of ``emseg train``, which ``emseg lr-find`` shares."""

from pathlib import Path
from typing import Annotated

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


def train_options(
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
    devices: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=1024,
            help="GPUs of a machine, or processes on its processor, that train together; each "
            "step takes N times --batch crops.",
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            metavar="M", min=1, max=1024, help="Machines with so many each, under torchrun or srun."
        ),
    ] = None,
    threads: Threads = None,
    batch: Annotated[int | None, typer.Option(help="Crops a step, of each device.")] = None,
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
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help="Write losses, rates and scores for TensorBoard into the folder."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Say what options a training has."""
