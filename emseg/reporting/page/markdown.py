"""The classes and their scores as a Markdown table to paste."""

import re
from collections.abc import Sequence
from functools import singledispatch

from emseg.evaluation.classification import ClassificationReport
from emseg.evaluation.report import SegmentationReport
from emseg.reporting.page.classified import class_table, numbers_over_all
from emseg.reporting.page.sentences import as_sentence, verdict, with_interval
from emseg.reporting.page.tables import Cell, Table, TableRow, class_tables
from emseg.reporting.page.words import units_of

_SPECIAL = re.compile(r"([\\`*{}\[\]<>|#~]|(?<!\w)_|_(?!\w))")  # within a word _ is a letter


@singledispatch
def markdown_table(report: object) -> str:
    """Write the scores of the classes as a table in Markdown.

    Parameters
    ----------
    report : SegmentationReport or ClassificationReport
        What an evaluation found.

    Returns
    -------
    str
        A sentence, a table for each group of numbers with intervals in brackets, and what the
        intervals are; names are escaped.
    """
    raise TypeError(f"{type(report).__name__} is no report")


@markdown_table.register
def _of_segmentation(report: SegmentationReport) -> str:
    lines = [_escaped(verdict(report)), "", *_caveats(report.caveats)]
    lines += _lines(class_tables(report))
    about = report.confidence
    if about is not None:
        few = ", few units" if about.few_units else ""
        lines += [
            "",
            f"In brackets: {100 * about.level:g} % intervals from {units_of(about)}{few} "
            f"({_escaped(about.method)}).",
        ]
    return "\n".join(lines) + "\n"


@markdown_table.register
def _of_classification(report: ClassificationReport) -> str:
    first = f"{with_interval(numbers_over_all(report)[0])}."
    lines = [_escaped(first), "", *_caveats(report.caveats), *_lines((class_table(report),))]
    return "\n".join(lines) + "\n"


def _caveats(caveats: Sequence[str]) -> list[str]:
    return [line for each in caveats for line in (_escaped(as_sentence(each)), "")]


def _lines(tables: tuple[Table, ...]) -> list[str]:
    lines: list[str] = []
    for table in tables:
        if lines:
            lines += ["", f"**{_escaped(table.heading)}**", ""]
        titles = [column.title for column in table.columns]
        lines += [_line(titles), _line(["---", *["---:"] * (len(titles) - 1)])]
        lines += [_line([_escaped(row.head), *map(_cell, row.cells)]) for row in table.rows]
        if table.foot is not None:
            lines.append(_line(_strong(table.foot)))
    return lines


def _strong(row: TableRow) -> list[str]:
    texts = [_escaped(row.head), *map(_cell, row.cells)]
    return [f"**{text}**" if text else "" for text in texts]


def _line(texts: list[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _cell(cell: Cell) -> str:
    return _escaped(cell.text) + (f" ({_escaped(cell.note)})" if cell.note else "")


def _escaped(text: str) -> str:
    """Keep what has a meaning in Markdown or HTML from having it, and lines from breaking."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
