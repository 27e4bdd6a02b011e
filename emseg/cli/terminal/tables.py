"""Plain tables on the terminal: no lines, the first column to the left."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from emseg.evaluation.confidence import Interval


def new_table(first: str, *others: str, left: tuple[str, ...] = ()) -> Table:
    """Begin a table; columns are aligned to the right, but for the first and those named."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="left" if name in left else "right", overflow="fold")
    return table


def add_row(table: Table, *cells: str, style: str = "") -> None:
    """Add a row of text, taken as it is."""
    table.add_row(*(Text(cell) for cell in cells), style=style)


def score(value: float | None) -> str:
    """Write a score between 0 and 1; a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"


def between(interval: "Interval | None", sign: str = "") -> str:
    """Write the ends of an interval; a dash where there is none."""
    return f"{interval.low:{sign}.3f} to {interval.high:{sign}.3f}" if interval else "-"


def basis(interval: "Interval") -> str:
    """Say what intervals rest on."""
    many = {"block of one image": "blocks of the one image"}.get(interval.unit, f"{interval.unit}s")
    few = ", few units" if interval.few_units else ""
    return (
        f"{100 * interval.level:.0f} % intervals: {interval.method}, {interval.units} {many}{few}."
    )
