"""One process at a time: a lock on a file that several runs may write."""

import contextlib
import importlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emseg.errors import UsageError

_PATIENCE_S = 60  # a table is written in far less; whoever holds it longer hangs
_PAUSE_S = 0.02
_BUSY = -1  # no handle of a file: another process has the lock


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other runs of emseg from a file while the block reads and writes it.

    The lock is on a hidden file beside it that is gone afterwards; a run that was killed
    holds none. Where the file system knows no locks the block goes on without one.

    Parameters
    ----------
    path : Path
        The file that is protected; its folder exists.
    """
    beside = path.with_name(f".{path.name}.lock")
    with _released(beside, _held(beside, _PATIENCE_S)):
        yield


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let one run at a time into the block; another is refused at once.

    Parameters
    ----------
    path : Path
        What it works on; its folder exists. The lock is as in `locked`.

    Raises
    ------
    UsageError
        When another process is in such a block.
    """
    beside = path.with_name(f".{path.name}.lock")
    handle = _held(beside, patience_s=_PAUSE_S)
    if handle == _BUSY:
        raise UsageError(
            f"another emseg is at work in {path.parent}; wait for it, or stop it, or take another "
            "folder"
        )
    with _released(beside, handle):
        yield


@contextlib.contextmanager
def _released(beside: Path, handle: int | None) -> Iterator[None]:
    try:
        yield
    finally:
        if handle is not None and handle != _BUSY:
            with contextlib.suppress(OSError):  # while it is held, or the next one loses it
                beside.unlink()
            os.close(handle)


def _held(beside: Path, patience_s: float) -> int | None:
    """Open and lock the file; None where locks are unknown, `_BUSY` where another has it."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        try:
            handle = os.open(beside, os.O_RDWR | os.O_CREAT)
        except OSError:
            return None
        try:
            _lock(handle)
            if os.path.samestat(os.fstat(handle), beside.stat()):
                return handle
        except FileNotFoundError:
            pass  # the one before has removed it meanwhile: the next turn makes another
        except (BlockingIOError, PermissionError):
            time.sleep(_PAUSE_S)
        except OSError:
            os.close(handle)
            return None
        os.close(handle)
    return _BUSY


def _lock(handle: int) -> None:
    """Lock an open file; raises BlockingIOError or PermissionError when another one has it."""
    if os.name == "posix":
        fcntl: Any = importlib.import_module("fcntl")
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt: Any = importlib.import_module("msvcrt")
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
