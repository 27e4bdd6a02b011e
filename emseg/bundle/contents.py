"""The bytes of the files of a model folder: of regular files only, and no more than fit."""

import errno
import os
import stat
from pathlib import Path

from pydantic import ValidationError

from emseg.errors import ModelError
from emseg.memory import free_bytes, in_words
from emseg.naming import visible

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}
_SHARE = 0.9  # of the memory that is free
_LATER = {  # openings that wait for nobody and follow no signal of a terminal; Windows has none
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
}


def read_content(path: Path, most: int | None = None, times: float = 1.0) -> bytes:
    """Read a regular file, and nothing else: a named pipe would be waited for without end.

    Parameters
    ----------
    path : Path
        A file, or a link to one.
    most : int, optional
        Bytes that such a file has at most.
    times : float
        How often the content will lie in memory at once.

    Raises
    ------
    FileNotFoundError
        When there is none.
    ModelError
        When it is no regular file, cannot be read, is larger than such a file can be, or does not
        fit into the memory that is free.
    """
    try:
        with open(_opened(path), "rb") as file:
            _require_fitting(path, os.fstat(file.fileno()).st_size, most, times)
            return file.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {_reason(error)}") from error


def _opened(path: Path) -> int:
    """Open a file without waiting for it, and look at what was opened, not at what was named."""
    descriptor = os.open(path, os.O_RDONLY | sum(_LATER))
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        raise ModelError(
            f"{path} is {_KINDS.get(kind, 'no regular file')} and no regular file; copy the whole "
            "model folder again"
        )
    return descriptor


def _reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a link that leads back to itself; copy the whole model folder again"
    if error.errno == errno.ENXIO:
        return f"it is {_KINDS[stat.S_IFSOCK]}; copy the whole model folder again"
    return f"{error.strerror}; check its permissions"


def _require_fitting(path: Path, size: int, most: int | None, times: float) -> None:
    if most is not None and size > most:
        raise ModelError(
            f"{path} has {size / 1e6:,.0f} MB, and such a file has at most {most / 1e6:,.0f}; "
            "copy the whole model folder again"
        )
    needed, free = times * size, free_bytes()
    if needed > _SHARE * free:
        raise ModelError(
            f"{path} has {in_words(size)}: to read it takes {in_words(int(needed))} of memory and "
            f"{in_words(max(free, 0))} are free; use a machine with more memory"
        )


def problem_of(error: ValidationError | UnicodeDecodeError) -> str:
    """Say in a few words what is wrong with what a file of a model says."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text"
    first = error.errors()[0]
    field = visible(".".join(str(part) for part in first["loc"]))
    said = visible(first["msg"].removeprefix("Value error, "))
    return f"{field:.100}: {said:.300}" if field else f"{said:.300}"
