"""Hidden files that are being written, and what of them a process that was killed has left.

Their names say who writes them: ``.emseg-PID-HOST-TOKEN.tif``. HOST stands for the machine and,
in a container, for its own count of processes, so that nobody takes a process of another machine
that shares the folder for a dead one.
"""

import hashlib
import os
import platform
import re
import shutil
from contextlib import suppress
from functools import cache
from pathlib import Path
from secrets import token_hex

_OWNED = re.compile(r"\.(?:emseg|rows)-(\d+)-(?:([0-9a-f]{6})-)?")
_US = token_hex(3)  # in the names that this process gives, and in none of one that had its number


def hidden_beside(path: Path, kind: str = "emseg") -> Path:
    """Name a hidden file in the folder of ``path`` unlike that of any other process.

    Its name is short, because names end at 255 bytes, and keeps the suffix.
    """
    name = f".{kind}-{os.getpid()}-{this_host()}-{_US}{token_hex(4)}{path.suffix[-16:]}"
    return path.parent / name


def is_abandoned(name: str) -> bool:
    """Whether a hidden file belongs to a process of this machine that no longer runs."""
    found = _OWNED.match(name)
    if found is None or found[2] not in (None, this_host()):
        return False
    if int(found[1]) == os.getpid():  # another one that had our number, as in containers
        return f"-{_US}" not in name
    return not is_alive(int(found[1]))


@cache
def sweep(folder: Path) -> None:
    """Remove what killed processes were writing into a folder.

    Once for each folder, which is named absolutely, and process.
    """
    try:
        names = [each.name for each in os.scandir(folder) if each.name.startswith(".emseg-")]
    except OSError:  # not there yet; what else is wrong is told when it is written
        return
    for name in filter(is_abandoned, names):
        path = folder / name
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def is_alive(number: int) -> bool:
    """Whether a process of this machine runs."""
    if os.name != "posix":  # where signal 0 is not a question
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


@cache
def this_host() -> str:
    """Six characters for this machine and its count of processes."""
    try:
        count = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # only Linux has several
        count = ""
    return hashlib.sha256(f"{platform.node()} {count}".encode()).hexdigest()[:6]
