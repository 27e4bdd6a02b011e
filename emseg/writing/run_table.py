"""The table of a folder of results, to which several runs add: one after the other, or at once."""

import csv
import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from emseg.errors import NotWritableError
from emseg.reading.finding.file_table import plain_text
from emseg.writing.leftovers import hidden_beside, is_abandoned
from emseg.writing.locks import locked
from emseg.writing.tables import write_table
from emseg.writing.texts import as_utf8, from_utf8
from emseg.writing.whole import whole_file

Row = Mapping[str, object]
_FORMAT = re.compile(r"\.(ome\.tif|ome\.zarr|hspy)$")
_FILE, _RESULT, _PLANE = "file", "labels", "plane"


class RunTable:
    """A CSV table whose rows belong to results in its folder.

    Rows of a result replace the earlier ones of the same result, in whatever format that was, and
    all others stay. What has no result of its own, as the answers of a classifier, is known by its
    file and plane.

    A result and its rows cannot appear in one step. So the rows are announced in a hidden file
    before the result takes its place; the next run into the folder adds those of results that a
    killed run has finished.

    Parameters
    ----------
    path : Path
        The table; its rows have the columns ``file``, ``plane`` and, for results, ``labels``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._announced: Path | None = None
        self._seen: tuple[int, ...] | None = None
        self._rows: list[Row] = []

    def rows(self) -> list[Row]:
        """Read all rows that are there now; every value is text.

        Raises
        ------
        NotWritableError
            When the file is no table of emseg, which must not be lost.
        """
        state = _state(self.path)
        if state is None:
            return []
        if state != self._seen:
            self._rows, self._seen = self._read(), state
        return list(self._rows)

    def results(self) -> dict[str, str]:
        """Say which file each result comes from, by its path below the folder of the table."""
        return {key: str(row[_FILE]) for row in self.rows() if (key := self._result(row))}

    def stems(self) -> dict[str, str]:
        """Say which file each result that is there comes from, by its path without its format."""
        return {
            _FORMAT.sub("", result): file
            for result, file in self.results().items()
            if (self.path.parent / from_utf8(result)).exists()
        }

    def take_up(self) -> int:
        """Add the rows of results that killed runs had finished; say of how many results."""
        found = [each for each in self.path.parent.glob(".rows-*") if is_abandoned(each.name)]
        count = 0
        for announced in found:
            with suppress(OSError, ValueError, KeyError, TypeError):  # cut in the middle
                said = json.loads(announced.read_text(encoding="utf-8"))
                before = said["before"] and tuple(said["before"])
                if _state(self.path.parent / said["result"]) not in (None, before):
                    self.add(said["rows"])
                    count += 1
            with suppress(OSError):
                announced.unlink()
        return count

    def announce(self, result: Path, rows: Sequence[Row]) -> None:
        """Leave word of the rows of a result that is about to take its place."""
        self.withdraw()
        self._announced = hidden_beside(self.path, "rows")
        said = {
            "result": os.path.relpath(result, self.path.parent),
            "before": _state(result),
            "rows": list(rows),
        }
        with whole_file(self._announced) as beside:
            beside.write_text(json.dumps(said), encoding="utf-8")

    def withdraw(self) -> None:
        """Take back what was announced."""
        if self._announced is not None:
            with suppress(OSError):
                self._announced.unlink()
        self._announced = None

    def add(self, rows: Sequence[Row]) -> list[Row]:
        """Add the rows of one result, or of one file without any; give back those replaced.

        Raises
        ------
        NotWritableError, StorageError
            When the table cannot be written.
        """
        new = {self._key(row) for row in rows}
        with locked(self.path):
            before = self.rows()
            kept = [row for row in before if self._key(row) not in new]
            write_table(self.path, [*kept, *rows])
            self._rows, self._seen = [*kept, *rows], _state(self.path)
        self.withdraw()
        return [row for row in before if self._key(row) in new]

    def _read(self) -> list[Row]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, strict=True)
                if _FILE in (columns := reader.fieldnames or ()):
                    return [
                        {plain_text(each): _text(row[each]) for each in columns} for row in reader
                    ]
        except (OSError, UnicodeDecodeError, csv.Error):
            columns = ()
        shown = f", its columns are {', '.join(columns)[:80]}" if columns else ""
        raise NotWritableError(
            f"{self.path} is not as emseg writes it{shown}, and rows are added to it; move it away "
            "or choose another --out"
        )

    def _key(self, row: Row) -> tuple[str, ...]:
        result = self._result(row)
        if result:
            return (_FORMAT.sub("", result),)
        plane = row.get(_PLANE)
        return as_utf8(str(row[_FILE])), "" if plane is None else str(plane)

    def _result(self, row: Row) -> str:
        """Path of the result below the folder, however the folder was named when it was made."""
        parts = Path(as_utf8(str(row.get(_RESULT) or ""))).parts
        folder = as_utf8(self.path.parent.resolve().name)
        below = parts[parts.index(folder) + 1 :] if folder in parts else parts
        return "/".join(below)


def _text(cell: str | None) -> str:
    return from_utf8(plain_text(cell or ""))


def _state(path: Path) -> tuple[int, ...] | None:
    """Tell one version of a file, or of a folder that is one image, from the next."""
    try:
        said = path.stat()
    except OSError:
        return None
    return said.st_ino, said.st_mtime_ns, said.st_size
