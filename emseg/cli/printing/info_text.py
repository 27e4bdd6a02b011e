"""What ``emseg info`` prints for people: a block about a file, with all its signals."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from emseg.cli.terminal.columns import GAP, hanging, in_cells, printable
from emseg.reading.inside import file_of
from emseg.reading.signals.signal import colours_of
from emseg.remote import RemotePath

if TYPE_CHECKING:
    from emseg.outcomes import Outcome
    from emseg.reading import FileContents, SignalInfo, ValueRange

_ROOM = 36  # columns for a reason beside its signal; where there are fewer it stands below


def block(report: "Outcome[FileContents]", width: int) -> Text:
    """Describe one file with all its signals.

    Parameters
    ----------
    report : Outcome
        What was found.
    width : int
        Columns of the terminal.
    """
    found = report.found
    lines = Text(printable(report.path), style="bold")
    if found is not None:
        lines.append(f"{GAP}{found.format}, {_bytes(report.path)}", "not bold dim")
        for line in (*_signal_lines(found, width), *_remarks(found, width)):
            lines.append("\n").append_text(line)
    if report.error is not None:
        said = why_bad(report)
        lines.append("\n").append_text(hanging(said, 2, width, "red"))
    return lines.append("\n")


def _signal_lines(found: "FileContents", width: int) -> list[Text]:
    """One line a signal, with the reason below it where there is no room beside it."""
    rows = [_row(found, at) for at in range(len(found.signals))]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    used = 2 + sum(each + len(GAP) for each in widths if each)
    lines = []
    for signal, values, row in zip(found.signals, found.ranges, rows, strict=True):
        style = "" if signal.usable else "yellow"
        line = Text(
            GAP + in_cells((cell, size) for cell, size in zip(row, widths, strict=True) if size)
        )
        said = (
            _calibration(signal, "pixel size unknown")
            if signal.usable
            else f"not usable: {signal.reason}"
        )
        said = "; ".join(filter(None, (said, described_range(values))))
        if width - used >= min(_ROOM, cell_len(said)):
            line.append_text(hanging(said, used, width, "", first=0))
        else:
            line = Text(line.plain.rstrip()).append("\n").append_text(hanging(said, 8, width, ""))
        line.stylize(style)
        lines.append(line)
    return lines


def _row(found: "FileContents", at: int) -> tuple[str, str, str, str]:
    """Show a signal: number with the arrow at what is taken, name, shape and dtype."""
    signal = found.signals[at]
    number = f"{'→' if signal.is_taken else ' '} {at}" if len(found.signals) > 1 else ""
    return number, printable(signal.name), _axes(signal), signal.dtype


def _remarks(found: "FileContents", width: int) -> list[Text]:
    """Say what else matters about a file, a line each."""
    said = []
    taken = found.taken
    if taken is not None and taken.channels:
        said.append(f"channels: {', '.join(taken.channels)}")
    if taken is not None and taken.specimen:
        said.append(f"specimen: {taken.specimen}; the rest is an information bar")
    if found.labels is not None:
        classes = ", ".join(f"{at} {each.name}" for at, each in enumerate(found.labels.classes))
        said.append(f"label image of emseg, classes: {classes}")
    if not found.is_lazy:
        said.append(f"read whole: {found.format} files cannot be read in parts")
    return [hanging(printable(each), 2, width, "") for each in (*said, *found.notices)]


def _calibration(signal: "SignalInfo", unknown: str) -> str:
    size = signal.pixel_size
    if size is None:
        return unknown
    return f"{size}; planes {size.z_nm:.4g} nm apart" if size.z_nm else str(size)


def described_range(values: "ValueRange | None") -> str:
    """Show the extremes of the values; empty when nobody asked for them."""
    return f"values {values.low:.6g} to {values.high:.6g}" if values else ""


def _axes(signal: "SignalInfo") -> str:
    """Sizes with the names of their axes: ``4 z × 8 y × 9 x``."""
    words = {"c": "channels"}
    return " × ".join(
        colours_of(size) if axis.name == "s" else f"{size} {words.get(axis.name, axis.name)}"
        for size, axis in zip(signal.shape, signal.axes, strict=True)
    )


def _bytes(path: Path) -> str:
    """Size of a file on the disk; a folder is the sum of its files."""
    path = file_of(path)
    if isinstance(path, RemotePath):
        return "in an object store" if path.is_listed else "on a web server"
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    size = float(sum(each.stat().st_size for each in files))
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.4g} {unit}"
        size /= 1000
    return f"{size:.4g} TB"


def why_bad(report: "Outcome[FileContents]") -> str:
    """Give the reason of a refusal; the file is named beside it."""
    return printable(str(report.error).removeprefix(f"{report.path}").lstrip(": "))
