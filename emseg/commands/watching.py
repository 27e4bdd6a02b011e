"""Files as a microscope writes them: each is taken when it has stopped growing."""

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from emseg.meters import duration
from emseg.reading.finding.fingerprint import Fingerprint, fingerprint
from emseg.reading.inside import file_of

_LOOK_S = 1.0  # between two looks at the folders
_log = logging.getLogger(__name__)


class Arrivals:
    """Files that come into folders, some at a time, each once for each state that it comes to.

    Parameters
    ----------
    find : callable
        Lists the files that are there.
    settle : float
        Seconds in which a file must not change to be taken.
    idle : float or None
        Minutes without anything new after which nothing more is awaited; None for any time.
    """

    def __init__(
        self, find: Callable[[], Sequence[Path]], settle: float, idle: float | None
    ) -> None:
        self._find, self._settle, self._idle = find, settle, idle
        self._seen: dict[Path, tuple[Fingerprint | None, float]] = {}  # state, and since when
        self._taken: dict[Path, Fingerprint | None] = {}

    def __iter__(self) -> Iterator[list[Path]]:
        """Give files that have settled; waits for them."""
        _log.info(
            "watching: files are taken %s after they stopped changing; %s",
            duration(self._settle),
            "Ctrl-C ends it" if self._idle is None else f"ends {self._idle:g} min after the last",
        )
        quiet_since = time.monotonic()
        while True:
            began = time.monotonic()
            if settled := self._settled():
                yield settled
                quiet_since = time.monotonic()
                continue
            if self._is_growing():
                quiet_since = time.monotonic()
            if self._idle is not None and time.monotonic() - quiet_since > 60 * self._idle:
                return
            # looking at ten thousand files takes a while, and must not take all of it
            time.sleep(max(min(_LOOK_S, self._settle / 2), 4 * (time.monotonic() - began)))

    def _settled(self) -> list[Path]:
        settled = []
        for path in self._find():
            state, now = fingerprint(path), time.monotonic()
            if path in self._taken and self._taken[path] == state:
                continue
            before, since = self._seen.get(path, (None, now))
            if before != state or path not in self._seen:
                since = now
            self._seen[path] = state, since
            if state is not None and now - since >= self._settle and not is_being_written(path):
                settled.append(path)
                self._taken[path] = state
                del self._seen[path]
        return settled

    def _is_growing(self) -> bool:
        return bool(self._seen)


def is_being_written(path: Path) -> bool:
    """Whether another process has a file open for writing, where the system tells.

    Linux gives a lease for reading on a file of one's own only while nobody has it open for writing
    (fcntl(2), ``F_SETLEASE``). Elsewhere, and on file systems without leases, it says no.
    """
    file = file_of(path)
    with suppress(ImportError, AttributeError):
        fcntl: Any = import_module("fcntl")
        lease, read, none = fcntl.F_SETLEASE, fcntl.F_RDLCK, fcntl.F_UNLCK
        try:
            handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            fcntl.fcntl(handle, lease, read)
            fcntl.fcntl(handle, lease, none)
        except BlockingIOError:
            return True
        except OSError:  # not our file, or a file system that knows no leases
            return False
        finally:
            os.close(handle)
    return False
