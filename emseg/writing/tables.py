"""Tables as CSV."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from emseg.writing.whole import whole_file


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as a CSV file in UTF-8, whole or not at all.

    Columns come in the order in which the rows first name them; a value that a row lacks, or
    None, is an empty cell. Floats keep every digit.

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
        writer = csv.DictWriter(handle, columns, restval="", lineterminator="\n")
        if columns:
            writer.writeheader()
            writer.writerows(rows)
