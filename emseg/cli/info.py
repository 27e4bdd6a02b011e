"""``emseg info``: what files hold, for a person and for machines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.options import AllowExternal, Axes, Channels, Crop, Json, KeepBar, PixelSize, Signal
from emseg.errors import (
    ContentError,
    EmsegError,
    PartialError,
    PathMissingError,
    UsageError,
)

if TYPE_CHECKING:
    from emseg.bundle import ModelCard
    from emseg.reading import Contents, ReadOptions


def info(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, folders or globs.")],
    details: Annotated[
        bool, typer.Option("--details", help="All signals of each file, also of several files.")
    ] = False,
    range_: Annotated[
        bool,
        typer.Option("--range", help="Read all pixels for their smallest and largest value."),
    ] = False,
    thumbnails: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write a small picture of each image into this folder."),
    ] = None,
    axes: Axes = None,
    signal: Signal = None,
    channels: Channels = None,
    pixel_size: PixelSize = None,
    crop: Crop = None,
    keep_bar: KeepBar = False,
    allow_external: AllowExternal = False,
    json: Json = False,
) -> None:
    """Say what each file holds: axes, shape, dtype and pixel size.

    One file is shown with all its signals, also spectra and diffraction patterns and the reason
    why emseg cannot use them; of several images it takes the largest, which an arrow marks. Of
    several files each has a line. No pixel is read unless --range or --thumbnails asks for it;
    the other options show what train and predict make of the files when they get them. Of a model,
    a run, or a folder of them, it says what the model is: task, classes, pixel size, scores.

    Examples
    --------
    emseg info image.dm4
    emseg info micrographs/ --thumbnails overview
    emseg info --json maps/*.emd
    emseg info runs/unet-1
    """
    from emseg.cli.info_models import models_among
    from emseg.reading import ReadOptions, find_files

    options = ReadOptions(
        axes=axes,
        signal=signal,
        channels=channels,
        pixel_size=pixel_size,
        crop=crop,
        keep_bar=keep_bar,
        allow_external=allow_external,
    )
    _ = options.calibration  # a pixel size that is none is refused before any file is opened
    models, files = models_among(files)
    described = _model_reports(models)
    paths = find_files(files) if files else []
    reports = _reports(paths, options, with_ranges=range_)
    if thumbnails is not None:
        reports = _with_thumbnails(reports, paths, options, thumbnails)
    if json:
        _conclude(_print_json(chain(described, reports)))
        return
    done = _print_details(described)
    if details or len(paths) <= 1:
        done += _print_details(reports)
    else:
        done += _print_lines(reports, paths)
    _conclude(done)


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one file, or of one model, or why it cannot be read."""

    path: Path
    contents: "Contents | None" = None
    error: EmsegError | None = None
    card: "ModelCard | None" = None
    is_model: bool = False


def _reports(
    paths: Sequence[Path], options: "ReadOptions", *, with_ranges: bool
) -> Iterator[Report]:
    """Look into one file after the other; one that cannot be read costs only itself."""
    from emseg.reading import look_into

    for path in paths:
        try:
            yield Report(path, look_into(path, options, with_ranges=with_ranges))
        except EmsegError as error:
            if isinstance(error, UsageError) and not isinstance(error, PathMissingError):
                raise
            yield Report(path, error=error)


def _model_reports(paths: Sequence[Path]) -> Iterator[Report]:
    """Read one card after the other; one that cannot be read costs only itself."""
    if not paths:
        return
    from emseg.bundle import read_card

    for path in paths:
        try:
            yield Report(path, card=read_card(path), is_model=True)
        except EmsegError as error:
            yield Report(path, error=error, is_model=True)


def _with_thumbnails(
    reports: Iterator[Report], paths: Sequence[Path], options: "ReadOptions", folder: Path
) -> Iterator[Report]:
    """Draw each image before it is told; one that cannot be drawn counts as unreadable."""
    from emseg.cli.thumbnails import Thumbnails

    with Thumbnails(folder, paths, options) as drawn:
        for report in reports:
            try:
                if report.contents and report.contents.taken:
                    drawn.add(report.contents)
                yield report
            except ContentError as error:
                yield Report(report.path, report.contents, error)


def _print_json(reports: Iterator[Report]) -> list[Report]:
    """Print a list with an entry a file, each as soon as it is known."""
    from emseg.cli.console import print_json
    from emseg.cli.info_json import entry
    from emseg.cli.info_models import model_entry

    done: list[Report] = []
    for report in reports:
        said = model_entry(report) if report.is_model else entry(report)
        print_json(("[\n" if not done else ",\n") + said, end="")
        done.append(report)
    print_json("\n]")
    return done


def _print_details(reports: Iterator[Report]) -> list[Report]:
    from emseg.cli.console import out
    from emseg.cli.info_models import model_block
    from emseg.cli.info_text import block

    done: list[Report] = []
    for report in reports:
        shown = model_block if report.is_model else block
        out.print(shown(report, out.width), soft_wrap=True)
        done.append(report)
    return done


def _print_lines(reports: Iterator[Report], paths: Sequence[Path]) -> list[Report]:
    from emseg.cli.console import out
    from emseg.cli.info_listing import Listing

    listing = Listing(paths, out.width)
    out.print(listing.heading, soft_wrap=True)
    done: list[Report] = []
    for report in reports:
        out.print(listing.line(report), soft_wrap=True)
        done.append(report)
    out.print(listing.summary(done), soft_wrap=True)
    return done


def _conclude(reports: list[Report]) -> None:
    """End with the exit code that files which cannot be read call for."""
    bad = [report for report in reports if report.error]
    if not bad:
        return
    if len(bad) < len(reports):
        raise PartialError(
            f"{len(bad)} of {len(reports)} files cannot be read, first {bad[0].path}; "
            "the others are described above"
        )
    if len(bad) == 1 and bad[0].error:
        raise bad[0].error
    raise ContentError(f"none of the {len(reports)} files can be read, first: {bad[0].error}")
