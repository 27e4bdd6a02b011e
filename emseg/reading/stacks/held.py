"""Keeps the file that a thread read last open for what it reads next of it."""

import atexit
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from emseg.reading.inside import file_of
from emseg.reading.options import ReadOptions
from emseg.reading.signals.signal import OpenFile
from emseg.remote import RemotePath

Opener = Callable[[Path, ReadOptions], OpenFile]


class _Held:
    """The file that a thread read last, open for its next plane; closed with the thread."""

    def __init__(self) -> None:
        self.key: tuple[object, ...] | None = None
        self.source: OpenFile | None = None

    def take(self, path: Path, options: ReadOptions, open_source: Opener) -> OpenFile:
        """Hand over an open file; reopened when it changed and in a forked process."""
        key = (os.getpid(), path, options, *_state(file_of(path)))
        if self.key != key or self.source is None:
            self.release()
            self.source, self.key = open_source(path, options), key
        return self.source

    def release(self) -> None:
        """Close the file."""
        if self.source is not None:
            self.source.close()
        self.source = self.key = None

    def __del__(self) -> None:
        self.release()


def _state(file: Path) -> tuple[int, ...]:
    if isinstance(file, RemotePath):  # asking takes as long as reading
        return ()
    status = file.stat()
    return status.st_mtime_ns, status.st_size


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.held = _Held()


_thread = _PerThread()
atexit.register(lambda: _thread.held.release())  # while the libraries that close it still stand


@contextmanager
def borrowed(
    path: Path, options: ReadOptions, open_source: Opener, *, keep: bool
) -> Iterator[OpenFile]:
    """Open a file for the length of a block.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions
        How it is read.
    open_source : callable
        Opens it.
    keep : bool
        Leave it open for the next block of this thread; it is closed when the thread keeps
        another, or ends.
    """
    if keep:
        yield _thread.held.take(path, options, open_source)
    else:
        with open_source(path, options) as source:
            yield source
