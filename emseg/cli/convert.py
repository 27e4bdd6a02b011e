"""``emseg convert``: a microscope's file becomes a file that other programs open."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.options import AllowExternal, Axes, Channels, Json, PixelSize, Signal
from emseg.errors import UnknownNameError, UsageError
from emseg.outcomes import attempts, counted, raise_failures

if TYPE_CHECKING:
    from emseg.outcomes import Outcome
    from emseg.reading import ReadOptions


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
    from emseg.reading import ReadOptions
    from emseg.writing import results_folder

    options = ReadOptions(
        axes=axes,
        signal=signal,
        channels=channels,
        pixel_size=pixel_size,
        invert=invert,
        crop=crop,
        keep_bar=not cut_bar,
        allow_external=allow_external,
    )
    _ = options.calibration  # a pixel size that is none is refused before any file is opened
    job = _job(inputs, to, out, slices, options, with_calibration=not drop_calibration)
    _require_free(job, replace=replace)
    with results_folder(out):
        done = _run(job)
    if json:
        print_json(_as_json(done, job))
    else:
        _sum_up(done, job)
    raise_failures(done, len(done), done="converted")


@dataclass(frozen=True, slots=True)
class _Job:
    """What becomes what."""

    written: dict[Path, Path]
    target: str
    out: Path
    planes: str | None
    options: "ReadOptions"
    with_calibration: bool


def _job(
    inputs: Sequence[str],
    to: str,
    out: Path,
    slices: str | None,
    options: "ReadOptions",
    *,
    with_calibration: bool,
) -> _Job:
    from emseg.reading import chosen_files
    from emseg.reading.stems import output_stems
    from emseg.writing import TARGETS

    suffixes = [each.suffix for each in TARGETS]
    target = to.lower().lstrip(".")
    if target not in suffixes:
        raise UnknownNameError("format", to, suffixes)
    paths, planes = chosen_files(inputs, slices)
    written = {path: out / f"{name}.{target}" for path, name in output_stems(paths).items()}
    return _Job(written, target, out, planes, options, with_calibration)


def _require_free(job: _Job, *, replace: bool) -> None:
    """Refuse to write over an input, or over what is there unless the user says so."""
    from emseg.writing import require_apart

    require_apart(job.written.values(), job.written, "the result", original="an input")
    there = [each for each in job.written.values() if each.exists()]
    if there and not replace:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(
            f"{there[0]}{more} would be overwritten; add --replace, or choose another --out"
        )


def _run(job: _Job) -> "list[Outcome[int]]":
    """Convert file by file under a progress bar; one that fails costs only itself."""
    from emseg.cli.console import progress, tell_failure
    from emseg.writing.conversion import convert_file

    def work(path: Path) -> int:
        return convert_file(
            path,
            job.written[path],
            job.options,
            planes=job.planes,
            with_calibration=job.with_calibration,
        )

    with progress("converting", len(job.written), unit="files") as meter:
        outcomes = attempts(job.written, work, "close other programs, or convert a --crop")
        return list(counted(outcomes, len(job.written), tell_failure, meter))


def _as_json(done: "Sequence[Outcome[int]]", job: _Job) -> str:
    import json

    entries = [
        {
            "file": str(each.path),
            "written": None if each.error else str(job.written[each.path]),
            "planes": each.found or 0,
            "error": str(each.error) if each.error else None,
        }
        for each in done
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False)


def _sum_up(done: "Sequence[Outcome[int]]", job: _Job) -> None:
    from emseg.cli.console import result

    written = [(job.written[each.path], each.found) for each in done if each.found is not None]
    if len(written) == 1:
        ((path, planes),) = written
        result(f"written: {path}" + (f" ({planes} planes)" if planes > 1 else ""))
    elif written:
        result(f"in {job.out}: {len(written)} files (*.{job.target})")
