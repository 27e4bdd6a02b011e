"""Tables that grow while the work goes on, for more rows than fit into memory."""

import importlib
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from emseg.errors import UsageError
from emseg.writing.tables import CsvLines
from emseg.writing.texts import as_utf8
from emseg.writing.whole import whole_file

Row = Mapping[str, object]


class GrowingTable(Protocol):
    """What takes rows, some at a time."""

    def add(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Append rows, none too; the columns are those of the first call."""


@contextmanager
def growing_csv(path: Path) -> Iterator[GrowingTable]:
    """Write a CSV file in UTF-8 whose rows come little by little; whole or not at all.

    None is an empty cell; floats keep every digit; text is `harmless`.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced when the block ends well.

    Yields
    ------
    GrowingTable
        Takes the rows, all with the same columns.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    with (
        whole_file(path) as beside,
        # a file name that is no valid UTF-8 must not lose the table
        beside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as handle,
    ):
        yield _Csv(handle)


@contextmanager
def growing_parquet(path: Path) -> Iterator[GrowingTable]:
    """Write a Parquet file whose rows come little by little; whole or not at all.

    Text, booleans and whole numbers keep their type, everything else is a double; None is null.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced when the block ends well.

    Yields
    ------
    GrowingTable
        Takes the rows, all with the same columns.

    Raises
    ------
    UsageError
        When pyarrow is not installed; see `require_parquet`.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    require_parquet()
    with whole_file(path) as beside:
        table = _Parquet(beside)
        try:
            yield table
        finally:
            table.close()


def require_parquet() -> None:
    """Make sure, before hours of work, that Parquet can be written.

    Raises
    ------
    UsageError
        When pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise UsageError(
            "--parquet needs pyarrow, which is not installed; install it with "
            "pip install 'emseg[parquet]', or take objects.csv, which holds the same"
        )


class _Csv:
    def __init__(self, handle: TextIO) -> None:
        self._lines = CsvLines(handle)
        self._columns: Sequence[str] = ()

    def add(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if not self._columns:
            self._columns = columns
            self._lines.add(columns)
        for row in rows:
            self._lines.add([row[name] for name in self._columns])


class _Parquet:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._arrow: Any = importlib.import_module("pyarrow")
        self._columns: Sequence[str] = ()
        self._schema: Any = None
        self._writer: Any = None
        self._file: Any = None

    def add(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self._columns = self._columns or columns
        if not rows:
            return
        if self._writer is None:
            self._open([(name, self._type(rows[0][name])) for name in self._columns])
        stored = [{name: _stored(value) for name, value in row.items()} for row in rows]
        self._writer.write_table(self._arrow.Table.from_pylist(stored, schema=self._schema))

    def close(self) -> None:
        """Write the last bytes; the columns of a table without a row have no type."""
        if self._writer is None:
            self._open([(name, self._arrow.null()) for name in self._columns])
        self._writer.close()
        self._file.close()

    def _open(self, fields: list[tuple[str, Any]]) -> None:
        parquet = importlib.import_module("pyarrow.parquet")
        self._schema = self._arrow.schema(fields)
        self._file = self._path.open("wb")  # whose name pyarrow would want in UTF-8
        self._writer = parquet.ParquetWriter(self._file, self._schema)

    def _type(self, value: object) -> Any:
        if isinstance(value, bool):
            return self._arrow.bool_()
        if isinstance(value, int):
            return self._arrow.int64()
        return self._arrow.string() if isinstance(value, str) else self._arrow.float64()


def _stored(value: object) -> object:
    """Take a value as it is, and a file name that is no valid UTF-8 as the CSV table has it."""
    return as_utf8(value) if isinstance(value, str) else value
