"""``emseg predict``: a model and micrographs become calibrated label images, or classes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.answer_options import (
    FillHoles,
    Instances,
    Mirror,
    Smallest,
    Threshold,
    Tta,
    Uncertainty,
    members_of,
    thresholds_of,
    turns_of,
)
from emseg.cli.options import (
    AllowExternal,
    Axes,
    Backend,
    Channels,
    Crop,
    Device,
    Json,
    KeepBar,
    MaxRam,
    MaxVram,
    PixelSize,
    Precision,
    Rescale,
    Signal,
    Threads,
)
from emseg.errors import UsageError
from emseg.outcomes import raise_failures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emseg.config import PredictConfig
    from emseg.inference import Predicted
    from emseg.outcomes import Outcome


def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model folder, or the run folder around it.")
    ],
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUTS...",
            help="Micrographs: files, folders, stacks or globs. Further models before them answer "
            "together with the first.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("predictions"),
    image_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="ome.tif|ome.zarr|hspy",
            help="What label images and probabilities are written as.",
        ),
    ] = "ome.tif",
    slices: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="Planes of the one stack, or files of the folder."),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Write class probabilities beside the labels.")
    ] = False,
    previews: Annotated[bool, typer.Option(help="Write a picture of each label image.")] = True,
    tta: Tta = None,
    mirror: Mirror = False,
    uncertainty: Uncertainty = False,
    threshold: Threshold = None,
    smallest: Smallest = None,
    fill_holes: FillHoles = None,
    instances: Instances = None,
    top_k: Annotated[int, typer.Option(help="Classes a row, for a classifier.")] = 3,
    tile: Annotated[
        int | None, typer.Option(help="Side of a tile in pixels; as memory allows by default.")
    ] = None,
    halo: Annotated[
        int | None, typer.Option(help="Margin that a tile reads and does not keep; see the card.")
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
    max_ram: MaxRam = None,
    max_vram: MaxVram = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say how many tiles, how much memory and how long; predict nothing."
        ),
    ] = False,
    check_seams: Annotated[
        bool,
        typer.Option(
            "--check-seams",
            help="Predict twice, by tiles that begin elsewhere, and say whether their borders "
            "show; writes nothing.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Segment or classify images with a trained model.

    Everything else comes from the model's card. OUT holds a calibrated label image a micrograph,
    previews, and predictions.csv with the fraction of each class. A file that cannot be read
    costs only itself.

    Examples
    --------
    emseg predict runs/unet-1 new/*.dm4
    emseg predict runs/unet-1 series.tif --slices 0:24 --out series-labels
    emseg predict models/steel-phases micrographs/ --probabilities
    emseg predict runs/unet-1 mosaic.tif --format ome.zarr
    emseg predict runs/unet-1 runs/unet-2 cells/ --uncertainty
    emseg predict runs/unet-1 cells/ --fill-holes 50nm2 --smallest 200nm2 --instances watershed
    """
    from emseg.cli.machine import settle_threads

    if dry_run and check_seams:
        raise UsageError(
            "--dry-run predicts nothing, and --check-seams predicts twice; leave one out"
        )
    settle_threads(device, threads)
    from emseg.commands import predict as command
    from emseg.config import PredictConfig

    members, micrographs = members_of(inputs)
    config = PredictConfig.from_options(
        model=model,
        members=members,
        inputs=micrographs,
        out=out,
        format=image_format,
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
        max_ram=max_ram,
        max_vram=max_vram,
        tile=tile,
        halo=halo,
        probabilities=probabilities,
        previews=previews,
        tta=turns_of(tta, mirror=mirror),
        uncertainty=uncertainty,
        thresholds=thresholds_of(threshold),
        smallest=smallest,
        fill_holes=fill_holes,
        instances=instances,
        top_k=top_k,
    )
    if check_seams:
        from emseg.cli.seams_table import tell_seams

        tell_seams(config, json=json)
        return
    if dry_run:
        from emseg.cli.forecast_table import tell_forecasts

        tell_forecasts(config, json=json)
        return
    outcomes = command.predict(config)
    if json:
        from json import dumps

        from emseg.cli.console import print_json

        print_json(dumps(command.rows_of(outcomes), indent=2))
    else:
        show(outcomes, config)
    raise_failures(outcomes, len(outcomes))


def show(outcomes: "Sequence[Outcome[Predicted]]", config: "PredictConfig") -> None:
    """Print what was predicted, and where it lies."""
    from emseg.cli.console import out, result
    from emseg.cli.prediction_tables import prediction_table
    from emseg.commands.predict import rows_of

    if rows := rows_of(outcomes):
        out.print(prediction_table(rows))
        result(f"written: {config.out / 'predictions.csv'}")
    if any(each.found and each.found.written for each in outcomes):
        kinds = f"label images (*.{config.format})"
        kinds += ", previews/" if config.previews else ""
        kinds += ", probabilities/" if config.probabilities else ""
        kinds += ", uncertainty/" if config.uncertainty else ""
        kinds += ", instances/" if config.instances else ""
        result(f"in {config.out}: {kinds}")
