"""``emseg explain``: what a model looks at in a micrograph."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from emseg.errors import UnknownNameError

if TYPE_CHECKING:
    from emseg.explanation import HeatMap, Record

_KINDS = ("importance", "filters", "features", "gradcam", "cam", "occlusion")


def explain(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model folder, or the run folder around it.")
    ],
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A micrograph.")],
    what: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help=f"What to draw: {','.join(_KINDS)}; all that the network allows by default.",
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Layer whose feature maps and Grad-CAM are drawn; give it again for more.",
        ),
    ] = None,
    class_name: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="NAME",
            help="Class to explain; by default the most probable one, of a segmentation the "
            "largest after the first.",
        ),
    ] = None,
    patch: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=2, help="Side of the grey patch of occlusion in pixels of the network."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("explanation"),
    slices: Annotated[
        str | None, typer.Option(metavar="A:B", help="Plane of a stack: the first of the range.")
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
    json: Json = False,
) -> None:
    """Show what a model looks at: filters, feature maps and heat maps on a micrograph.

    Filters of the first layer, feature maps from shallow to deep, Grad-CAM, class activation maps
    where the network allows them, and occlusion as an independent check of both; of a forest, which
    features its trees ask for (importance). OUT holds a
    picture of each, the numbers behind it (.npy, heat maps also as calibrated .ome.tif), and
    explanation.json. Occlusion takes longest; --what filters,features,gradcam leaves it out.

    Examples
    --------
    emseg explain models/steel_classes pearlite.jpg
    emseg explain runs/unet-1 image.dm4 --class precipitate --what gradcam,occlusion
    emseg explain runs/resnet18-1 image.tif --what features --layer layer1 --layer layer4.1.conv2
    """
    from emseg.cli.machine import settle_threads

    settle_threads(device, threads)
    from emseg.cli.console import print_json
    from emseg.commands import explain as command
    from emseg.config import ExplainConfig

    config = ExplainConfig.from_options(
        model=model,
        image=image,
        what=_kinds(what),
        layers=tuple(layer or ()),
        class_name=class_name,
        patch=patch,
        out=out,
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
    )
    record = command.explain(config)
    if json:
        print_json(record.to_json())
    else:
        _show(record, out)


def _kinds(what: str | None) -> tuple[str, ...] | None:
    """Read the list of what is to be drawn."""
    if what is None:
        return None
    said = tuple(each.strip().lower() for each in what.split(","))
    for each in said:
        if each not in _KINDS:
            raise UnknownNameError("kind of explanation (--what)", each, _KINDS)
    return said


def _show(record: "Record", out: Path) -> None:
    """Print what was found, and where it lies."""
    from emseg.cli.console import result
    from emseg.explanation import HeatMap

    answer = record.answer
    share = "" if answer.share is None else f", {100 * answer.share:.1f} % of the pixels"
    result(f"{record.micrograph.title}: {answer.class_name}, p = {answer.probability:.3f}{share}")
    for stem, agreement in record.agreements.items():
        said = "undefined, one of them is constant" if agreement is None else f"{agreement:.2f}"
        result(f"rank correlation of {stem} with occlusion: {said}")
    for figure in record.figures:
        if isinstance(figure.piece, HeatMap):
            _tell_empty(figure.piece, answer.class_name)
        result(f"written: {figure.files[0]}")
    for line in record.skipped:
        result(f"not drawn: {line}")
    result(f"the numbers behind the pictures (.npy, .ome.tif) and explanation.json are in {out}")


def _tell_empty(heat: "HeatMap", class_name: str) -> None:
    """Say that a heat map is zero everywhere, which looks like a defect and is none."""
    from emseg.cli.console import result

    if heat.is_empty:
        result(f"{heat.stem} is zero everywhere: nothing at this layer speaks for {class_name}")
