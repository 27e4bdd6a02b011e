"""``emseg evaluate``: how good a result is."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.options import (
    AllowExternal,
    Axes,
    Backend,
    Channels,
    Crop,
    Device,
    Json,
    KeepBar,
    PixelSize,
    Precision,
    Rescale,
    Signal,
    Threads,
)
from emseg.errors import UsageError

if TYPE_CHECKING:
    from emseg.config import EvaluateConfig


def evaluate(
    predictions: Annotated[
        str | None,
        typer.Argument(
            metavar="PREDICTIONS",
            help="Label images of emseg or of another program: a folder, file, stack or glob in "
            "quotes. With --model: images, or a folder with one sub-folder a class. With "
            "--compare: the truth, unless --masks NAME=DIR says it.",
        ),
    ] = None,
    masks: Annotated[
        str | None,
        typer.Argument(metavar="MASKS", help="The truth: a folder, file, stack or glob in quotes."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="A model or run folder, which predicts first."),
    ] = None,
    class_masks: Annotated[
        list[str] | None,
        typer.Option(
            "--masks",
            metavar="NAME=DIR",
            help="Binary masks of one class, in place of MASKS; once for each but the background.",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Classes in the order of the mask values."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="VALUE=NAME,...", help="Class of each mask value."),
    ] = None,
    prediction_labels: Annotated[
        str | None,
        typer.Option(
            metavar="VALUE=NAME,...",
            help="Class of each value in label images of another program, where it differs.",
        ),
    ] = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help="Mask value, or colour, of pixels that are not scored."),
    ] = None,
    slices: Annotated[
        str | None,
        typer.Option(
            metavar="A:B",
            help="Planes of the mask stack, or files of the mask folder, counted from 0.",
        ),
    ] = None,
    axes: Axes = None,
    signal: Signal = None,
    channels: Channels = None,
    pixel_size: PixelSize = None,
    rescale: Rescale = "auto",
    invert: Annotated[
        bool | None,
        typer.Option(
            "--invert/--no-invert", help="Swap dark and bright; as in training by default."
        ),
    ] = None,
    crop: Crop = None,
    keep_bar: KeepBar = False,
    allow_external: AllowExternal = False,
    device: Device = "auto",
    threads: Threads = None,
    backend: Backend = "auto",
    precision: Precision = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Groups of numbers: overlap, boundary, objects, quantities; and, asked for by "
            "name: distances, partitions, membranes, probabilities; or all. The first four by "
            "default.",
        ),
    ] = None,
    distance: Annotated[
        str | None,
        typer.Option(
            metavar="LENGTH",
            help="How far a boundary may be off to be right: 5nm, or 3px. Two pixels by default.",
        ),
    ] = None,
    objects: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Classes whose connected pixels are objects; all but the first by default.",
        ),
    ] = None,
    smallest: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="Smallest object that counts: a number of pixels, an area such as 50nm2, or a "
            "diameter such as 5nm.",
        ),
    ] = "1",
    group_by: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="What is independent, for the intervals: image, stack, folder, a regular "
            "expression with one group, or a CSV file with the columns file and group.",
        ),
    ] = "image",
    draws: Annotated[
        int, typer.Option(min=0, help="Resamples for the intervals; 0 leaves them out.")
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples.")] = 0,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="A B",
            help="Two folders of label images; whether B is better than A, and by how much.",
        ),
    ] = None,
    instances: Annotated[
        str | None,
        typer.Option(
            metavar="SIDE",
            help="Whose values number objects, as those of cellpose and StarDist do: both, "
            "predictions or masks.",
        ),
    ] = None,
    top_k: Annotated[
        int,
        typer.Option(min=1, help="Largest k of top-k accuracy."),
    ] = 5,
    images: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="The micrographs of the label images, to be shown in the report.",
        ),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Whether report.html is written.")
    ] = True,
    out: Annotated[
        Path, typer.Option(help="Folder of metrics.json and metrics.csv; made when missing.")
    ] = Path("evaluation"),
    json: Json = False,
) -> None:
    """Compare predictions with reference masks.

    Files are matched by name, with or without endings such as _mask, and classes by name.
    Predictions of emseg know which mask values their classes had in training; label images of
    other programs are compared value by value. Scores pool the pixels of all images; the mean is
    over all classes that occur, class 0 included. Pixels that a mask leaves unlabelled are not
    scored; pixels that a prediction leaves unlabelled are missed. Each number has an interval of
    95 %, found by resampling the images, or whatever --group-by says is independent.

    With a classifier the truth is the name of each image's folder, or a CSV file with the columns
    file and label.

    Examples
    --------
    emseg evaluate predictions/ masks/
    emseg evaluate predictions/ masks/ --slices 25:30 --json
    emseg evaluate predictions/ masks/ --metrics all --distance 5nm
    emseg evaluate masks/ --compare predictions-a/ predictions-b/
    emseg evaluate foreign/ masks/ --labels 0=ice,255=cell --prediction-labels 1=ice,2=cell
    emseg evaluate cellpose/ masks/ --instances both
    emseg evaluate predictions/ --masks mitochondria=mito/ --masks membrane=mem/
    emseg evaluate --model runs/unet-1 images/ masks/
    emseg evaluate --model runs/tf_efficientnet_lite0-1 classes/
    """
    from emseg.cli.mask_options import class_folders
    from emseg.config import EvaluateConfig
    from emseg.labels import parse_labels, parse_names, parse_value

    inputs = _inputs(predictions, compare, class_masks or [])
    if masks is not None and class_masks:
        raise UsageError(
            f"masks are named twice, as {masks} and by --masks {class_masks[0]}; keep one"
        )
    config = EvaluateConfig.from_options(
        inputs=inputs,
        masks=masks,
        mask_folders=class_folders(class_masks or []),
        model=model,
        classes=parse_names(classes) if classes is not None else None,
        labels=parse_labels(labels) if labels is not None else None,
        prediction_labels=parse_labels(prediction_labels) if prediction_labels else None,
        unlabelled=parse_value(unlabelled) if unlabelled is not None else None,
        slices=slices,
        axes=axes,
        signal=signal,
        channels=channels,
        pixel_size=pixel_size,
        rescale=rescale,
        invert=invert,
        crop=crop,
        keep_bar=keep_bar,
        allow_external=allow_external,
        device=device,
        threads=threads,
        backend=backend,
        precision=precision,
        out=out,
        top_k=top_k,
        metrics=_names(metrics, "--metrics"),
        distance=distance,
        objects=_names(objects, "--objects"),
        smallest=smallest,
        group_by=group_by,
        draws=draws,
        seed=seed,
        compare=compare,
        instances=instances,
        images=images,
        report=report,
    )
    if model is not None:
        from emseg.cli.machine import settle_threads

        settle_threads(device, threads)
    if compare is not None:
        _compared(config, compare, json=json)
    else:
        show_evaluation(config, json=json)


def show_evaluation(config: "EvaluateConfig", *, json: bool = False) -> None:
    """Compare as configured, and print the scores."""
    from emseg.cli import console, typed
    from emseg.cli.score_tables import show
    from emseg.commands import evaluate as command

    report = command.evaluate(config, shlex.join(["emseg", *typed]))
    out = config.out
    if json:
        console.print_json((out / command.METRICS).read_text(encoding="utf-8"))
        return
    show(report)
    names = [command.METRICS, command.TABLE, command.MARKDOWN, *[command.PAGE] * config.report]
    console.remark(f"written: {', '.join(str(out / name) for name in names)}")


def _compared(config: "EvaluateConfig", rivals: tuple[Path, Path], *, json: bool) -> None:
    from emseg.cli import console
    from emseg.cli.evaluate_compare import show
    from emseg.commands import compare as command

    found = command.compare(config, rivals)
    if json:
        console.print_json((config.out / command.RESULT).read_text(encoding="utf-8"))
        return
    show(found)
    console.remark(f"written: {config.out / command.RESULT}, {config.out / command.TABLE}")


def _inputs(named: str | None, compare: tuple[Path, Path] | None, class_masks: list[str]) -> Path:
    """Find what is compared; with two results and a folder of masks a class nothing else is."""
    if compare is not None and class_masks:
        if named is not None:
            raise UsageError(
                f"the truth is named twice, as {named} and by --masks {class_masks[0]}; keep one"
            )
        return compare[0]
    if named is None:
        raise UsageError(
            "name what is compared: emseg evaluate PREDICTIONS MASKS, or with --model the images"
        )
    return Path(named)


def _names(text: str | None, option: str) -> tuple[str, ...] | None:
    """Read names with commas between them."""
    if text is None:
        return None
    names = tuple(part.strip() for part in text.split(","))
    for name in names:
        if not name:
            raise UsageError(f"{option} {text!r} has an empty name; leave out a comma")
        if names.count(name) > 1:
            raise UsageError(f"{option} names {name!r} twice; name it once")
    return names
