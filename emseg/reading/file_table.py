"""CSV tables that say something about each file: its label, or its group."""

import csv
from collections.abc import Mapping
from pathlib import Path

from emseg.errors import ContentError
from emseg.reading.stack import missing


def read_file_table(path: Path, column: str) -> list[tuple[int, str, str]]:
    """Read the columns ``file`` and one other; the header may be in any case and order.

    Parameters
    ----------
    path : Path
        A CSV file in UTF-8.
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
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            header = {name.strip().lower(): name for name in reader.fieldnames or ()}
            if any(each not in header for each in columns):
                raise ContentError(
                    f"{path} has the columns {', '.join(header) or 'of an empty file'}; it needs "
                    f"file and {column}"
                )
            own = [header[each] for each in columns]
            rows = [(reader.line_num, *_cells(row, own)) for row in reader]
    except OSError as error:
        raise ContentError(
            f"{path} cannot be read as a table ({error.strerror}); name a CSV file with the "
            f"columns file and {column}"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ContentError(f"{path} is no CSV table in UTF-8; save it again as one") from error
    for line, name, said in rows:
        if not name or not said:
            raise ContentError(f"{path} line {line} lacks a file or a {column}; fill it in")
    return rows


def _cells(row: Mapping[str, str | None], columns: list[str]) -> tuple[str, str]:
    file, said = ((row[column] or "").strip() for column in columns)
    return file, said
