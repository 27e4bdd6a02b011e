"""How many threads compute: as many as win time on what this machine has left.

Two threads that share one core are slower than one, because each waits for the other: at worst a
step takes ten times as long. What other programs, the hypervisor and the quota of a container
leave is not told by the number of cores, so that it is tried where there is a sign of it.

What is tried is a piece of what will be computed: convolutions of PyTorch for a training and its
backend, products of matrices for backends that take a number of threads once and for all.
"""

import logging
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

from emseg.memory import control_groups

if TYPE_CHECKING:
    import torch

_BUSY_LOAD = 0.7  # processes that want to run beside us
_WAITED = 0.7  # of the time since it began this process has computed; less means that it waited
_ENOUGH = 0.9  # of the best speed; fewer threads that reach it leave cores to others
_TRIED_S = 0.25  # for each number of threads
_CHOSEN = ("OMP_PROC_BIND", "GOMP_CPU_AFFINITY")  # the user knows best where threads run
_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_PRODUCTS, _SIDE = 48, 96  # of matrices a step; BLAS shares smaller ones than 100 with no thread
_log = logging.getLogger(__name__)


def share_processor(device: "torch.device", threads: int | None = None) -> None:
    """Choose the number of threads of PyTorch in this process, once.

    Parameters
    ----------
    device : torch.device
        Where the network runs; beside a GPU nothing is tried.
    threads : int, optional
        As the user says; None finds out, unless OMP_NUM_THREADS and the like are set.
    """
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    elif device.type == "cpu" and not _is_settled():
        _share_torch()


@cache
def _share_torch() -> None:
    import torch

    best = _found(torch.get_num_threads(), _convolutions)
    if best != torch.get_num_threads():
        torch.set_num_threads(best)


def threads_for(threads: int | None = None, speed: Callable[[int], float] | None = None) -> int:
    """Choose a number of threads for a backend that is not PyTorch.

    Parameters
    ----------
    threads : int, optional
        As the user says; None finds out, unless OMP_NUM_THREADS and the like are set.
    speed : callable, optional
        Work a second with so many threads; products of matrices by default.
    """
    if threads is not None:
        return threads
    usual = usual_threads()
    return usual if _is_settled() else _found(usual, speed or _products)


def _is_settled() -> bool:
    """Whether the user has said in the environment how threads compute."""
    return any(name in os.environ for name in (*_COUNTS, *_CHOSEN))


def usual_threads() -> int:
    """Threads that the environment names, or a thread for each core that this process may use."""
    for name in _COUNTS:
        first = os.environ.get(name, "").partition(",")[0].strip()
        if first.isdecimal() and int(first) > 0:
            return int(first)
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no such call
        allowed = os.cpu_count() or 1
    return min(allowed, psutil.cpu_count(logical=False) or allowed)


@cache
def _found(usual: int, speed: Callable[[int], float]) -> int:
    """Threads that win time, of those that are usual; says so where the machine is busy."""
    quota = cpu_quota()
    allowed = usual if quota is None else max(1, min(usual, round(quota)))
    if allowed == 1 or (quota is None and not _is_busy()):
        return allowed
    best = fastest(allowed, speed)
    if best < allowed:
        _log.warning(
            "the machine is busy: this run takes %d of %d threads, because more are no faster; "
            "--threads %d takes all",
            best,
            allowed,
            allowed,
        )
    return best


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


def _convolutions(threads: int) -> float:
    """Convolutions a second, forwards and backwards, as a training computes them."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    image = torch.ones(2, 16, 96, 96)
    filters = torch.full((16, 16, 3, 3), 0.01, requires_grad=True)

    def step() -> None:
        torch.autograd.grad(functional.conv2d(image, filters).sum(), filters)

    return _rate(step)


def _products(threads: int) -> float:
    """Products of matrices a second, shared out and waited for as those of a layer are."""
    shares = np.array_split(np.full((_PRODUCTS, _SIDE, _SIDE), 0.01, np.float32), threads)
    with ThreadPoolExecutor(threads) as pool:
        return _rate(lambda: list(pool.map(np.matmul, shares, shares)))


def _rate(step: Callable[[], object]) -> float:
    """Count steps a second."""
    start, done = math.inf, -1  # the first one, which starts the threads, does not count
    while (spent := time.perf_counter() - start) < _TRIED_S:
        step()
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


def cpu_quota(**where: Path) -> float | None:
    """Cores that the control groups of this process allow it; None without a limit.

    Parameters
    ----------
    **where : Path
        Of control groups, as `emseg.memory.control_groups` takes them.

    Notes
    -----
    ``cpu.max`` of version 2, ``cpu.cfs_quota_us`` of version 1
    (https://docs.kernel.org/admin-guide/cgroup-v2.html).
    """
    found = [each for folder in control_groups("cpu", **where) for each in _quotas(folder)]
    return min(found) if found else None


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
