"""``emseg evaluate``: how good a result is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from emseg import __version__
from emseg.cli.options import (
    Axes,
    Channels,
    Crop,
    Device,
    Json,
    KeepBar,
    PixelSize,
    Rescale,
    Signal,
)
from emseg.errors import UsageError

if TYPE_CHECKING:
    import torch

    from emseg.bundle import Model
    from emseg.cli.evaluate_page import Witness
    from emseg.config import EvaluateConfig
    from emseg.evaluation import (
        ClassificationReport,
        MaskRule,
        Question,
        Scoring,
        SegmentationReport,
    )
    from emseg.evaluation.matching import Masks

_T = TypeVar("_T")
_METRICS, _TABLE, _SETTINGS = "metrics.json", "metrics.csv", "evaluate.toml"
_PAGE, _MARKDOWN = "report.html", "metrics.md"
_OF_MASKS = ("classes", "labels", "prediction_labels", "unlabelled", "slices")
_OF_IMAGES = ("axes", "signal", "channels", "pixel_size", "invert", "crop", "keep_bar", "rescale")


def evaluate(
    predictions: Annotated[
        str,
        typer.Argument(
            metavar="PREDICTIONS",
            help="Label images of emseg or of another program: a folder, file, stack or glob in "
            "quotes. With --model: images, or a folder with one sub-folder a class. With "
            "--compare: the truth.",
        ),
    ],
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
    device: Device = "auto",
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
            help="Smallest object that counts: a number of pixels, or a diameter such as 5nm.",
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
        bool, typer.Option("--report/--no-report", help=f"Whether {_PAGE} is written.")
    ] = True,
    out: Annotated[
        Path, typer.Option(help=f"Folder of {_METRICS} and {_TABLE}; made when missing.")
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
    emseg evaluate --model runs/densenet121-1 classes/
    """
    from emseg.cli.mask_options import class_folders
    from emseg.config import EvaluateConfig
    from emseg.labels import parse_labels, parse_names, parse_value
    from emseg.writing import results_folder

    if masks is not None and class_masks:
        raise UsageError(
            f"masks are named twice, as {masks} and by --masks {class_masks[0]}; keep one"
        )
    config = EvaluateConfig.from_options(
        inputs=Path(predictions),
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
        device=device,
        out=out,
        top_k=top_k,
        metrics=_names(metrics),
        distance=distance,
        objects=_names(objects),
        smallest=smallest,
        group_by=group_by,
        draws=draws,
        seed=seed,
        compare=compare,
        instances=instances,
        images=images,
        report=report,
    )
    question(config)  # a mistyped group of metrics is told before any work
    with results_folder(out):
        if compare is not None:
            from emseg.cli.evaluate_compare import compare_results

            compare_results(config, compare, json=json)
        else:
            from emseg.cli.evaluate_page import Witness

            witness = Witness(config)
            conclude(run(config, witness), config, witness, json=json)


def _names(text: str | None) -> tuple[str, ...] | None:
    from emseg.labels import parse_names

    return None if text is None else parse_names(text)


def question(config: "EvaluateConfig") -> "Question":
    """Say which numbers are wanted."""
    from emseg.calibration import parse_distance
    from emseg.config import parse_smallest
    from emseg.evaluation import USUAL, Question

    return Question(
        metrics=USUAL if config.metrics is None else config.metrics,
        distance=parse_distance(config.distance) if config.distance else None,
        objects=config.objects,
        smallest=parse_smallest(config.smallest),
        group_by=config.group_by,
        draws=config.draws,
        seed=config.seed,
    )


def run(
    config: "EvaluateConfig", witness: "Witness | None" = None
) -> "SegmentationReport | ClassificationReport":
    """Compare as configured, under a progress bar."""
    if config.model is not None:
        return _of_model(config, config.model, witness)
    return score_labels(config, config.inputs, witness).report()


def score_labels(
    config: "EvaluateConfig", predictions: Path, witness: "Witness | None" = None
) -> "Scoring":
    """Look at label images and their masks, under a progress bar."""
    from emseg.evaluation import score_label_images

    for name in _OF_IMAGES:
        if getattr(config, name) != type(config).model_fields[name].default:
            raise UsageError(
                f"--{name.replace('_', '-')} says how micrographs are read, and label images are "
                "compared here; leave it out, or evaluate a model with --model"
            )
    truth = _truth(config)
    if truth is None:
        raise UsageError(
            f"{config.inputs} is compared with nothing; name the masks behind it, "
            "or --masks NAME=DIR"
        )
    return score_label_images(
        [predictions],
        truth,
        rule=_rule(config),
        slices=_slices(config),
        instances=config.instances,
        micrographs=[config.images] if config.images is not None else (),
        question=question(config),
        onlookers=[witness.look] if witness else (),
        track=_track(f"comparing {predictions.name}" if config.compare else "comparing"),
    )


def _truth(config: "EvaluateConfig") -> "Masks | None":
    """Take the masks as one set or as one a class, whichever was named."""
    if config.compare is not None and not config.mask_folders:
        return [config.inputs]
    if config.mask_folders:
        return config.mask_folders
    return None if config.masks is None else [config.masks]


def _rule(config: "EvaluateConfig") -> "MaskRule":
    from emseg.evaluation import MaskRule

    return MaskRule(config.classes, config.labels, config.prediction_labels, config.unlabelled)


def _slices(config: "EvaluateConfig") -> slice | None:
    from emseg.config import parse_slices

    return parse_slices(config.slices) if config.slices else None


def _of_model(
    config: "EvaluateConfig", path: Path, witness: "Witness | None"
) -> "SegmentationReport | ClassificationReport":
    from emseg.cli.machine import settle_threads

    settle_threads(config.device)
    from emseg.bundle import load_model
    from emseg.config import Task
    from emseg.inference import choose_device

    if config.images is not None:
        raise UsageError(
            f"--images {config.images} is for label images; with --model the images are "
            f"{config.inputs}; leave it out"
        )
    model, device = load_model(path), choose_device(config.device)
    if witness is not None:
        witness.model = model
    truth = _truth(config)
    if model.card.task is Task.CLASSIFICATION:
        if truth is not None:
            raise UsageError(
                f"{path} classifies whole images, so masks say nothing about it; give a folder "
                "with one sub-folder a class, or a CSV file with the columns file,label"
            )
        return _of_classifier(config, model, device, witness)
    if truth is None:
        raise UsageError(
            f"{path} segments images, so it needs masks; name them behind {config.inputs}, "
            "or --masks NAME=DIR"
        )
    return _of_segmenter(config, model, device, truth, witness)


def _of_classifier(
    config: "EvaluateConfig", model: "Model", device: "torch.device", witness: "Witness | None"
) -> "ClassificationReport":
    from emseg.cli import console
    from emseg.cli.mask_options import refuse_for_classifier
    from emseg.evaluation.models import evaluate_classifier
    from emseg.inference import Classifier, device_name
    from emseg.reading import class_folders

    refuse_for_classifier({name: getattr(config, name) for name in _OF_MASKS})
    files = class_folders(config.inputs)
    console.remark(
        f"device: {device_name(device)}, precision: float32, crop: {model.card.crop} px, "
        f"the model's pixel size: {model.card.pixel_size or 'unknown'}"
    )
    track = _track("classifying")
    classifier = Classifier(model, device, rescale=config.rescale)
    options = model.card.read_options(config)
    return evaluate_classifier(
        classifier,
        files,
        top_k=config.top_k,
        options=options,
        question=question(config),
        track=track,
        **({"look": witness.look_at_file} if witness else {}),
    )


def _of_segmenter(
    config: "EvaluateConfig",
    model: "Model",
    device: "torch.device",
    truth: "Masks",
    witness: "Witness | None",
) -> "SegmentationReport":
    from emseg.cli import console
    from emseg.evaluation.models import evaluate_segmenter
    from emseg.inference import Segmenter, device_name

    segmenter = Segmenter(model, device, rescale=config.rescale)
    console.remark(
        f"device: {device_name(device)}, precision: float32, tile: {segmenter.tile} px, "
        f"halo: {segmenter.halo} px, the model's pixel size: {model.card.pixel_size or 'unknown'}"
    )
    return evaluate_segmenter(
        segmenter,
        [config.inputs],
        truth,
        rule=_rule(config),
        slices=_slices(config),
        options=model.card.read_options(config),
        question=question(config),
        onlookers=[witness.look] if witness else (),
        track=_track("predicting"),
    )


def _track(description: str) -> Callable[[Sequence[_T]], Iterable[_T]]:
    """Hand on what there is to do, and show how much of it is done."""

    def shown(items: Sequence[_T]) -> Iterator[_T]:
        from emseg.cli import console

        with console.progress(description, total=len(items), unit="images") as meter:
            for item in items:
                yield item
                meter.advance()

    return shown


def conclude(
    report: "SegmentationReport | ClassificationReport",
    config: "EvaluateConfig",
    witness: "Witness",
    *,
    json: bool,
) -> None:
    """Write the scores and how they were found, then print them.

    Parameters
    ----------
    report : SegmentationReport or ClassificationReport
        What an evaluation found.
    config : EvaluateConfig
        What was compared; its folder takes the files and is made when missing.
    witness : Witness
        What it saw of the images.
    json : bool
        Whether the JSON itself is printed in place of tables.
    """
    from emseg.cli import console
    from emseg.cli.score_tables import show
    from emseg.reporting.page import markdown_table
    from emseg.writing import whole_file, write_table

    text, out = witness.as_text(report), config.out
    for name, content in (
        (_SETTINGS, f"# emseg {__version__}\n{config.to_toml()}"),
        (_METRICS, text),
        (_MARKDOWN, markdown_table(report)),
    ):
        with whole_file(out / name) as beside:
            beside.write_text(content, encoding="utf-8", errors="backslashreplace")
    write_table(out / _TABLE, report.as_rows())
    if config.report:
        witness.write_page(out / _PAGE, report)
    if json:
        console.print_json(text)
    else:
        show(report)
        pages = f", {out / _PAGE}" if config.report else ""
        console.remark(f"written: {out / _METRICS}, {out / _TABLE}, {out / _MARKDOWN}{pages}")
