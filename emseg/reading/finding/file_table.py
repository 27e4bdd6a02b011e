"""CSV tables that say something about each file: its label, or its group."""

import csv
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

from emseg.errors import ContentError
from emseg.reading.missing import missing

_SUFFIXES = (".csv", ".tsv")
_SEPARATORS = ",;\t|"  # a semicolon where the comma is that of decimals, a tab from a clipboard
_SAID = re.compile(r"sep=([,;\t|])\r?\n", re.IGNORECASE)  # a first line for spreadsheets
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_FORMULA = re.compile(r"'+[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def is_table(path: Path) -> bool:
    """Whether the name of a file is that of a table."""
    return path.suffix.lower() in _SUFFIXES


def plain_text(cell: str) -> str:
    """Take the apostrophe off that keeps a spreadsheet from taking text for a formula.

    It is what `emseg.writing.tables.harmless` put there.
    """
    return cell[1:] if _FORMULA.match(cell) else cell


def read_file_table(path: Path, column: str) -> list[tuple[int, str, str]]:
    """Read the columns ``file`` and one other; the header may be in any case and order.

    Parameters
    ----------
    path : Path
        A table in UTF-8, or UTF-16 as spreadsheets save it, with commas, semicolons, tabs or bars
        between its columns.
    column : str
        What it says about each file: ``"label"`` or ``"group"``.

    Returns
    -------
    list of (int, str, str)
        Number of the line, file and what is said about it; neither text is empty.

    Raises
    ------
    PathMissingError
        When there is no such table.
    ContentError
        When it cannot be read, lacks a column, or says nothing about a file.
    """
    if not path.exists():
        raise missing(path)
    columns = ("file", column)
    try:
        rows = list(_rows(path, columns))
    except OSError as error:
        raise ContentError(
            f"{path} cannot be read as a table ({error.strerror}); name a CSV file with the "
            f"columns file and {column}"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ContentError(
            f"{path} is no CSV table in UTF-8; save it again as one, in Excel as CSV UTF-8"
        ) from error
    for line, name, said in rows:
        if not name or not said:
            raise ContentError(f"{path} line {line} lacks a file or a {column}; fill it in")
    return rows


def _rows(path: Path, columns: tuple[str, str]) -> Iterator[tuple[int, str, str]]:
    content = path.read_bytes()
    text = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
    skipped = _SAID.match(text)
    text = text[skipped.end() :] if skipped else text
    reader, header = _opened(path, text, columns)
    own = [header[each] for each in columns]
    for row in reader:
        yield (reader.line_num + bool(skipped), *_cells(row, own))


def _opened(
    path: Path, text: str, columns: tuple[str, str]
) -> "tuple[csv.DictReader[str], dict[str, str]]":
    """Find what stands between the columns: with it the header names those that are needed."""
    headers: list[dict[str, str]] = []
    for separator in _SEPARATORS:
        reader = csv.DictReader(StringIO(text, newline=""), delimiter=separator)
        header = {name.strip().lower(): name for name in reader.fieldnames or ()}
        if all(each in header for each in columns):
            return reader, header
        headers.append(header)
    most = max(headers, key=lambda header: len(header))
    found = ", ".join(most) or "(none: it is empty)"
    raise ContentError(f"{path} has the columns {found}; it needs {columns[0]} and {columns[1]}")


def _cells(row: Mapping[str, str | None], columns: list[str]) -> tuple[str, str]:
    file, said = (plain_text((row[column] or "").strip()) for column in columns)
    return file, said
