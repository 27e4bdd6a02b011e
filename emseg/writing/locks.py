"""One process at a time: a lock on a file that several runs may write."""

import contextlib
import importlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PATIENCE_S = 60  # a table is written in far less; whoever holds it longer hangs
_PAUSE_S = 0.02


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
    handle = _held(beside)
    try:
        yield
    finally:
        if handle is not None:
            with contextlib.suppress(OSError):  # while it is held, or the next one loses it
                beside.unlink()
            os.close(handle)


def _held(beside: Path) -> int | None:
    """Open and lock the file; None where that cannot be done."""
    until = time.monotonic() + _PATIENCE_S
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
    return None


def _lock(handle: int) -> None:
    """Lock an open file; raises BlockingIOError or PermissionError when another one has it."""
    if os.name == "posix":
        fcntl: Any = importlib.import_module("fcntl")
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt: Any = importlib.import_module("msvcrt")
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
