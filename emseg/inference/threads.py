"""How many threads compute: as many as win time on what this machine has left.

Two threads that share one core are slower than one, because each waits for the other: at worst a
step takes ten times as long. What other programs, the hypervisor and the quota of a container
leave is not told by the number of cores, so that it is tried where there is a sign of it.
"""

import logging
import math
import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import psutil
import torch
from torch.nn import functional

_BUSY_LOAD = 0.7  # processes that want to run beside us
_WAITED = 0.7  # of the time since it began this process has computed; less means that it waited
_ENOUGH = 0.9  # of the best speed; fewer threads that reach it leave cores to others
_TRIED_S = 0.25  # for each number of threads
_CGROUP = Path("/sys/fs/cgroup")
_SETTLED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_PROC_BIND", "GOMP_CPU_AFFINITY")
_log = logging.getLogger(__name__)


def share_processor(device: torch.device, threads: int | None = None) -> None:
    """Choose the number of threads of this process, once.

    Parameters
    ----------
    device : torch.device
        Where the network runs; beside a GPU nothing is tried.
    threads : int, optional
        As the user says; None finds out, unless OMP_NUM_THREADS and the like are set.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    elif device.type == "cpu" and not any(name in os.environ for name in _SETTLED):
        _find_out()


@cache
def _find_out() -> None:
    usual, quota = torch.get_num_threads(), cpu_quota()
    allowed = usual if quota is None else max(1, min(usual, round(quota)))
    if allowed < usual:
        torch.set_num_threads(allowed)
    if allowed > 1 and (quota is not None or _is_busy()):
        best = fastest(allowed, _speed)
        torch.set_num_threads(best)
        if best < allowed:
            _log.warning(
                "the machine is busy: this run takes %d of %d threads, because more are no faster; "
                "--threads %d takes all",
                best,
                allowed,
                allowed,
            )


def fastest(most: int, speed: Callable[[int], float]) -> int:
    """Find the fewest threads that are about as fast as any.

    Parameters
    ----------
    most : int
        Threads to begin with; half as many are tried next, down to one.
    speed : callable
        Work a second with so many threads.
    """
    counts = [most]
    while counts[-1] > 1:
        counts.append(counts[-1] // 2)
    speeds = {count: speed(count) for count in counts}
    best = max(speeds.values())
    return min(count for count in counts if speeds[count] >= _ENOUGH * best)


def _speed(threads: int) -> float:
    """Convolutions a second, forwards and backwards, as a training computes them."""
    torch.set_num_threads(threads)
    image = torch.ones(2, 16, 96, 96)
    filters = torch.full((16, 16, 3, 3), 0.01, requires_grad=True)
    start, done = math.inf, -1  # the first one, which starts the threads, does not count
    while (spent := time.perf_counter() - start) < _TRIED_S:
        torch.autograd.grad(functional.conv2d(image, filters).sum(), filters)
        start, done = min(start, time.perf_counter()), done + 1
    return done / spent


def _is_busy() -> bool:
    """Whether there is a sign that others compute here."""
    process = psutil.Process()
    alive = time.time() - process.create_time()
    if alive > 1 and time.process_time() < _WAITED * alive:
        return True
    try:
        return os.getloadavg()[0] >= _BUSY_LOAD
    except (AttributeError, OSError):  # Windows has no load average
        return bool(psutil.cpu_percent(0.1) > 100 * _BUSY_LOAD / (os.cpu_count() or 1))


def cpu_quota(root: Path = _CGROUP, groups: Path = Path("/proc/self/cgroup")) -> float | None:
    """Cores that the control groups of this process allow it; None without a limit.

    Parameters
    ----------
    root : Path
        Where control groups are mounted.
    groups : Path
        What says which this process is in.

    Notes
    -----
    ``cpu.max`` of version 2, ``cpu.cfs_quota_us`` of version 1
    (https://docs.kernel.org/admin-guide/cgroup-v2.html).
    """
    found = [each for folder in _folders(root, groups) for each in _quotas(folder)]
    return min(found) if found else None


def _folders(root: Path, groups: Path) -> list[Path]:
    """Folders of the groups of this process, and of all those around them."""
    try:
        lines = groups.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    folders = {root, root / "cpu", root / "cpu,cpuacct"}
    for line in lines:
        _, kinds, inside = (*line.split(":", 2), "", "")[:3]
        own = root / kinds / inside.lstrip("/")
        folders |= {each for each in (own, *own.parents) if each.is_relative_to(root)}
    return sorted(folders)


def _quotas(folder: Path) -> list[float]:
    """Read the limit of one group, which has none as a rule."""
    try:
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return [] if quota == "max" else [int(quota) / int(period)]
    except (OSError, ValueError, ZeroDivisionError):
        pass
    try:
        microseconds = [
            int((folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii"))
            for name in ("quota", "period")
        ]
    except (OSError, ValueError):
        return []
    return [microseconds[0] / microseconds[1]] if min(microseconds) > 0 else []
