"""``emseg convert``: a microscope's file becomes a file that other programs open."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.options import AllowExternal, Axes, Channels, Json, PixelSize, Signal
from emseg.outcomes import raise_failures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emseg.commands.convert import Converted
    from emseg.config import ConvertConfig
    from emseg.outcomes import Outcome


def convert(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUTS...", help="Micrographs: files, folders, stacks or globs."),
    ],
    to: Annotated[
        str,
        typer.Option(
            metavar="ome.tif|ome.zarr|hspy|tif|png|npy", help="Format of what is written."
        ),
    ] = "ome.tif",
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("converted"),
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace results that exist already.")
    ] = False,
    slices: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="Planes of the one stack, or files of the folder."),
    ] = None,
    axes: Axes = None,
    signal: Signal = None,
    channels: Channels = None,
    pixel_size: PixelSize = None,
    drop_calibration: Annotated[
        bool,
        typer.Option(
            "--drop-calibration", help="Write no pixel size, for formats without a place for it."
        ),
    ] = False,
    invert: Annotated[bool, typer.Option("--invert", help="Swap dark and bright.")] = False,
    crop: Annotated[
        str | None,
        typer.Option(metavar="A:B[,C:D]", help="Cut out these rows and columns: 0:884,0:1024."),
    ] = None,
    cut_bar: Annotated[
        bool, typer.Option("--cut-bar", help="Cut off the information bar, which is kept else.")
    ] = False,
    allow_external: AllowExternal = False,
    json: Json = False,
) -> None:
    """Write micrographs and label images in another format, with all that they hold.

    Values, pixel size, stacks, channels and the classes of label images stay what they are. A
    format that cannot hold all of it is refused, and those that can are named; nothing is
    scaled, cast or left out on the way. Of several images in a file the largest is converted.

    Examples
    --------
    emseg convert session/*.dm4
    emseg convert mosaic.tif --to ome.zarr --out mosaics
    emseg convert predictions/*.ome.tif --to hspy
    emseg convert sem/ --to png --cut-bar --out figures
    """
    from emseg.cli.console import print_json
    from emseg.commands import convert as command
    from emseg.config import ConvertConfig

    config = ConvertConfig.from_options(
        inputs=tuple(Path(each) for each in inputs),
        to=to,
        out=out,
        replace=replace,
        slices=slices,
        axes=axes,
        signal=signal,
        channels=channels,
        pixel_size=pixel_size,
        drop_calibration=drop_calibration,
        invert=invert,
        crop=crop,
        keep_bar=not cut_bar,
        allow_external=allow_external,
    )
    done = command.convert(config)
    if json:
        print_json(_as_json(done))
    else:
        _sum_up(done, config)
    raise_failures(done, len(done), done="converted")


def _as_json(done: "Sequence[Outcome[Converted]]") -> str:
    import json

    entries = [
        {
            "file": str(each.path),
            "written": str(each.found.written) if each.found else None,
            "planes": each.found.planes if each.found else 0,
            "error": str(each.error) if each.error else None,
        }
        for each in done
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False)


def _sum_up(done: "Sequence[Outcome[Converted]]", config: "ConvertConfig") -> None:
    from emseg.cli.console import result

    found = [each.found for each in done if each.found]
    if len(found) == 1:
        planes = f" ({found[0].planes} planes)" if found[0].planes > 1 else ""
        result(f"written: {found[0].written}{planes}")
    elif found:
        target = config.to.lower().lstrip(".")
        result(f"in {config.out}: {len(found)} files (*.{target})")
