"""What ended the program, in one line, and the exit code that says so."""

import errno
import os
from contextlib import suppress

import typer

from emseg.errors import EmsegError

_SHORT_OF_MEMORY = 4
_NOTHING_LEFT = (
    b"emseg: error: more memory is needed than is free; raise ulimit -v where it is set, close "
    b"other programs, or work on smaller files\n"
)
_RESERVED = 48_000_000  # bytes of addresses
_MACHINE = {  # what a system refuses where no room expects it, and the code to leave with
    errno.ENAMETOOLONG: 2,
    errno.EACCES: 2,
    errno.EPERM: 2,
    errno.EROFS: 2,
    errno.ENOSPC: 4,
    errno.EIO: 4,
}
_DEFECT = "this is a defect in emseg: please report it with what --debug prints"
_reserve: list[bytes] = []


def reserve() -> None:
    """Keep some memory back, by which an error can be told when nothing else is left."""
    with suppress(MemoryError):
        _reserve.append(bytes(_RESERVED))  # never touched: a bytearray would be written, for 0.2 s


def refused(error: Exception) -> int:
    """Say in one line what ended the program; give back the exit code."""
    _reserve.clear()
    try:
        return _told(error)
    except MemoryError:
        os.write(2, _NOTHING_LEFT)
        return _SHORT_OF_MEMORY


def _told(error: Exception) -> int:
    if (said := _short_of_memory(error)) is not None:
        return complain(error, said, _SHORT_OF_MEMORY)
    if isinstance(error, EmsegError):
        return complain(error, str(error), error.exit_code)
    if isinstance(error, typer.TyperException):
        return complain(error, _usage(error), error.exit_code)
    if isinstance(error, OSError) and error.errno in _MACHINE:
        where = error.filename or "what is printed or written"
        line = f"{where}: {error.strerror}; check the path, its permissions and the disk"
        return complain(error, line, _MACHINE[error.errno])
    return complain(error, f"{type(error).__name__}: {error}; {_DEFECT}", 1)


def _short_of_memory(error: Exception) -> str | None:
    """Say that memory was short, where that is what happened and the error does not say it."""
    from emseg.memory import is_shortage, shortage

    if isinstance(error, EmsegError):
        is_told = any(f"{each} memory" in str(error) for each in ("of", "into", "more", "free"))
        if is_told or error.__cause__ is None:
            return None
    return shortage(error) if is_shortage(error) else None


def complain(error: Exception | None, line: str, code: int) -> int:
    """Print an error, as a traceback too with ``--debug``; give back its exit code."""
    from emseg.cli.terminal import console

    if console.is_debugging() and error:
        console.show_traceback(error)
    console.complain(" ".join(line.split()))
    return code


def _usage(error: typer.TyperException) -> str:
    """Say what is wrong with the options, and where to look."""
    context = getattr(error, "ctx", None)
    called = context.command_path if context else "emseg"
    mistyped = getattr(error, "option_name", None)
    if mistyped is not None and hasattr(error, "possibilities"):
        from emseg.cli.frame.mistyped import option_meant

        parameters = context.command.params if context else []
        options = [word for each in parameters for word in (*each.opts, *each.secondary_opts)]
        meant = option_meant(mistyped, options)
        return f"there is no option {mistyped}; {meant or f'see {called} --help'}"
    return f"{error.format_message().rstrip('.')}; see {called} --help"
