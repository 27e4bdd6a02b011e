"""Predictions as a table on the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from rich import box
from rich.table import Table

from emseg.reading.finding.stems import shown_names
from emseg.reading.inside import file_of, join, split

_MOST_ROWS = 20
_MOST_CLASSES = 6


def prediction_table(
    rows: Iterable[Mapping[str, object]], paths: Sequence[Path] | None = None
) -> Table:
    """Show the first rows of ``predictions.csv``.

    Parameters
    ----------
    rows : iterable of mapping
        As `emseg.inference.Predicted` holds them, of one task; one at least. Of those that are not
        shown none is kept.
    paths : sequence of Path, optional
        All files, for names that differ; those of the rows that are shown by default.
    """
    left = iter(rows)
    first = list(islice(left, _MOST_ROWS))
    more = sum(1 for _ in left)
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("micrograph")
    table.add_column("pixel size", justify="right")
    fractions = [key for key in first[0] if key.startswith("fraction.")][:_MOST_CLASSES]
    ranks = [key for key in first[0] if key.startswith("class_")][:3]
    for key in fractions or ranks:
        table.add_column(key.removeprefix("fraction.").replace("_", " "), justify="right")
    names = shown_names([file_of(each) for each in paths or map(_path, first)])
    for row in first:
        table.add_row(
            _name(row, names), _size(row), *(_cell(row, key) for key in fractions or ranks)
        )
    if more:
        table.caption = f"and {more} more in predictions.csv"
    return table


def _path(row: Mapping[str, object]) -> Path:
    return Path(str(row["file"]))


def _name(row: Mapping[str, object], names: Mapping[Path, str]) -> str:
    file, inside = split(_path(row))
    name = join(Path(names[file]), inside)
    return str(name) if row["plane"] is None else f"{name}[{row['plane']}]"


def _size(row: Mapping[str, object]) -> str:
    width = row["pixel_width_nm"]
    return f"{width:.4g} nm" if isinstance(width, float) else "unknown"


def _cell(row: Mapping[str, object], key: str) -> str:
    if key.startswith("fraction."):
        return f"{float(str(row[key])):.1%}"
    probability = row[key.replace("class_", "probability_")]
    return f"{row[key]} {float(str(probability)):.1%}"
