"""Tables as CSV."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from pathlib import Path
from typing import TextIO

from emseg.writing.whole import whole_file

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_SAID_BY_USERS = "--pixel-size"  # whence a pixel size comes; a spreadsheet runs nothing for it
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def harmless(value: object) -> object:
    """Keep a spreadsheet from taking text for a formula: ``=1+1`` is written ``'=1+1``.

    Names of files and classes may be anything, and text that begins with ``=``, ``+``, ``-``,
    ``@``, a tab or a line break is run by spreadsheets (OWASP, "CSV Injection"). Numbers stay as
    they are, negative ones too, and so does text that is one, and ``--pixel-size``.
    `emseg.reading.finding.file_table.plain_text` gives the text back.

    Parameters
    ----------
    value : object
        What a cell will hold.
    """
    if value is None or isinstance(value, Number):
        return value
    text = str(value)
    is_plain = _NUMBER.fullmatch(text) or text == _SAID_BY_USERS or not _FORMULA.match(text)
    return text if is_plain else f"'{text}"


class CsvLines:
    """Writes lines of a CSV table, whose text is `harmless`.

    Parameters
    ----------
    handle : text file
        Opened with ``newline=""``.
    """

    def __init__(self, handle: TextIO) -> None:
        self._handle = handle
        # what ends a line is quoted inside a cell: both of these, as both end lines for readers
        self._writer = csv.writer(self, lineterminator="\r\n")

    def add(self, cells: Iterable[object]) -> None:
        """Append a line."""
        self._writer.writerow(map(harmless, cells))

    def write(self, line: str) -> None:
        """Take a line from the writer, and end it as all text of emseg ends lines."""
        self._handle.write(line.removesuffix("\r\n") + "\n")


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as a CSV file in UTF-8, whole or not at all.

    Columns come in the order in which the rows first name them; a value that a row lacks, or
    None, is an empty cell. Floats keep every digit; text is `harmless`.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    rows : sequence of mappings
        Column name to value, one mapping a line.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (
        whole_file(path) as temporary,
        # a file name that is no valid UTF-8 must not lose the table
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as handle,
    ):
        if columns:
            lines = CsvLines(handle)
            lines.add(columns)
            for row in rows:
                lines.add([row.get(name) for name in columns])
