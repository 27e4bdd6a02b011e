"""``emseg measure``: objects and phases in nanometres."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emseg import __version__
from emseg.cli.options import Axes, Channels, Crop, Json, KeepBar, PixelSize, Signal
from emseg.errors import (
    ContentError,
    EmsegError,
    MismatchError,
    PartialError,
    StorageError,
    UsageError,
)

if TYPE_CHECKING:
    from emseg.cli.measure_fields import Failure, Field
    from emseg.cli.measure_inputs import Inputs
    from emseg.cli.measure_objects import FieldResult
    from emseg.cli.measure_summary import Summary
    from emseg.config import MeasureConfig
    from emseg.writing.growing_tables import GrowingTable

_log = logging.getLogger(__name__)
_OBJECTS, _SUMMARY, _TABLE, _SETTINGS = (
    "objects.csv", "summary.json", "summary.csv", "measure.toml",
)  # fmt: skip


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
    objects: Annotated[
        bool,
        typer.Option(
            "--objects", help="Every value but 0 is an object: label images of cellpose, StarDist."
        ),
    ] = False,
    split: Annotated[
        bool, typer.Option("--split", help="Tell touching round objects apart, by watershed.")
    ] = False,
    smallest: Annotated[
        str,
        typer.Option(
            metavar="N|LENGTH",
            help="Smallest object: pixels, or the diameter of a circle of its area, as in 5nm.",
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
    emseg measure cells/ --objects --smallest 30
    """
    from emseg.cli import console
    from emseg.cli.measure_inputs import find_inputs
    from emseg.config import MeasureConfig
    from emseg.labels import parse_labels, parse_names, parse_value
    from emseg.writing import results_folder

    config = MeasureConfig.from_options(
        inputs=tuple(Path(each) for each in labels_of),
        images=images,
        measured=tuple(measured or ()),
        classes=parse_names(classes) if classes is not None else None,
        labels=parse_labels(labels) if labels is not None else None,
        unlabelled=parse_value(unlabelled) if unlabelled is not None else None,
        objects=objects,
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
        pictures=pictures,
        parquet=parquet,
        out=out,
    )
    if parquet:
        from emseg.writing.growing_tables import require_parquet

        require_parquet()
    inputs = find_inputs(config)
    _refuse_among_inputs(out, inputs)
    with results_folder(out):
        _tell_earlier(out)
        summary = run(inputs, config)
        text = conclude(summary)
    if json:
        console.print_json(text)
    else:
        from emseg.cli.measure_tables import show

        show(summary)
    _raise_failures(summary)


def _refuse_among_inputs(out: Path, inputs: "Inputs") -> None:
    if out.resolve() in {field.plane.stack.path.resolve().parent for field in inputs.fields}:
        raise UsageError(
            f"--out {out} is the folder of the label images, where pictures of measurements would "
            "be taken for label images; choose another"
        )


def _tell_earlier(out: Path) -> None:
    if (out / _SUMMARY).exists():
        _log.warning(
            "%s holds earlier measurements; files of the same name are replaced, others stay",
            out,
        )


def run(inputs: "Inputs", config: "MeasureConfig") -> "Summary":
    """Measure all fields under a progress bar; ``objects.csv`` appears when the last is done.

    Raises
    ------
    EmsegError
        When no field could be measured, or the results cannot be written.
    """
    from emseg.cli import console
    from emseg.cli.measure_fields import Failure, note_failure
    from emseg.cli.measure_summary import Summary

    console.remark(_first_line(inputs))
    done: list[FieldResult] = []
    failures = list(inputs.failures)
    with (
        ExitStack() as files,
        console.progress("measuring", len(inputs.fields), unit="images") as meter,
    ):
        tables = _Tables([files.enter_context(each) for each in _growing(config)])
        for field in inputs.fields:
            try:
                done.append(_measure(field, inputs, config, tables))
            except StorageError:
                raise  # the disk is full for every file
            except (EmsegError, MemoryError) as error:
                failure = Failure(field.plane.stack.path, _said(field, error))
                note_failure(failures, failure, of=len(inputs.fields))
            meter.advance()
            meter.note(field.title)
        if not done:
            raise _none_done(failures)
    return Summary(config, inputs.meaning, tuple(done), tuple(failures))


class _Tables:
    """The tables of objects, which all have the columns of the first field."""

    def __init__(self, tables: "list[GrowingTable]") -> None:
        self._tables = tables
        self._columns: list[str] = []

    def add(self, field: "Field", columns: list[str], rows: list[dict[str, Any]]) -> None:
        """Append the objects of a field.

        Raises
        ------
        MismatchError
            When its micrograph has other channels than the first.
        """
        self._columns = self._columns or columns
        if columns != self._columns:
            raise MismatchError(
                f"the micrograph of {field.title} has other channels than that of the first "
                "image; name the same ones with --channels, or measure it apart"
            )
        for table in self._tables:
            table.add(columns, rows)


def _measure(
    field: "Field", inputs: "Inputs", config: "MeasureConfig", tables: _Tables
) -> "FieldResult":
    """Measure one field; it alone is in memory, and one class of objects."""
    from emseg.cli.measure_objects import FieldResult, find_all, phases_of
    from emseg.cli.measure_overlays import Overlay
    from emseg.cli.measure_scenes import read_scene

    scene = read_scene(field, inputs.meaning)
    overlay = Overlay(scene) if config.pictures else None
    columns, rows, tallies = [], [], {}
    for found in find_all(scene, inputs.meaning, config):
        columns = found.columns
        rows += found.rows(field.title)
        tallies[found.name] = found.tally
        if overlay is not None:
            overlay.add(found)
    tables.add(field, columns, rows)
    if overlay is not None:
        overlay.write(config.out / "overlays" / f"{field.name}.png", field.title)
    height, width = scene.labels.pixels.shape
    return FieldResult(field, (height, width), phases_of(scene), tallies)


def _growing(
    config: "MeasureConfig",
) -> "Iterator[AbstractContextManager[GrowingTable]]":
    from emseg.writing.growing_tables import growing_csv, growing_parquet

    yield growing_csv(config.out / _OBJECTS)
    if config.parquet:
        yield growing_parquet(config.out / "objects.parquet")


def _first_line(inputs: "Inputs") -> str:
    found = [field.pixel_size for field in inputs.fields if field.pixel_size is not None]
    different = len({(each.y_nm, each.x_nm) for each in found})
    shown = f"{different} sizes, the first " if different > 1 else ""
    shown += str(found[0]) if found else "unknown"
    count = f"{len(inputs.fields)} label image" + ("s" if len(inputs.fields) > 1 else "")
    return f"measuring {', '.join(inputs.meaning.measured)} in {count}, pixel size: {shown}"


def conclude(summary: "Summary") -> str:
    """Write what was found in all fields, and how; return the text of ``summary.json``.

    Raises
    ------
    NotWritableError, StorageError
        When the files cannot be written.
    """
    from json import dumps

    from emseg.cli.measure_tables import tell_notices
    from emseg.writing import whole_file, write_table

    config, out = summary.config, summary.config.out
    text = dumps(summary.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(out / _SETTINGS) as beside:
        beside.write_text(f"# emseg {__version__}\n{config.to_toml()}", encoding="utf-8")
    with whole_file(out / _SUMMARY) as beside:
        beside.write_text(text, encoding="utf-8")
    write_table(out / _TABLE, list(summary.rows()))
    if config.pictures:
        _draw_sizes(summary)
    tell_notices(summary)
    return text


def _draw_sizes(summary: "Summary") -> None:
    from emseg.reporting.sizes import write_sizes

    for path, name, objects in summary.pictures():
        tally = objects.tally
        write_sizes(
            path, name, tally.diameters, objects.sizes, weights=tally.weights, unit=summary.unit
        )


def _said(field: "Field", error: BaseException) -> EmsegError:
    if isinstance(error, EmsegError):
        return error
    said = ContentError(
        f"{field.title} does not fit into memory; close other programs, or measure a --crop"
    )
    said.__cause__ = error
    return said


def _none_done(failures: "list[Failure]") -> EmsegError:
    if len(failures) == 1:
        return failures[0].error
    return ContentError(f"none of the {len(failures)} label images could be measured")


def _raise_failures(summary: "Summary") -> None:
    failed = len(summary.failures)
    if failed:
        raise PartialError(
            f"{failed} of {failed + len(summary.fields)} label images failed and are named above; "
            "the others are done"
        )
