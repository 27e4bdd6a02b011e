"""``emseg info``: what files hold, for a person and for machines."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emseg.cli.options import Json
from emseg.errors import ContentError, EmsegError, PartialError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from emseg.reading import SignalInfo, ValueRange


_AXES = {"c": "channels"}


def info(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, folders or globs.")],
    json: Json = False,
) -> None:
    """Say what each file holds: axes, shape, dtype, range and pixel size.

    Every signal of a file is listed, also spectra and diffraction patterns, with the reason why
    emseg cannot use it. Of several images in one file emseg takes the largest, which an arrow
    marks. The range is that of the values as they are stored; of a large stack, some planes are
    looked at.

    Examples
    --------
    emseg info image.dm4
    emseg info --json maps/*.emd
    """
    from emseg.cli import console
    from emseg.reading import find_files

    reports = []
    for path in find_files(files):
        report = _look_at(path)
        reports.append(report)
        if not json:
            console.out.print(_block(report))
    if json:
        console.print_json(_as_json(reports))
    _conclude(reports)


@dataclass(frozen=True, slots=True)
class _Report:
    """What was found in one file; the error says why it is not readable."""

    path: Path
    signals: tuple["SignalInfo", ...] = ()
    ranges: tuple["ValueRange | None", ...] = ()
    error: EmsegError | None = None


def _look_at(path: Path) -> _Report:
    from emseg.reading import describe, value_ranges

    try:
        signals = describe(path)
        return _Report(path, signals, value_ranges(path))
    except EmsegError as error:
        return _Report(path, error=error)


def _conclude(reports: list[_Report]) -> None:
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


def _as_json(reports: list[_Report]) -> str:
    import json

    entries = [
        {
            "file": str(report.path),
            "error": str(report.error) if report.error else None,
            "signals": [
                _signal_as_json(signal, values)
                for signal, values in zip(report.signals, report.ranges, strict=True)
            ],
        }
        for report in reports
    ]
    return json.dumps(entries, indent=2, ensure_ascii=False)


def _signal_as_json(signal: "SignalInfo", values: "ValueRange | None") -> dict[str, Any]:
    size = signal.pixel_size
    return {
        "name": signal.name,
        "axes": [axis.name for axis in signal.axes],
        "shape": list(signal.shape),
        "dtype": signal.dtype,
        "range": [values.low, values.high] if values else None,
        "range_sampled": values.is_sampled if values else None,
        "pixel_size_nm": [size.y_nm, size.x_nm] if size else None,
        "plane_distance_nm": size.z_nm if size else None,
        "pixel_size_source": size.source if size else None,
        "is_taken": signal.is_taken,
        "usable": signal.usable,
        "reason": signal.reason,
    }


def _block(report: _Report) -> "RenderableType":
    """One file: its name, then a line for each signal, or why it cannot be read."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    title = Text(str(report.path), style="bold", overflow="fold")
    if report.error:
        said = Text(str(report.error).removeprefix(f"{report.path} "), style="red")
        return Group(title, Padding(said, (0, 0, 0, 2), expand=False), Text())
    return Group(title, Padding(_table(report), (0, 0, 0, 2), expand=False), Text())


def _table(report: _Report) -> "Table":
    from rich.table import Table
    from rich.text import Text

    several = len(report.signals) > 1
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in ("signal", "shape", "dtype", "range", "pixel size")[0 if several else 1 :]:
        table.add_column(column, overflow="fold")
    for signal, values in zip(report.signals, report.ranges, strict=True):
        cells = [_shape(signal), signal.dtype, _range(signal, values), _pixel_size(signal)]
        cells = [_name(signal), *cells] if several else cells
        table.add_row(*(Text(cell) for cell in cells), style="" if signal.usable else "yellow")
    return table


def _name(signal: "SignalInfo") -> str:
    """Name a signal as its file does, with an arrow at the one that emseg takes."""
    return f"{'→' if signal.is_taken else ' '} {signal.name}"


def _shape(signal: "SignalInfo") -> str:
    return " × ".join(
        {3: "rgb", 4: "rgba"}.get(size, "colours")
        if axis.name == "s"
        else f"{size} {_AXES.get(axis.name, axis.name)}"
        for size, axis in zip(signal.shape, signal.axes, strict=True)
    )


def _range(signal: "SignalInfo", values: "ValueRange | None") -> str:
    if values is None:
        return "not looked at" if signal.usable else "-"
    text = f"{values.low:.6g} to {values.high:.6g}"
    if values.is_sampled:
        text += f" (in {values.planes_read} of {values.planes} planes)"
    return text


def _pixel_size(signal: "SignalInfo") -> str:
    size = signal.pixel_size
    if not signal.usable:
        return f"not usable: {signal.reason}"
    if size is None:
        return "unknown"
    return f"{size}; planes {size.z_nm:.4g} nm apart" if size.z_nm else str(size)
