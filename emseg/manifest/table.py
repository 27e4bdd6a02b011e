"""The rows of a manifest as a CSV table, which people and spreadsheets open."""

import csv
import hashlib
import logging
import time
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

from emseg.errors import NotWritableError
from emseg.manifest.database import Database
from emseg.reading.finding.file_table import plain_text
from emseg.writing.locks import locked
from emseg.writing.tables import CsvLines
from emseg.writing.texts import from_utf8
from emseg.writing.whole import whole_file

Row = dict[str, Any]
Rows = Callable[[], Iterable[Row]]
_SHARE = 50  # times as long as writing the table took passes until it is written again
_log = logging.getLogger(__name__)


class RunTable:
    """A CSV table of the rows in a manifest: complete when a run ends, and nearly so before.

    Writing it takes the longer the more rows there are, so that it is written the more seldom:
    it takes a fiftieth of the time. What another program wrote in its place is kept beside it.

    Parameters
    ----------
    path : Path
        The table.
    database : Database
        Remembers what was written.
    rows : callable
        Gives all rows, again at each call.
    """

    def __init__(self, path: Path, database: Database, rows: Rows) -> None:
        self.path, self._database, self._rows = path, database, rows
        self._next = 0.0
        self._is_behind = False

    def begin(self, *, is_behind: bool) -> None:
        """Say whether rows are known to be missing in the table; one that is gone lacks all."""
        self._is_behind = is_behind or (not self.path.exists() and any(True for _ in self._rows()))

    def note(self) -> None:
        """Say that rows have changed; the table is written when that is due."""
        self._is_behind = True
        if time.monotonic() >= self._next:
            self.write()

    def write(self) -> None:
        """Write all rows, where they have changed.

        Raises
        ------
        NotWritableError, StorageError
            When the table cannot be written.
        """
        if not self._is_behind:
            return
        began = time.monotonic()
        with locked(self.path):
            self._keep_what_others_wrote()
            with whole_file(self.path) as beside:
                self._fill(beside)
                self._remember(beside)
        self._is_behind = False
        self._next = time.monotonic() + _SHARE * (time.monotonic() - began)

    def _fill(self, path: Path) -> None:
        columns = list(dict.fromkeys(name for row in self._rows() for name in row))
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as handle:
            if columns:
                lines = CsvLines(handle)
                lines.add(columns)
                for row in self._rows():
                    lines.add([row.get(name) for name in columns])

    def _remember(self, path: Path) -> None:
        """Note what the table will be, before it is: it is known then, killed or not."""
        content = _content(path)
        with self._database.transaction():
            self._database.do("INSERT OR REPLACE INTO written VALUES (?)", content)
            self._database.do(
                "DELETE FROM written WHERE rowid <= (SELECT max(rowid) FROM written) - 4"
            )

    def _keep_what_others_wrote(self) -> None:
        if not self.path.exists():
            return
        if self._database.one("SELECT 1 FROM written WHERE content = ?", _content(self.path)):
            return
        names = (self.path.with_stem(f"{self.path.stem}-edited-{number}") for number in count(1))
        aside = next(each for each in names if not each.exists())
        self.path.rename(aside)
        _log.warning(
            "%s was changed by another program; that is kept as %s, and the table is written anew",
            self.path,
            aside.name,
        )

    def adopt(self) -> None:
        """Take a table that is there, from before there was a manifest, for one of emseg."""
        if self.path.exists():
            self._remember(self.path)


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a table that emseg wrote; every value is text. None is no error.

    Raises
    ------
    NotWritableError
        When the file is no table of emseg, which must not be lost.
    """
    columns: Iterable[str] = ()
    try:
        path.stat()
    except OSError:  # not there; what else is wrong with the folder is told when it is made
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if "file" in (columns := reader.fieldnames or ()):
                return [
                    {plain_text(each): from_utf8(plain_text(row[each] or "")) for each in columns}
                    for row in reader
                ]
    except (OSError, UnicodeDecodeError, csv.Error):
        columns = ()
    shown = f", its columns are {', '.join(columns)[:80]}" if columns else ""
    raise NotWritableError(
        f"{path} is not as emseg writes it{shown}, and rows are added to it; move it away "
        "or choose another --out"
    )


def _content(path: Path) -> str:
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError as error:
        raise NotWritableError(
            f"{path} cannot be read ({error.strerror}), and rows are added to it; move it away or "
            "choose another --out"
        ) from error
