"""The runs that share a manifest: which of them still work."""

import os
import threading
import time
from contextlib import suppress

import psutil

from emseg.errors import EmsegError
from emseg.manifest.database import Database
from emseg.writing.leftovers import is_alive, this_host

_BEAT_S = 30.0  # a run says that often that it works
_SILENT_S = 600.0  # after which a run of another machine counts as dead
_SAME_S = 1.0  # two processes that have one number, one after the other, begin further apart


class ManifestRun:
    """A run as the others see it.

    Parameters
    ----------
    database : Database
        That they share; the run enters it within a transaction of the caller.
    """

    def __init__(self, database: Database) -> None:
        self._database, self._end = database, threading.Event()
        database.do(
            "INSERT INTO runs (host, process, began, seen) VALUES (?, ?, ?, ?)",
            this_host(),
            os.getpid(),
            psutil.Process().create_time(),
            time.time(),
        )
        self.number: int = database.one("SELECT last_insert_rowid()")[0]
        threading.Thread(target=self._beat, name="emseg is at work", daemon=True).start()

    def leave(self) -> None:
        """Give back what is claimed, within a transaction of the caller."""
        self._end.set()
        self._database.do("DELETE FROM claims WHERE run = ?", self.number)
        self._database.do("DELETE FROM runs WHERE run = ?", self.number)

    def _beat(self) -> None:
        """Say now and then that the run works, for those of other machines."""
        while not self._end.wait(_BEAT_S):
            with suppress(EmsegError), self._database.transaction():
                self._database.do(
                    "UPDATE runs SET seen = ? WHERE run = ?", time.time(), self.number
                )


def dead_runs(database: Database) -> list[int]:
    """List the runs that ended without a word: killed, or of a machine that is gone."""
    runs = database.all("SELECT run, host, process, began, seen FROM runs")
    return [run for run, *said in runs if not _works(*said)]


def _works(host: str, process: int, began: float, seen: float) -> bool:
    if host != this_host():
        return time.time() - seen < _SILENT_S
    if not is_alive(process):
        return False
    try:
        return bool(abs(psutil.Process(process).create_time() - began) < _SAME_S)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
