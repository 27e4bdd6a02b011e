"""Output folders that are named by emseg: the first number that nobody has taken."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from emseg.errors import NotWritableError

_NUMBERED = re.compile(r"(.*-)(\d+)")


def free(name: str) -> Path:
    """Find the first of runs/NAME-1, runs/NAME-2, ... that there is not."""
    number = 1
    while (Path("runs") / f"{name}-{number}").exists():
        number += 1
    return Path("runs") / f"{name}-{number}"


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """Take a free folder before another process does; one that stays empty is removed again.

    Parameters
    ----------
    folder : Path
        As `free` found it; a later number when it has been taken since.

    Yields
    ------
    Path
        An empty folder that no other run writes into.

    Raises
    ------
    NotWritableError
        When no folder can be made here.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        while not _is_made(folder):
            folder = _following(folder)
    except OSError as error:
        raise NotWritableError(
            f"{folder} cannot be made: {error.strerror}; choose a folder with --out"
        ) from error
    try:
        yield folder
    finally:
        for each in (folder, *made):
            with suppress(OSError):  # it holds something, or is gone
                each.rmdir()


def _is_made(folder: Path) -> bool:
    """Make a folder; False when another run has it."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _following(folder: Path) -> Path:
    found = _NUMBERED.fullmatch(folder.name)
    if found is None:
        return folder.with_name(f"{folder.name}-2")
    return folder.with_name(f"{found[1]}{int(found[2]) + 1}")
