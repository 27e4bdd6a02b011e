"""``emseg export``: a model for runtimes that predict without torch."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.options import Json, Threads
from emseg.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from emseg.bundle import Model
    from emseg.bundle.exports import Export
    from emseg.inference.exporting import LabelledTile
    from emseg.micrograph import LabelImage, Micrograph

_Read = Callable[[], "tuple[Micrograph, LabelImage | None]"]
_MOST = 96  # tiles of all micrographs; some calibrate, the others are judged
_PLANES = 32  # of which they are taken


def export(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model folder, or the run folder around it.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="onnx|openvino|int8", help="What is made.")
    ] = "onnx",
    images: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Micrographs such as will be predicted, for int8."),
    ] = None,
    masks: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH|NAME=DIR", help="Their masks, by which the loss of int8 is measured."
        ),
    ] = None,
    max_loss: Annotated[
        float,
        typer.Option(metavar="X", min=0.0, max=1.0, help="Mean Dice that int8 may lose."),
    ] = 0.005,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Export a model beside its weights, for predictions that need no torch.

    onnx is the network as it is, in one file for ONNX Runtime and OpenVINO; emseg train writes it
    too where emseg[cpu,export] is installed. openvino is the same in OpenVINO's own files. int8
    computes with eight bits, several times as fast on processors that can: it is calibrated on
    your micrographs, and what it costs is measured, against masks or else against the labels of
    the network itself. What does not answer as the network does is not kept.

    Examples
    --------
    emseg export runs/unet-1
    emseg export runs/unet-1 --to int8 --images new/
    emseg export runs/unet-1 --to int8 --images images/ --masks masks/ --max-loss 0.01
    """
    from emseg.cli.console import print_json, remark, result

    kind = _kind(to)
    _require_fitting(kind, images, masks)
    from emseg.bundle import load_model
    from emseg.bundle.exports import ExportKind
    from emseg.inference.exporting import export_model, quantise_model

    loaded = load_model(model)
    tiles = _tiles(loaded, images, masks) if images else []
    if kind == ExportKind.INT8:
        remark(f"calibrating with tiles of {len(tiles)} places, half of which are judged")
        made = quantise_model(loaded, tiles, max_loss=max_loss, threads=threads)
    else:
        image = tiles[0].image if tiles else None
        made = export_model(loaded, ExportKind(kind), image, threads)
    if json:
        print_json(made.model_dump_json(indent=2))
        return
    for line in _lines(loaded, made, has_masks=bool(masks)):
        result(line)


def _kind(to: str) -> str:
    known = ("onnx", "openvino", "int8")
    if to.lower() not in known:
        raise UnknownNameError("export (--to)", to, known)
    return to.lower()


def _require_fitting(kind: str, images: list[str] | None, masks: list[str] | None) -> None:
    if kind == "int8" and not images:
        raise UsageError(
            "--to int8 is calibrated on micrographs such as will be predicted: give --images"
        )
    if masks and kind != "int8":
        raise UsageError(f"--masks measures what int8 costs, and --to {kind} costs nothing")
    if masks and not images:
        raise UsageError("--masks needs the micrographs that they belong to: give --images")


def _tiles(model: "Model", images: list[str], masks: list[str] | None) -> "list[LabelledTile]":
    """Cut tiles out of all micrographs, or of a seeded choice of many."""
    import numpy as np

    from emseg.inference.exporting.tiles import tiles_of
    from emseg.inference.preparing import Preparing

    preparing, rng = Preparing(model.card), np.random.default_rng(0)
    pairs = _unmasked(model, images) if not masks else _masked(model, images, masks)
    chosen = [pairs[number] for number in sorted(rng.permutation(len(pairs))[:_PLANES])]
    most = -(-_MOST // len(chosen))
    tiles: list[LabelledTile] = []
    for read in chosen:
        micrograph, mask = read()
        tiles += tiles_of(model.card, preparing, micrograph, mask, most, rng)
    return tiles


def _unmasked(model: "Model", images: list[str]) -> list[_Read]:
    from emseg.reading import NO_MICROGRAPHS, list_planes

    planes = list_planes(images, options=model.card.read_options(), skip=NO_MICROGRAPHS)
    return [lambda plane=plane: (plane.read(), None) for plane in planes]  # type: ignore[misc]


def _masked(model: "Model", images: list[str], masks: list[str]) -> list[_Read]:
    """Find the mask of each micrograph, whose values mean what they meant in the training."""
    from emseg.commands.refusing import refuse_for_classifier
    from emseg.config import Task
    from emseg.evaluation import MaskRule
    from emseg.evaluation.matching import list_mask_planes, match_masks
    from emseg.evaluation.meaning import meaning_of_masks
    from emseg.mask_values import parse_mask_folders
    from emseg.reading import NO_MICROGRAPHS, list_planes

    if model.card.task is Task.CLASSIFICATION:
        refuse_for_classifier({"masks": masks})
    folders = parse_mask_folders(masks) if "=" in masks[0] else {}
    matches = match_masks(
        list_planes(images, options=model.card.read_options(), skip=NO_MICROGRAPHS),
        list_mask_planes(folders or masks),
        kind="image",
    )
    classes = model.card.label_classes
    meaning = meaning_of_masks(classes, matches, MaskRule(), tuple(folders))
    return [
        lambda match=match: (match.image.read(), meaning.read(match.masks))  # type: ignore[misc]
        for match in matches
    ]


def _lines(model: "Model", made: "Export", *, has_masks: bool) -> Iterator[str]:
    """Say what was written, and how well it answers."""
    from emseg.bundle.exports import FILES

    for name in FILES[made.kind]:
        size = (model.folder / name).stat().st_size / 1e6
        yield f"written: {model.folder / name} ({made.precision}, {size:.1f} MB)"
    yield (
        f"against the network: {100 * made.agreement:.2f} % of the pixels get the same class, "
        f"probabilities differ by at most {made.difference:.2g}"
    )
    if made.dice_before is not None and made.dice_after is not None:
        truth = "masks" if has_masks else "the labels of the network in float32"
        yield (
            f"Dice against {truth}: {made.dice_before:.4f} in float32, {made.dice_after:.4f} in "
            f"{made.precision}"
        )
