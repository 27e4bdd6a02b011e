"""What became of each input, kept in the folder of the results: a run goes on where one stopped."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from emseg import __version__
from emseg.errors import ContentError, EmsegError
from emseg.manifest.database import Database
from emseg.manifest.entry import Entry, key_of, path_below, state_of, without_format
from emseg.manifest.made import Made
from emseg.manifest.runs import ManifestRun, dead_runs
from emseg.manifest.table import Row, RunTable, read_table
from emseg.memory import peak_bytes
from emseg.reading.finding.fingerprint import Fingerprint, identity
from emseg.remote import as_path
from emseg.writing.locks import locked
from emseg.writing.texts import as_utf8, from_utf8

NAME = "manifest.sqlite"
"""What it is called in the folder of the results."""

_DONE, _FAILED = "done", "failed"
_SOME = 500  # rows that are read at a time


class Manifest:
    """The manifest of a folder of results; a context manager while a run works.

    Any number of runs share it, on one machine or several. An input is claimed before it is read,
    so that no two runs work on it, and the claim is given back in the transaction that says what
    became of it. A result and its entry cannot appear in one step: the entry is announced in the
    claim before the result takes its place, and the next run settles the claims of those that died.

    Parameters
    ----------
    folder : Path
        Of the results. The manifest is made there when the block begins.
    kind : str
        What is done with inputs: results of another kind are none of this run's business.
    made : Made
        How results are made.
    table : str, optional
        Name of a CSV table of the rows.
    """

    def __init__(self, folder: Path, kind: str, made: Made, table: str | None = None) -> None:
        self.folder, self.kind, self.made = folder, kind, made
        self._path = folder / NAME
        self._table_path = None if table is None else folder / table
        self._began = datetime.now(UTC).isoformat()
        self._database = Database(self._path) if state_of(self._path) else None
        self._run: ManifestRun | None = None
        self._table: RunTable | None = None

    def __enter__(self) -> Self:
        with locked(self._path):
            old = self._old_rows()  # refuses a table of somebody else before anything is made
            self._close()
            self._database = database = Database(self._path)
            if self._table_path is not None:
                self._table = RunTable(self._table_path, database, self.rows)
                if old:
                    self._table.adopt()
            with database.transaction():
                for key, rows in old.items():
                    self._keep_old(key, rows)
                were_killed = bool(dead_runs(database))  # before they could write the table
                self.finished = self._settle_claims_of_dead()
                self._run = ManifestRun(database)
            if self._table is not None:
                self._table.begin(is_behind=were_killed)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Write the table, give back what was claimed; without any result the manifest goes."""
        try:
            with locked(self._path):
                self._leave()
        except EmsegError:
            if kind is None:
                raise
        finally:
            self._close()

    def settle(self) -> None:
        """Take up what runs that have died had finished, before this one begins."""
        if self._database is not None:
            with self._database.transaction():
                self._settle_claims_of_dead()

    def entries(self) -> dict[str, Entry]:
        """List what became of inputs, by their keys; `key_of` gives that of a path."""
        if self._database is None:
            rows = self._old_rows()
            return {key: self._of_old(key, each) for key, each in rows.items()}
        found = self._database.all(
            "SELECT input, said, size, modified_ns, content, outcome, result FROM inputs "
            "LEFT JOIN settings USING (settings) WHERE kind = ?",
            self.kind,
        )
        return {
            key: Entry(
                as_path(from_utf8(key)),
                said,
                None if size is None else Fingerprint(size, modified),
                content,
                outcome == _DONE,
                result,
            )
            for key, said, size, modified, content, outcome, result in found
        }

    def rows(self) -> Iterator[Row]:
        """Give all rows of the table, those of the latest input last."""
        last = 0
        while found := self._of().all(
            "SELECT rowid, rows FROM inputs WHERE rowid > ? AND kind = ? AND rows IS NOT NULL "
            "ORDER BY rowid LIMIT ?",
            last,
            self.kind,
            _SOME,
        ):
            for last, rows in found:  # noqa: B007 - the next ones follow the last
                yield from json.loads(rows)

    def rows_of(self, path: Path) -> tuple[Row, ...]:
        """Give the rows of one input."""
        found = self._of().one(
            "SELECT rows FROM inputs WHERE kind = ? AND input = ?", self.kind, key_of(path)
        )
        return tuple(json.loads(found[0])) if found and found[0] else ()

    def claim(self, path: Path, result: Path | None = None) -> bool:
        """Take an input, unless another run has it or has just done it.

        Parameters
        ----------
        path : Path
            About to be read.
        result : Path or None
            Where its result will lie.

        Raises
        ------
        ContentError
            When another run puts the result of another input there.
        """
        name = None if result is None else without_format(path_below(result, self.folder))
        key, (state, content) = key_of(path), identity(path)
        size, modified = (state.size, state.modified_ns) if state else (None, None)
        database, which = self._of(), "WHERE kind = ? AND input = ?"
        with database.transaction():
            if database.one("SELECT 1 FROM claims WHERE run != ?", self._number):
                self._settle_claims_of_dead()
            taken = database.one(f"SELECT run FROM claims {which}", self.kind, key)
            if taken and taken[0] != self._number:
                return False
            just = database.one(
                f"SELECT 1 FROM inputs {which} AND ended > ? AND outcome = ? AND settings = ? "
                "AND size IS ? AND modified_ns IS ? AND content IS ?",
                self.kind,
                key,
                self._began,
                _DONE,
                self.made.hash,
                size,
                modified,
                content,
            )
            if just:
                return False
            self._refuse_taken(path, name)
            database.do(
                "INSERT OR IGNORE INTO settings VALUES (?, ?)", self.made.hash, self.made.text
            )
            database.do(
                "INSERT OR REPLACE INTO claims (kind, input, run, size, modified_ns, content, "
                "settings, name) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                self.kind,
                key,
                self._number,
                size,
                modified,
                content,
                self.made.hash,
                name,
            )
        return True

    def announce(self, path: Path, result: Path, rows: Sequence[Row] = ()) -> None:
        """Leave word of a result that is about to take its place."""
        with self._of().transaction():
            self._of().do(
                "UPDATE claims SET result = ?, before = ?, rows = ? WHERE kind = ? AND input = ?",
                path_below(result, self.folder),
                json.dumps(state_of(result)),
                json.dumps(rows) if rows else None,
                self.kind,
                key_of(path),
            )

    def finish(self, path: Path, rows: Sequence[Row], seconds: float) -> None:
        """Say that all of an input is done, whose result was announced if it has one.

        Parameters
        ----------
        path : Path
            Claimed before.
        rows : sequence of dict
            For the table; of values that JSON knows.
        seconds : float
            That it took.
        """
        with self._of().transaction():
            said = json.dumps(rows) if rows else None
            self._keep_claimed(self.kind, key_of(path), said, seconds)
        if self._table is not None and rows:
            self._table.note()

    def fail(self, path: Path, reason: str, seconds: float) -> None:
        """Say why nothing came of an input; a result of earlier, and its rows, stay."""
        key, which = key_of(path), "WHERE kind = ? AND input = ?"
        values = [as_utf8(reason), __version__, _now(), seconds, peak_bytes()]
        with self._of().transaction():
            self._of().do(
                "INSERT OR IGNORE INTO inputs (kind, input) VALUES (?, ?)", self.kind, key
            )
            self._of().do(
                "UPDATE inputs SET outcome = ?, (reason, emseg, ended, seconds, memory) = "
                f"(?, ?, ?, ?, ?), (size, modified_ns, content, settings) = (SELECT size, "
                f"modified_ns, content, settings FROM claims {which}) {which}",
                *(_FAILED, *values, self.kind, key, self.kind, key),
            )
            self._of().do(f"DELETE FROM claims {which}", self.kind, key)

    def release(self, path: Path) -> None:
        """Give back an input of which nothing can be said."""
        with self._of().transaction():
            self._of().do(
                "DELETE FROM claims WHERE kind = ? AND input = ?", self.kind, key_of(path)
            )

    @property
    def _number(self) -> int:
        return self._run.number if self._run is not None else 0

    def _of(self) -> Database:
        if self._database is None:
            raise RuntimeError("the manifest is not open")
        return self._database

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None

    def _leave(self) -> None:
        database = self._of()
        try:
            if self._table is not None:
                self._table.write()
        finally:
            with database.transaction():
                if self._run is not None:
                    self._run.leave()
            is_needed = database.one("SELECT 1 FROM runs") or database.one(
                "SELECT 1 FROM inputs WHERE result IS NOT NULL OR rows IS NOT NULL"
            )
            self._close()
            if not is_needed:
                with suppress(OSError):
                    self._path.unlink()

    def _settle_claims_of_dead(self) -> int:
        """Take up what runs had finished that died before they could say so; count that."""
        database, finished = self._of(), 0
        for run in dead_runs(database):
            claims = database.all(
                "SELECT kind, input, result, before, rows FROM claims WHERE run = ?", run
            )
            for kind, key, result, before, rows in claims:
                now = state_of(self.folder / from_utf8(result)) if result else None
                if now not in (None, json.loads(before or "null")):
                    self._keep_claimed(kind, key, rows, None)
                    finished += 1
            database.do("DELETE FROM claims WHERE run = ?", run)
            database.do("DELETE FROM runs WHERE run = ?", run)
        return finished

    def _refuse_taken(self, path: Path, name: str | None) -> None:
        """Refuse a name that another run, at work now, gives the result of another input."""
        taken = self._of().one(
            "SELECT input FROM claims WHERE kind = :kind AND name = :name AND input != :input "
            "UNION SELECT input FROM inputs WHERE kind = :kind AND name = :name "
            "AND input != :input AND ended > :began",
            {"kind": self.kind, "name": name, "input": key_of(path), "began": self._began},
        )
        if taken and Path(from_utf8(taken[0])).exists():
            raise ContentError(
                f"{path}: its result would be called as that of {from_utf8(taken[0])}, which "
                "another run writes into the same folder at this time; do it again, or with "
                "another --out"
            )

    def _keep_claimed(self, kind: str, key: str, rows: str | None, seconds: float | None) -> None:
        """Turn a claim into an entry, in the place of one of an input whose result it replaces.

        Without seconds it is the claim of a run that has died, and what that took is not known.
        """
        memory = None if seconds is None else peak_bytes()
        database, which = self._of(), "WHERE kind = ? AND input = ?"
        claim = database.one(
            f"SELECT size, modified_ns, content, settings, result, name FROM claims {which}",
            kind,
            key,
        )
        others = "FROM inputs WHERE kind = ? AND name = ? AND input != ?"
        database.do(f"DELETE {others}", kind, claim[5], key)
        database.do(
            "INSERT OR REPLACE INTO inputs (kind, input, size, modified_ns, content, settings, "
            "result, name, outcome, rows, emseg, ended, seconds, memory) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(kind, key, *claim, _DONE, rows, __version__, _now(), seconds, memory),
        )
        database.do(f"DELETE FROM claims {which}", kind, key)

    def _old_rows(self) -> dict[str, list[dict[str, str]]]:
        """Read the rows of a table from before there was a manifest, by input."""
        found: dict[str, list[dict[str, str]]] = {}
        if self._table_path is not None and not state_of(self._path):
            for row in read_table(self._table_path):
                found.setdefault(key_of(Path(row["file"])), []).append(row)
        return found

    def _of_old(self, key: str, rows: Sequence[Row]) -> Entry:
        said = rows[0].get("labels")
        result = path_below(Path(from_utf8(str(said))), self.folder) if said else None
        return Entry(as_path(from_utf8(key)), None, None, None, is_done=True, result=result)

    def _keep_old(self, key: str, rows: Sequence[Row]) -> None:
        result = self._of_old(key, rows).result
        self._of().do(
            "INSERT OR IGNORE INTO inputs (kind, input, outcome, result, name, rows) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            self.kind,
            key,
            _DONE,
            result,
            result and without_format(result),
            json.dumps(rows),
        )


def _now() -> str:
    return datetime.now(UTC).isoformat()
