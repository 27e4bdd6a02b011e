"""Label images are measured, field by field, then what all of them say."""

import logging
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Any

from emseg import __version__
from emseg.commands.measure_overlays import Overlay
from emseg.config import MeasureConfig
from emseg.errors import EmsegError, MismatchError, StorageError, UsageError
from emseg.meters import progress
from emseg.outcomes import worded
from emseg.reporting.sizes import write_sizes
from emseg.spreading import parse_cluster
from emseg.survey import (
    Failures,
    Field,
    FieldResult,
    Inputs,
    Summary,
    caveats,
    find_all,
    find_inputs,
    phases_of,
    read_scene,
)
from emseg.survey.meaning import MeasuredClasses
from emseg.writing import results_folder, write_table, write_text
from emseg.writing.growing_tables import (
    GrowingTable,
    growing_csv,
    growing_parquet,
    require_parquet,
)

_log = logging.getLogger(__name__)
SUMMARY = "summary.json"
"""What a measurement found, in its folder."""

_OBJECTS, _TABLE, _SETTINGS = "objects.csv", "summary.csv", "measure.toml"


def measure(config: MeasureConfig) -> Summary:
    """Measure the objects and phases of label images, and write what was found.

    Parameters
    ----------
    config : MeasureConfig
        What is measured, and how. ``objects.csv`` appears when the last field is done.

    Raises
    ------
    UsageError
        When an option fits no file, or results would lie among the label images.
    EmsegError
        When no field could be measured, or the results cannot be written.
    """
    if config.parquet:
        require_parquet()
    failures = Failures()
    inputs = find_inputs(config, failures)
    _refuse_among_inputs(config.out, inputs)
    with results_folder(config.out):
        _tell_earlier(config.out)
        summary = _measured(inputs, config, failures)
        _write(summary)
    return summary


def _refuse_among_inputs(out: Path, inputs: Inputs) -> None:
    if out.resolve() in {field.plane.stack.path.resolve().parent for field in inputs.fields}:
        raise UsageError(
            f"--out {out} is the folder of the label images, where pictures of measurements would "
            "be taken for label images; choose another"
        )


def _tell_earlier(out: Path) -> None:
    """Tell that a folder holds measurements already."""
    if (out / SUMMARY).exists():
        _log.warning(
            "%s holds earlier measurements; files of the same name are replaced, others stay",
            out,
        )


def _measured(inputs: Inputs, config: MeasureConfig, failures: Failures) -> Summary:
    """Measure field by field."""
    _log.info("%s", _first_line(inputs))
    done: list[FieldResult] = []
    with (
        ExitStack() as files,
        progress("measuring", len(inputs.fields), unit="images") as meter,
    ):
        tables = _Tables([files.enter_context(each) for each in _growing(config)])
        fields = files.enter_context(closing(_found(inputs, config)))
        for field, found in zip(inputs.fields, fields, strict=True):
            try:
                done.append(tables.take(field, found))
            except StorageError:
                raise  # the disk is full for every file
            except (EmsegError, MemoryError) as error:
                said = worded(error, field.title, "close other programs, or measure a --crop")
                failures.note(field.plane.stack.path, said, of=len(inputs.fields))
                _overlay(field, config).unlink(missing_ok=True)
            meter.advance()
            meter.note(field.title)
        failures.require_any(done)
    return Summary(config, inputs.meaning, tuple(done), tuple(failures))


@dataclass(frozen=True, slots=True)
class MeasuredField:
    """What one field gives to the tables and to the summary.

    Parameters
    ----------
    columns : tuple of str
        Of the rows.
    rows : tuple of dict
        A row an object.
    result : FieldResult
        For the summary.
    """

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    result: FieldResult


_Measured = MeasuredField | EmsegError | MemoryError


class _Tables:
    """The tables of objects, which all have the columns of the first field."""

    def __init__(self, tables: list[GrowingTable]) -> None:
        self._tables = tables
        self._columns: tuple[str, ...] = ()

    def take(self, field: Field, found: _Measured) -> FieldResult:
        """Append the objects of a field, if nothing is wrong with it; a failed one has no row.

        Raises
        ------
        MismatchError
            When its micrograph has other channels than the first.
        EmsegError, MemoryError
            Why it could not be measured.
        """
        if not isinstance(found, MeasuredField):
            raise found
        if self._columns and found.columns != self._columns:
            raise MismatchError(
                f"the micrograph of {field.title} has other channels than that of the first "
                "image; name the same ones with --channels, or measure it apart"
            )
        self._columns = found.columns
        for table in self._tables:
            table.add(found.columns, found.rows)
        return found.result


def _found(inputs: Inputs, config: MeasureConfig) -> Generator[_Measured]:
    """Measure field by field, here or on the workers of a cluster; in order."""
    if config.cluster is None:
        for field in inputs.fields:
            try:
                yield measure_field(field, inputs.meaning, config)
            except (EmsegError, MemoryError) as error:
                yield error
        return
    from emseg.cluster.opening import open_team
    from emseg.cluster.replies import in_folder

    here = Path.cwd(), measure_field
    calls = ((*here, each, inputs.meaning, config) for each in inputs.fields)
    with (
        open_team(parse_cluster(config.cluster), "cpu") as team,
        closing(team.replies(in_folder, calls)) as replies,
    ):
        for reply in replies:
            yield reply.error or reply.found


def measure_field(field: Field, meaning: MeasuredClasses, config: MeasureConfig) -> MeasuredField:
    """Measure one field; it alone is in memory, and one class of objects."""
    scene = read_scene(field, meaning)
    overlay = Overlay(scene) if config.pictures else None
    columns, rows, tallies = [], [], {}
    for found in find_all(scene, meaning, config):
        columns = found.columns
        rows += found.rows(field.title)
        tallies[found.name] = found.tally
        if overlay is not None:
            overlay.add(found)
    height, width = scene.labels.pixels.shape
    result = FieldResult(field, (height, width), phases_of(scene), tallies)
    if overlay is not None:
        overlay.write(_overlay(field, config), field.title)
    return MeasuredField(tuple(columns), tuple(rows), result)


def _overlay(field: Field, config: MeasureConfig) -> Path:
    return config.out / "overlays" / f"{field.name}.png"


def _growing(
    config: MeasureConfig,
) -> Iterator[AbstractContextManager[GrowingTable]]:
    if config.parquet:  # first: it takes memory for all objects of a field, or takes none of them
        yield growing_parquet(config.out / "objects.parquet")
    yield growing_csv(config.out / _OBJECTS)


def _first_line(inputs: Inputs) -> str:
    found = [field.pixel_size for field in inputs.fields if field.pixel_size is not None]
    different = len({(each.y_nm, each.x_nm) for each in found})
    shown = f"{different} sizes, the first " if different > 1 else ""
    shown += str(found[0]) if found else "unknown"
    count = f"{len(inputs.fields)} label image" + ("s" if len(inputs.fields) > 1 else "")
    return f"measuring {', '.join(inputs.meaning.measured)} in {count}, pixel size: {shown}"


def _write(summary: Summary) -> None:
    """Write what was found in all fields, and how."""
    config, out = summary.config, summary.config.out
    text = dumps(summary.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    settings = f"# emseg {__version__}\n{config.to_toml()}"
    write_text(out / _SETTINGS, settings, "replace")
    write_text(out / SUMMARY, text)
    write_table(out / _TABLE, list(summary.rows()))
    if config.pictures:
        _draw_sizes(summary)
    for line in caveats(summary):
        _log.warning("%s", line)


def _draw_sizes(summary: Summary) -> None:
    colours = {each.name: each.colour for each in summary.meaning.classes}
    for path, name, objects in summary.pictures():
        tally = objects.tally
        write_sizes(
            path,
            name,
            tally.diameters,
            objects.sizes,
            weights=tally.weights,
            unit=summary.unit,
            colour=colours[name],
            found=tally.count,
        )
