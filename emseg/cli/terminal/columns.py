"""Text in columns of a terminal, where wide characters count twice."""

import textwrap
from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from rich.text import Text

GAP = "  "


def in_cells(cells: Iterable[tuple[str, int]]) -> str:
    """Lay text out in columns; what is too long pushes the rest along."""
    return "".join(set_cell_size(text, max(size, cell_len(text))) + GAP for text, size in cells)


def hanging(text: str, indent: int, width: int, style: str, *, first: int | None = None) -> Text:
    """Wrap a text under itself."""
    start = indent if first is None else first
    room = max(width - indent, 20)
    lines = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
    return Text(" " * start + f"\n{' ' * indent}".join(lines), style)


def shortened(name: str, width: int) -> str:
    """Leave out the middle of a name that is too long: its end tells files apart."""
    while cell_len(name) > width:
        middle = len(name) // 2
        name = name[: middle - 1] + "…" + name[middle + 1 :].lstrip("…")
    return name


def harmless(text: str) -> str:
    """Show what would colour, move or turn round a line of a terminal as a mark; lines stay."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in text)


def printable(text: object) -> str:
    """Show what would move the cursor, as a line break in the name of a file, as a mark."""
    return "".join(each if each.isprintable() else "?" for each in str(text))
