"""``emseg measure``: objects and phases in nanometres."""

from pathlib import Path
from typing import Annotated

import typer

from emseg.cli.options import AllowExternal, Axes, Channels, Crop, Json, KeepBar, PixelSize, Signal
from emseg.outcomes import raise_failures


def measure(
    labels_of: Annotated[
        list[str],
        typer.Argument(
            metavar="LABELS...",
            help="Label images of emseg or of another program: files, folders, stacks or globs.",
        ),
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            help="The micrographs, matched by name: mean intensities, and pictures to check by."
        ),
    ] = None,
    measured: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME",
            help="Class whose objects are measured; repeatable. All but the first by default.",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Classes in the order of the values."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="VALUE=NAME,...", help="Class of each value, for other programs'."),
    ] = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help="Value, or colour, of pixels that belong to no class."),
    ] = None,
    instances: Annotated[
        bool,
        typer.Option(
            "--instances",
            help="Every value but 0 is an object: label images of cellpose, StarDist.",
        ),
    ] = False,
    split: Annotated[
        bool,
        typer.Option(
            "--split",
            help="Tell touching round objects apart, by watershed; with --instances, the pieces of "
            "a number that do not touch.",
        ),
    ] = False,
    smallest: Annotated[
        str,
        typer.Option(
            metavar="N|AREA|LENGTH",
            help="Smallest object: pixels, an area as in 50nm2, or the diameter of a circle of its "
            "area, as in 5nm.",
        ),
    ] = "1",
    border: Annotated[
        str,
        typer.Option(
            metavar="correct|drop|keep",
            help="Objects that the border cuts: left out of sizes and counts and made up for "
            "(Miles-Lantuejoul), only left out, or taken as they are.",
        ),
    ] = "correct",
    sections: Annotated[
        bool,
        typer.Option(
            "--sections", help="The images are random sections: area fractions are of volume."
        ),
    ] = False,
    slices: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="Planes of the one stack, or files of the folder."),
    ] = None,
    axes: Axes = None,
    signal: Signal = None,
    channels: Channels = None,
    pixel_size: PixelSize = None,
    crop: Crop = None,
    keep_bar: KeepBar = False,
    allow_external: AllowExternal = False,
    pictures: Annotated[
        bool, typer.Option(help="Draw size distributions, and the objects of each image.")
    ] = True,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Write objects.parquet too; needs pyarrow.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("measurements"),
    json: Json = False,
) -> None:
    """Measure the objects and phases of label images in nanometres.

    Of each class: its share of the area with a 95 % interval over the fields of view, and its
    objects: connected pixels, each with area, diameters, perimeter, shape, place and neighbours.
    Label images of emseg know their classes and pixel size; for those of other programs say
    --labels and --pixel-size. The first class is taken as the matrix, whose objects are not
    measured.

    OUT holds objects.csv (a row an object), summary.csv, summary.json, a size distribution of
    each class, and overlays/ to check by. Without a pixel size everything is in pixels.

    Examples
    --------
    emseg measure predictions/
    emseg measure predictions/ --images micrographs/ --class particle --split
    emseg measure masks/ --labels 0=matrix,1=particle --pixel-size 1.9nm
    emseg measure cells/ --instances --smallest 30
    """
    from emseg.cli import console
    from emseg.cli.measure_tables import show
    from emseg.commands import measure as command
    from emseg.config import MeasureConfig
    from emseg.labels import parse_labels, parse_names, parse_value

    config = MeasureConfig.from_options(
        inputs=tuple(Path(each) for each in labels_of),
        images=images,
        measured=tuple(measured or ()),
        classes=parse_names(classes) if classes is not None else None,
        labels=parse_labels(labels) if labels is not None else None,
        unlabelled=parse_value(unlabelled) if unlabelled is not None else None,
        instances=instances,
        split=split,
        smallest=smallest,
        border=border,
        sections=sections,
        slices=slices,
        axes=axes,
        signal=signal,
        channels=channels,
        pixel_size=pixel_size,
        crop=crop,
        keep_bar=keep_bar,
        allow_external=allow_external,
        pictures=pictures,
        parquet=parquet,
        out=out,
    )
    summary = command.measure(config)
    if json:
        console.print_json((out / command.SUMMARY).read_text(encoding="utf-8"))
    else:
        show(summary)
    of = len(summary.failures) + len(summary.fields)
    raise_failures(summary.failures, of, kind="label images")
