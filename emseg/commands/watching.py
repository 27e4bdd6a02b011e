"""Files as a microscope writes them: each is taken when it has stopped growing."""

import logging
import os
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from emseg.config import Unattended
from emseg.errors import ContentError, PathMissingError
from emseg.meters import duration
from emseg.reading.finding.files import images_among, list_files, may_come
from emseg.reading.finding.fingerprint import Fingerprint, fingerprint
from emseg.reading.finding.own_results import Result
from emseg.reading.inside import file_of

_LOOK_S = 1.0  # between two looks at the folders
_PAUSE = 9  # times as long as a look took, at least: one at work, nine at rest
_NEVER = Fingerprint(-1, -1)
_Stat = tuple[int, int]
_log = logging.getLogger(__name__)


class Arrivals:
    """Files that come into folders, some at a time, each once for each state that it comes to.

    Parameters
    ----------
    config : PredictConfig or ConvertConfig
        Where they come, and when they are taken.
    skip : collection of Result
        What is none of them.
    """

    def __init__(
        self, config: Unattended, inputs: Sequence[Path], skip: Collection[Result]
    ) -> None:
        for each in inputs:
            if not may_come(each):
                list_files([each])  # refuses what is not there
        self._config, self._inputs, self._skip = config, inputs, skip
        self._settled: dict[Path, _Stat] = {}
        self._growing: dict[Path, tuple[_Stat, float]] = {}  # and since when it is so
        self._taken: dict[Path, Fingerprint | None] = {}

    def __iter__(self) -> Iterator[list[Path]]:
        """Give files that have settled; waits for them."""
        settle, idle = self._config.settle, self._config.idle
        _log.info(
            "watching: files are taken %s after they stopped changing; %s",
            duration(settle),
            "Ctrl-C ends it" if idle is None else f"ends {idle:g} min after the last",
        )
        quiet_since = time.monotonic()
        while True:
            began = time.monotonic()
            if images := self._images(self._new()):
                yield images
            if images or self._growing:
                quiet_since = time.monotonic()
            if idle is not None and time.monotonic() - quiet_since > 60 * idle:
                return
            if not images:  # looking at many thousand files must not take all the time
                looked = time.monotonic() - began
                time.sleep(max(min(_LOOK_S, settle / 2), _PAUSE * looked))

    def _new(self) -> list[Path]:
        """List the files that have settled since the last look."""
        found = []
        for path in self._there():
            stat, now = _stat(path), time.monotonic()
            if stat is None or self._settled.get(path) == stat:
                continue
            before, since = self._growing.get(path, (None, now))
            since = since if before == stat else now
            self._growing[path] = stat, since
            if now - since >= self._config.settle and not is_being_written(path):
                self._settled[path] = stat
                del self._growing[path]
                found.append(path)
        return found

    def _there(self) -> list[Path]:
        found: list[Path] = []
        for each in self._inputs:
            with suppress(ContentError, PathMissingError):  # nothing yet
                found += list_files([each], is_recursive=self._config.recursive)
        return found

    def _images(self, paths: Sequence[Path]) -> list[Path]:
        """Name the images that files belong to, but for those that are taken as they are now."""
        if not paths:
            return []
        try:
            images = images_among(paths, self._skip)
        except ContentError:  # nothing but results
            return []
        states = {path: fingerprint(path) for path in images}
        new = [path for path, state in states.items() if self._taken.get(path, _NEVER) != state]
        self._taken |= states
        return new


def _stat(path: Path) -> _Stat | None:
    """Look at a file, and at all files of a folder that is one image."""
    try:
        said = file_of(path).stat()
    except OSError:
        return None
    if path.is_dir():
        state = fingerprint(path)
        return None if state is None else (state.size, state.modified_ns)
    return said.st_size, said.st_mtime_ns


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
