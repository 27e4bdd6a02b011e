"""``emseg train``: micrographs and masks, or folders of classes, become a model."""

from contextlib import nullcontext
from functools import partial
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

if TYPE_CHECKING:
    from emseg.config import TrainConfig
    from emseg.training import TrainedRun


def train(
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGES [MASKS]",
            help="Micrographs, then their masks: folders, files, stacks or quoted globs. "
            "For a classifier one folder with a sub-folder a class, or a CSV file,label.",
        ),
    ],
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
        typer.Option(help="Network: unet, fpn, ...; densenet121 or any of timm or torchvision."),
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
    val: Annotated[
        float, typer.Option(help="Fraction held out for validation when nothing else is.")
    ] = 0.2,
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
    accumulate: Annotated[
        int | None, typer.Option(metavar="N", help="Batches whose gradients make one step.")
    ] = None,
    clip: Annotated[
        float | None, typer.Option(help="Largest norm of the gradient (1); 0 for no limit.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="float32, or bfloat16 or float16 mixed precision."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the model, for its card: MIT, CC-BY-4.0.")
    ] = None,
    json: Json = False,
) -> None:
    """Train a network on images and masks, or a classifier on folders of images.

    Micrographs and masks are matched by name (image_07.dm4 and image_07_mask.png belong
    together). The run folder holds the model, its curves, pictures of its predictions on the
    validation micrographs, and the configuration. Ctrl-C stops and keeps the best model.

    Examples
    --------
    emseg train images/ masks/
    emseg train images/ masks/ --classes matrix,small,large --minutes 8 --out runs/alloy
    emseg train stack.tif labels.tif --slices 0:20 --val-slices 20:25
    emseg train images/ --masks mitochondria=mito/ --masks membrane=membranes/
    emseg train classes/ --network densenet121
    """
    from emseg.cli.console import print_json
    from emseg.cli.machine import settle_threads
    from emseg.cli.numbered_folders import claimed
    from emseg.cli.train_config import train_config

    settle_threads(device, threads)
    config = train_config(
        images,
        masks or [],
        val_images or [],
        val_masks or [],
        task=task,
        classes=classes,
        labels=labels,
        out=out,
        network=network,
        encoder=encoder,
        unlabelled=unlabelled,
        epochs=epochs,
        minutes=minutes,
        steps=steps,
        val_fraction=val,
        slices=slices,
        val_slices=val_slices,
        axes=axes,
        signal=signal,
        channels=channels,
        pixel_size=pixel_size,
        rescale=rescale,
        invert=invert,
        crop=crop,
        keep_bar=keep_bar,
        allow_external=allow_external,
        seed=seed,
        device=device,
        threads=threads,
        batch=batch,
        crop_size=crop_size,
        options=option or None,
        pretrained=pretrained,
        freeze=freeze,
        unfreeze_every=unfreeze_every,
        learning_rate=learning_rate,
        head_learning_rate=head_learning_rate,
        optimiser=optimiser,
        momentum=momentum,
        schedule=schedule,
        warm_up=warm_up,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        accumulate=accumulate,
        clip=clip,
        precision=precision,
        licence=licence,
    )
    with claimed(config.out) if out is None else nullcontext(config.out) as folder:
        trained = run(config.model_copy(update={"out": folder}), json=json)
    if json:
        print_json((trained.folder / "model" / "config.json").read_text(encoding="utf-8"))
    if trained.interrupted:
        raise KeyboardInterrupt


def run(config: "TrainConfig", *, json: bool = False) -> "TrainedRun":
    """Train as configured, show it, and draw curves and pictures into the run folder."""
    from emseg.cli.console import progress, remark, result

    remark(f"task: {config.task}, network: {config.network} {config.encoder or ''}".rstrip())
    from emseg.inference import choose_device, share_processor
    from emseg.reporting import write_curves  # seconds, with torch: the user reads meanwhile
    from emseg.training import Progress
    from emseg.training import train as train_model

    share_processor(choose_device(config.device), config.threads)
    timed = config.minutes is not None and config.steps is None and config.epochs is None
    with progress("training", unit="" if timed else "steps") as meter:

        def report(now: Progress) -> None:
            score = "" if now.score is None else f", best score {now.score:.3f}"
            step = f"step {now.step}, " if timed else ""
            if now.validated is None:
                meter.note(f"{step}loss {now.loss:.3f}{score}")
            else:
                meter.note(f"{step}validating {100 * now.validated:.0f} %{score}")
            if timed:
                budget = 60 * (config.minutes or 0)
                meter.reach(min(round(now.seconds), budget), budget)
            else:
                meter.reach(now.step, now.total)

        trained = train_model(config, report, partial(_say_start, config))
    if trained.verdict is not None:
        write_curves(trained.folder / "curves.png", trained.folder / "metrics.csv")
    if trained.range_test is not None:
        from emseg.cli.lr_find import write_range_test

        write_range_test(trained.folder, trained.range_test)
    _draw_validation(config, trained)
    _say_end(trained, remark if json else result)
    return trained


def _say_start(config: "TrainConfig", job: Any, device: Any) -> None:
    from emseg.cli.console import remark
    from emseg.inference import device_name

    card = job.card
    remark(
        f"device: {device_name(device)}, precision: {config.precision}, crop: {card.crop} px, "
        f"pixel size: {card.pixel_size or 'unknown'}"
    )
    remark(
        f"{job.images} micrographs to train on, {job.validation_images} to validate with; "
        f"classes: {', '.join(each.name for each in card.classes)}"
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
            how_good = (
                f"{kind} on the validation micrographs {verdict.score:.3f} at step "
                f"{record.best_step}"
            )
        result(f"{record.steps} steps in {record.seconds / 60:.1f} minutes; {how_good}")
    result(f"model: {trained.folder / 'model'}")
    if verdict is not None and verdict.is_chance:
        result(
            f"no better than chance: {verdict.chance:.3f} is the {kind} of one class always and "
            "everywhere; train longer (--minutes, --epochs), and if that does not help look "
            "whether micrographs and labels belong together"
        )
    else:
        result(f"try it: emseg predict {trained.folder} MICROGRAPHS")


def _draw_validation(config: "TrainConfig", trained: "TrainedRun") -> None:
    """Draw what the model makes of its validation micrographs."""
    from emseg.bundle import load_model
    from emseg.cli.console import progress
    from emseg.config import Rescale, Task
    from emseg.inference import Segmenter, choose_device
    from emseg.reading.stems import output_stems
    from emseg.reporting import write_comparison

    if config.task is not Task.SEGMENTATION or not trained.shown:
        return
    model = load_model(trained.folder)
    segmenter = Segmenter.of(model, choose_device(config.device), rescale=Rescale.NEVER)
    micrographs = [plane.micrograph for plane in trained.shown]
    files = [each.path or Path(each.name) for each in micrographs]
    stems = output_stems(list(dict.fromkeys(files)))
    with progress("drawing", len(micrographs), unit="pictures") as meter:
        for plane, micrograph, file in zip(trained.shown, micrographs, files, strict=True):
            answer = segmenter.segment(micrograph)
            number = "" if micrograph.plane is None else f"-{micrograph.plane}"
            path = trained.folder / "previews" / f"{stems[file]}{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_comparison(path, micrograph, answer.labels, plane.labels)
            meter.advance()
