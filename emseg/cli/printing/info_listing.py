"""What ``emseg info`` prints about many files: a line each, as soon as it is known."""

import os
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from emseg.cli.printing.info_text import described_range, why_bad
from emseg.cli.terminal.columns import GAP, hanging, in_cells, printable, shortened
from emseg.remote import as_path

if TYPE_CHECKING:
    from emseg.outcomes import Outcome
    from emseg.reading import FileContents, SignalInfo

_NAME, _SHAPE, _DTYPE = 30, 17, 7  # widths; names take more where there is room


class Listing:
    """A line a file, in columns whose widths are known before the first file is opened.

    Parameters
    ----------
    paths : sequence of Path
        All files that will be told.
    width : int
        Columns of the terminal.
    """

    def __init__(self, paths: Sequence[Path], width: int) -> None:
        levels = zip(*(path.parent.parts for path in paths), strict=False)
        shared = [level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels)]
        self._folder = as_path(Path(*shared)) if shared else None
        self._width = width
        longest = max(cell_len(self._name(path)) for path in paths)
        self._names = min(longest, max(_NAME, width - 70))

    @property
    def heading(self) -> Text:
        """The folder, where all files lie in one, and the names of the columns."""
        cells = ("file", self._names), ("shape", _SHAPE), ("dtype", _DTYPE)
        first = f"{printable(self._folder)}{os.sep}\n" if self._folder else ""
        return Text(first, "bold").append(in_cells(cells) + "pixel size", "not bold dim")

    def line(self, report: "Outcome[FileContents]") -> Text:
        """Sum up a file by the signal that is taken, or say why there is none."""
        name = shortened(self._name(report.path), self._names)
        found = report.found
        if report.error is not None:
            return self._reason(name, why_bad(report), "red")
        taken = found.taken if found else None
        if found is None or taken is None:
            return self._reason(name, _no_image(found), "yellow")
        cells = ((name, self._names), (taken.sizes, _SHAPE), (taken.dtype, _DTYPE))
        line = Text(in_cells(cells))
        return line.append_text(_fitting(_facts(found, taken), self._width - line.cell_len))

    def summary(self, reports: Iterable["Outcome[FileContents]"]) -> Text:
        """Count what was found."""
        reports = list(reports)
        bad = sum(report.error is not None for report in reports)
        taken = [each.found.taken for each in reports if each.found and not each.error]
        images = [each for each in taken if each]
        unknown = sum(each.pixel_size is None for each in images)
        said = f"{len(images):,} of {len(reports):,} files hold an image"
        if unknown:
            said += f", {unknown:,} of them of unknown pixel size"
        if bad:
            said += f"; {bad:,} cannot be read"
        return Text(said, "dim")

    def _name(self, path: Path) -> str:
        return printable(path.relative_to(self._folder) if self._folder else path)

    def _reason(self, name: str, reason: str, style: str) -> Text:
        indent = self._names + len(GAP)
        line = Text(in_cells([(name, self._names)]))
        return line.append_text(hanging(reason, indent, self._width, style, first=0))


def _no_image(found: "FileContents | None") -> str:
    signals = found.signals if found else ()
    if any(each.usable for each in signals) and found:
        return "; ".join(found.notices)
    reasons = list(dict.fromkeys(each.reason for each in signals))
    more = f", and {len(reasons) - 1} more signals" if len(reasons) > 1 else ""
    return f"no image: {reasons[0]}{more}" if reasons else "no image: it is empty"


def _facts(found: "FileContents", taken: "SignalInfo") -> list[tuple[str, str]]:
    """Say what a line has room for, the most important first, with the style of each."""
    size, count = taken.pixel_size, len(found.signals)
    length, _, source = str(size).partition(", from ") if size else ("unknown", "", "")
    values = found.ranges[found.signals.index(taken)]
    classes = ", ".join(each.name for each in found.labels.classes) if found.labels else ""
    facts = [
        (length, ""),
        (described_range(values), ""),
        (f"1 of {count} signals" if count > 1 else "", "dim"),
        (f"labels: {classes}" if classes else "", "dim"),
        (source, "dim"),
        (f"planes {size.z_nm:.4g} nm apart" if size and size.z_nm else "", "dim"),
    ]
    return [fact for fact in facts if fact[0]]


def _fitting(facts: list[tuple[str, str]], room: int) -> Text:
    """Put facts behind each other as far as there is room; the first one in any case."""
    line = Text(*facts[0])
    for text, style in facts[1:]:
        if line.cell_len + len(GAP) + cell_len(text) <= room:
            line.append(GAP + text, style)
    return line
