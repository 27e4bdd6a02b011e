"""How much memory this process may still take, and what happens where something needs more.

The machine has a limit, a container has one (cgroups), and so has a shell (``ulimit -v``, ``-d``).
What is free is the least that one of them leaves.
"""

import ctypes
import errno
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import psutil

from emseg.errors import ContentError

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_KINDS = (  # version 2 and 1: limit, use, and what of it the kernel gives back when it is asked
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
_IN_MEMORY = ("tmpfs", "ramfs")
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # malloc.h of glibc
_KEPT, _TAKEN = 1 << 30, 1 << 26  # bytes at the end of the heap: left there, and taken at once
_SMALL = 64_000_000  # bytes that are asked for without a look at what is free
_SAID = (  # by libraries that raise no MemoryError
    "allocate memory",
    "memory allocation",
    "not enough memory",
    "out of memory",
    "tried to allocate",
    "bad_alloc",
    "bad alloc",
    "unable to allocate",
    "failed to map segment",
    "start new thread",
    "resource temporarily unavailable",
    "could not create a memory",
)


def free_bytes() -> int:
    """Memory that this process may still take, in bytes.

    The least of what the machine has available, what the container leaves (Linux kernel
    documentation, cgroup-v2 "memory.max" and cgroup-v1 "memory.limit_in_bytes", each with those
    above it), and what the shell allows (setrlimit: RLIMIT_AS, RLIMIT_DATA).
    """
    return max(0, min([int(psutil.virtual_memory().available), *_of_container(), *_of_shell()]))


@cache
def peak_bytes() -> int:
    """Most memory that this process has had so far, in bytes."""
    said = psutil.Process().memory_info()
    if hasattr(said, "peak_wset"):  # Windows
        return int(said.peak_wset)
    if resource is None:
        return int(said.rss)
    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def keep_freed() -> None:
    """Let the C library keep the memory that a step of a training frees for the next one.

    By default glibc gives large pieces back and takes fresh pages, which the kernel fills with
    zeros first: a fifth of a step of a small network (benchmarks/steps.py). Other C libraries are
    left alone; so is one that the user has told (mallopt(3)).
    """
    if any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return
    with suppress(OSError, AttributeError, ValueError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
        mallopt(_M_TOP_PAD, _TAKEN)


def free_on_disk(folder: Path) -> int:
    """Bytes that may be written into a folder; one that lies in memory takes memory.

    Parameters
    ----------
    folder : Path
        It exists.
    """
    mounted = {Path(each.mountpoint): each.fstype for each in psutil.disk_partitions(all=True)}
    above = (each for each in (folder.resolve(), *folder.resolve().parents) if each in mounted)
    is_memory = mounted.get(next(above, folder)) in _IN_MEMORY
    free = shutil.disk_usage(folder).free
    return min(free, free_bytes()) if is_memory else free


def require_free(needed: int, what: str, instead: str) -> None:
    """Refuse what needs more memory than is free.

    Parameters
    ----------
    needed : int
        Bytes.
    what : str
        What needs them, with its file.
    instead : str
        What a user can do.

    Raises
    ------
    ContentError
        With both numbers.
    """
    if needed < _SMALL:
        return
    free = free_bytes()
    if needed > free:
        raise ContentError(
            f"{what} needs {in_words(needed)} of memory and {in_words(free)} are free; {instead}"
        )


def in_words(count: int) -> str:
    """Write a number of bytes: ``"3.6 GB"``, ``"150 MB"``."""
    return f"{count / 1e9:,.1f} GB" if count >= 999_500_000 else f"{count / 1e6:,.0f} MB"


def is_shortage(error: BaseException) -> bool:
    """Whether an error, or what it came from, means that memory was short."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    said = str(error).lower()
    if isinstance(error, (OSError, RuntimeError, ImportError)) and any(s in said for s in _SAID):
        return True
    if isinstance(error, SystemError) and "without" in said and _limits_of_shell():
        return True  # a library that got no memory, and forgot to say so
    came_from = error.__cause__ or error.__context__
    return came_from is not None and came_from is not error and is_shortage(came_from)


def shortage(error: BaseException | None = None) -> str:
    """Say in a line that memory was short, how much is free, and what to do.

    Parameters
    ----------
    error : exception or None
        What was raised: memory of the machine, or of the GPU, was short.
    """
    said = str(error).lower()
    if "cuda" in said and "out of memory" in said:
        return (
            "the GPU has too little free memory; end other programs that use it, or take a smaller "
            "--batch or --crop-size in train, or --tile in predict"
        )
    limits = [f"ulimit {option} {soft // 1024}" for option, soft in _limits_of_shell()]
    by_whom = f", as this shell allows ({', '.join(limits)})" if limits else ""
    raising = "raise that limit, " if limits else ""
    return (
        f"more memory is needed than the {in_words(free_bytes())} that are free{by_whom}; {raising}"
        "close other programs, work on smaller files, or take a smaller --batch in train or --tile "
        "in predict"
    )


class _Bound:
    """The limit that holds while somebody reads; of several at once, the first sets it."""

    lock = threading.Lock()
    inside = 0
    before = (0, 0)


@contextmanager
def bounded() -> Iterator[None]:
    """Let what would take more memory than is free fail in the block, with a MemoryError.

    Otherwise Linux hands out what it does not have and ends the process once it is used. Data
    are bounded (RLIMIT_DATA), not mapped files, which may be larger than the memory.
    """
    with _Bound.lock:
        if not _Bound.inside:
            _Bound.before = _set_bound()
        _Bound.inside += 1
    try:
        yield
    finally:
        with _Bound.lock:
            _Bound.inside -= 1
            if not _Bound.inside and resource is not None:
                with suppress(OSError, ValueError):
                    resource.setrlimit(resource.RLIMIT_DATA, _Bound.before)


def _set_bound() -> tuple[int, int]:
    if resource is None:
        return 0, 0
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(OSError, ValueError, AttributeError):
        bound = int(psutil.Process().memory_info().data) + max(free_bytes(), _SMALL)
        if before[0] == resource.RLIM_INFINITY or bound < before[0]:
            resource.setrlimit(resource.RLIMIT_DATA, (bound, before[1]))
    return before


def _of_shell() -> Iterator[int]:
    limits = list(_limits_of_shell())
    if limits:
        taken = psutil.Process().memory_info()
        yield from (soft - int(taken.vms if name == "-v" else taken.data) for name, soft in limits)


def _limits_of_shell() -> Iterator[tuple[str, int]]:
    """Options of ulimit that hold for this process, and how many bytes each allows."""
    if resource is None:
        return
    for limit, option in ((resource.RLIMIT_AS, "-v"), (resource.RLIMIT_DATA, "-d")):
        soft, _ = resource.getrlimit(limit)
        if soft != resource.RLIM_INFINITY:
            yield option, soft


def _of_container() -> Iterator[int]:
    """Say what each control group that this process is in leaves."""
    for folder in control_groups("memory", _CGROUPS, _MEMBERSHIP):
        for limit, used, reclaimable in _KINDS:
            try:
                most = int((folder / limit).read_text())  # "max" is no limit
                if most > psutil.virtual_memory().total:
                    continue
                taken = int((folder / used).read_text())
                lines = (folder / "memory.stat").read_text().splitlines()
                stat = dict(map(str.split, lines))
                yield most - taken + int(stat.get(reclaimable, 0))
            except (OSError, ValueError):
                continue


def control_groups(
    controller: str, root: Path = _CGROUPS, membership: Path = _MEMBERSHIP
) -> list[Path]:
    """Folders of the control groups of this process, and of all those around them.

    Parameters
    ----------
    controller : str
        What they bound: ``"memory"``, ``"cpu"``.
    root : Path
        Where control groups are mounted.
    membership : Path
        What says which this process is in.

    Returns
    -------
    list of Path
        Of version 2, and of version 1 where that has a mount for the controller; not all exist.
    """
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    folders = {root, root / controller}
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and controller not in controllers.split(","):
            continue
        mounts = {root / controllers, root / controller} if controllers else {root}
        for own in (mount / path.lstrip("/") for mount in mounts):
            folders |= {each for each in (own, *own.parents) if each.is_relative_to(root)}
    return sorted(folders)
