"""``emseg evaluate``: how good a result is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from emseg.cli.options import Device, Json
from emseg.errors import UsageError

if TYPE_CHECKING:
    import torch

    from emseg.bundle import Model
    from emseg.evaluation import ClassificationReport, MaskRule, SegmentationReport
    from emseg.evaluation.matching import Masks

_T = TypeVar("_T")
_METRICS, _TABLE = "metrics.json", "metrics.csv"


def evaluate(
    predictions: Annotated[
        str,
        typer.Argument(
            metavar="PREDICTIONS",
            help="Label images of emseg or of another program: a folder, file, stack or glob in "
            "quotes. With --model: images, or a folder with one sub-folder a class.",
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
        int | None,
        typer.Option(metavar="VALUE", help="Mask value of pixels that are not scored."),
    ] = None,
    slices: Annotated[
        str | None,
        typer.Option(
            metavar="A:B",
            help="Planes of the mask stack, or files of the mask folder, counted from 0.",
        ),
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(help="Order of the axes of the images."),
    ] = None,
    device: Device = "auto",
    top_k: Annotated[
        int,
        typer.Option(min=1, help="Largest k of top-k accuracy."),
    ] = 5,
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
    scored; pixels that a prediction leaves unlabelled are missed.

    With a classifier the truth is the name of each image's folder, or a CSV file with the columns
    file and label.

    Examples
    --------
    emseg evaluate predictions/ masks/
    emseg evaluate predictions/ masks/ --slices 25:30 --json
    emseg evaluate foreign/ masks/ --labels 0=ice,255=cell --prediction-labels 1=ice,2=cell
    emseg evaluate predictions/ --masks mitochondria=mito/ --masks membrane=mem/
    emseg evaluate --model runs/unet-1 images/ masks/
    emseg evaluate --model runs/densenet121-1 classes/
    """
    from emseg.config import parse_slices
    from emseg.evaluation import MaskRule, evaluate_label_images
    from emseg.labels import parse_labels, parse_names
    from emseg.writing import results_folder

    rule = MaskRule(
        names=parse_names(classes) if classes is not None else None,
        labels=parse_labels(labels) if labels is not None else None,
        prediction_labels=parse_labels(prediction_labels) if prediction_labels else None,
        unlabelled=unlabelled,
    )
    picked = parse_slices(slices) if slices is not None else None
    truth = _truth(masks, class_masks or [])
    with results_folder(out):
        if model is not None:
            report = _of_model(
                model, predictions, truth, rule, picked, axes=axes, device=device, top_k=top_k
            )
        elif truth is not None:
            report = evaluate_label_images(
                [predictions], truth, rule=rule, slices=picked, track=_track("comparing")
            )
        else:
            raise UsageError(
                f"{predictions} is compared with nothing; name the masks behind it, "
                "or --masks NAME=DIR"
            )
        conclude(report, out, json=json)


def _truth(masks: str | None, class_masks: Sequence[str]) -> "Masks | None":
    """Take the masks as one set or as one a class, whichever was named."""
    if masks is not None and class_masks:
        raise UsageError(
            f"masks are named twice, as {masks} and by --masks {class_masks[0]}; keep one"
        )
    if not class_masks:
        return None if masks is None else [masks]
    folders: dict[str, str | Path] = {}
    for given in class_masks:
        name, equals, folder = (part.strip() for part in given.partition("="))
        if not (name and equals and folder):
            raise UsageError(f"--masks cannot read {given!r}; write --masks mitochondria=DIR")
        if name in folders:
            raise UsageError(f"--masks names {name!r} twice; give each class one folder")
        folders[name] = folder
    return folders


def _of_model(
    path: Path,
    images: str,
    truth: "Masks | None",
    rule: "MaskRule",
    slices: slice | None,
    *,
    axes: str | None,
    device: str,
    top_k: int,
) -> "SegmentationReport | ClassificationReport":
    from emseg.cli.machine import settle_threads

    settle_threads(device)
    from emseg.bundle import load_model
    from emseg.config import Task
    from emseg.inference import choose_device

    model, chosen = load_model(path), choose_device(device)
    if model.card.task is Task.CLASSIFICATION:
        if truth is not None:
            raise UsageError(
                f"{path} classifies whole images, so masks say nothing about it; give a folder "
                "with one sub-folder a class, or a CSV file with the columns file,label"
            )
        return _of_classifier(model, chosen, images, top_k)
    if truth is None:
        raise UsageError(
            f"{path} segments images, so it needs masks; name them behind {images}, "
            "or --masks NAME=DIR"
        )
    return _of_segmenter(model, chosen, images, truth, rule, slices, axes)


def _of_classifier(
    model: "Model", device: "torch.device", images: str, top_k: int
) -> "ClassificationReport":
    from emseg.cli import console
    from emseg.evaluation.models import evaluate_classifier
    from emseg.inference import Classifier, device_name
    from emseg.reading import class_folders

    files = class_folders(Path(images))
    console.remark(
        f"device: {device_name(device)}, precision: float32, crop: {model.card.crop} px, "
        f"the model's pixel size: {model.card.pixel_size or 'unknown'}"
    )
    track = _track("classifying")
    return evaluate_classifier(Classifier(model, device), files, top_k=top_k, track=track)


def _of_segmenter(
    model: "Model",
    device: "torch.device",
    images: str,
    truth: "Masks",
    rule: "MaskRule",
    slices: slice | None,
    axes: str | None,
) -> "SegmentationReport":
    from emseg.cli import console
    from emseg.evaluation.models import evaluate_segmenter
    from emseg.inference import Segmenter, device_name

    segmenter = Segmenter(model, device)
    console.remark(
        f"device: {device_name(device)}, precision: float32, tile: {segmenter.tile} px, "
        f"halo: {segmenter.halo} px, the model's pixel size: {model.card.pixel_size or 'unknown'}"
    )
    track = _track("predicting")
    return evaluate_segmenter(
        segmenter, [images], truth, rule=rule, slices=slices, axes=axes, track=track
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


def conclude(report: "SegmentationReport | ClassificationReport", out: Path, *, json: bool) -> None:
    """Write ``metrics.json`` and ``metrics.csv``, then print what they hold.

    Parameters
    ----------
    report : SegmentationReport or ClassificationReport
        What an evaluation found.
    out : Path
        Folder of the files; made when missing.
    json : bool
        Whether the JSON itself is printed in place of tables.
    """
    from emseg.cli import console
    from emseg.cli.score_tables import show
    from emseg.writing import whole_file, write_table

    text = _as_text(report)
    with whole_file(out / _METRICS) as beside:
        beside.write_text(text, encoding="utf-8")
    write_table(out / _TABLE, report.as_rows())
    if json:
        console.print_json(text)
    else:
        show(report)
        console.remark(f"written: {out / _METRICS}, {out / _TABLE}")


def _as_text(report: "SegmentationReport | ClassificationReport") -> str:
    from json import dumps

    return dumps(report.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
