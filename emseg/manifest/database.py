"""The database of a manifest: opened, checked, and what goes wrong with it said in a line."""

import errno
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from emseg.errors import NotWritableError, StorageError
from emseg.writing.leftovers import hidden_beside

_VERSION = 1  # of the tables below
_APPLICATION = 0x656D7367  # "emsg", which `file` shows
_PATIENCE_S = 60.0  # a transaction takes milliseconds; whoever holds one longer hangs
_SCHEMA = """
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, host TEXT, process INTEGER, began REAL, seen REAL);
CREATE TABLE settings (settings TEXT PRIMARY KEY, said TEXT);
CREATE TABLE inputs (
    kind TEXT, input TEXT, size INTEGER, modified_ns INTEGER, content TEXT, settings TEXT,
    outcome TEXT, reason TEXT, result TEXT, name TEXT, rows TEXT, emseg TEXT, ended TEXT,
    seconds REAL, memory INTEGER, UNIQUE (kind, input));
CREATE INDEX names ON inputs (kind, name);
CREATE TABLE claims (
    kind TEXT, input TEXT, run INTEGER, size INTEGER, modified_ns INTEGER, content TEXT,
    settings TEXT, result TEXT, name TEXT, before TEXT, rows TEXT, UNIQUE (kind, input));
CREATE TABLE written (content TEXT PRIMARY KEY);
"""


class Database:
    """A connection that several threads may use, one at a time.

    Parameters
    ----------
    path : Path
        The file; made when it is missing.

    Raises
    ------
    NotWritableError
        When it is no manifest of emseg, or a later one, or cannot be written.
    StorageError
        When the disk is full or fails.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        try:
            with self._explained():
                self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Let what the block writes appear at once, or not at all; others wait meanwhile."""
        with self._lock, self._explained():
            self._execute("BEGIN IMMEDIATE")
            try:
                yield
                self._execute("COMMIT")
            except BaseException:
                if self._connection is not None and self._connection.in_transaction:
                    self._execute("ROLLBACK")
                raise

    def do(self, statement: str, *values: Any) -> None:
        """Change something, within a transaction."""
        self._execute(statement, *values)

    def one(self, statement: str, *values: Any) -> Any:
        """Ask for one row; None when there is none."""
        with self._lock, self._explained():
            return self._execute(statement, *values).fetchone()

    def all(self, statement: str, *values: Any) -> list[Any]:
        """Ask for all rows."""
        with self._lock, self._explained():
            return self._execute(statement, *values).fetchall()

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if self._connection is None:
            raise NotWritableError(f"{self.path} is closed already")
        named = len(values) == 1 and isinstance(values[0], dict)
        return self._connection.execute(statement, values[0] if named else values)

    def _open(self) -> None:
        address = self.path.absolute().as_uri()
        if not _knows_locks(self.path):  # one run at a time may use it then
            address += "?nolock=1"
        self._connection = sqlite3.connect(
            address, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False, uri=True
        )
        self._execute("PRAGMA synchronous = NORMAL")  # what one loses power over is done again
        version = self._execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not self._execute("SELECT 1 FROM sqlite_master").fetchone():
            with self.transaction():
                if not self._execute("SELECT 1 FROM sqlite_master").fetchone():
                    for statement in _SCHEMA.split(";"):
                        self._execute(statement)
                    self._execute(f"PRAGMA application_id = {_APPLICATION}")
                    self._execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION:
            raise NotWritableError(
                f"{self.path} is of another version of emseg ({version}; this one knows "
                f"{_VERSION}); use that, or choose another --out"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what SQLite says into a refusal that says what to do."""
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if name in ("SQLITE_NOTADB", "SQLITE_CORRUPT") or not isinstance(
                error, sqlite3.OperationalError
            ):
                raise NotWritableError(
                    f"{self.path} is damaged, or no manifest of emseg ({error}); move it away, or "
                    "choose another --out"
                ) from error
            if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR"):
                raise StorageError(
                    f"{self.path} could not be written: {error}; make room or choose another disk"
                ) from error
            raise NotWritableError(
                f"{self.path} cannot be written: {error}; choose another output folder"
            ) from error


def _knows_locks(path: Path) -> bool:
    """Whether the file system of a path knows the locks by which SQLite keeps processes apart."""
    try:
        fcntl: Any = import_module("fcntl")
    except ImportError:  # Windows has its own, everywhere
        return True
    probe = hidden_beside(path)  # closing the database itself would give up locks on it
    try:
        with probe.open("wb") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)
    finally:
        with suppress(OSError):
            probe.unlink()
    return True
