"""Opening a cluster: processes of this machine, workers behind an address, jobs of a queue."""

import logging
import math
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from emseg.cluster.jobs import memory_of
from emseg.cluster.team import Team
from emseg.config.base import parse_bytes
from emseg.errors import ContentError, UsageError
from emseg.inference.backends.threads import usual_threads
from emseg.spreading import ClusterSpec

_LOGGING = dict.fromkeys(
    ("distributed", "distributed.client", "distributed.gc", "tornado", "bokeh"), "critical"
)
_SETTINGS = {
    "distributed.scheduler.worker-saturation": math.inf,  # a block waits where it is computed
    "distributed.worker.memory.target": False,  # workers hold no results,
    "distributed.worker.memory.spill": False,  # and tiles are cut to the memory there is
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.profile.enabled": False,  # looks at each worker a hundred times a second
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.log-length": 100,
    "distributed.admin.low-level-log-length": 100,
}
_PATIENCE_S = 30  # of an address
_log = logging.getLogger(__name__)


@contextmanager
def open_team(spec: ClusterSpec, device: str = "auto") -> Iterator[Team]:
    """Bring workers together for the block; those that are started end with it.

    Parameters
    ----------
    spec : ClusterSpec
        Where they are.
    device : str
        As ``--device`` takes it; where it may be a GPU, each worker of this machine gets one.

    Raises
    ------
    UsageError
        When a package is missing, or nothing answers.
    """
    _require("distributed")
    import dask

    with dask.config.set({"logging": _LOGGING}):  # is looked at when it is first imported
        from distributed import Client

    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_SETTINGS))
        stack.enter_context(_silent())
        if spec.kind == "address":
            client = stack.enter_context(_client_of(spec.name))
        else:
            client = stack.enter_context(Client(stack.enter_context(_started(spec, device))))
        _await_workers(client, spec)
        yield Team(client, spec.name)


def _started(spec: ClusterSpec, device: str) -> AbstractContextManager[Any]:
    if spec.kind == "local":
        return _here(spec.workers, device)
    _require("dask_jobqueue")
    from emseg.cluster.jobs import started

    return started(spec)


def _here(workers: int, device: str) -> AbstractContextManager[Any]:
    """Start processes of this machine, a thread each for what dask gives them."""
    from distributed import Nanny, Scheduler, SpecCluster

    gpus = gpus_here() if device in ("auto", "cuda") else []
    started = {
        number: {
            "cls": Nanny,
            "options": {
                "nthreads": 1,
                "host": "127.0.0.1",
                "memory_limit": 0,
                "dashboard": False,
                "silence_logs": logging.CRITICAL,
                "env": _environment(gpus, number),
            },
        }
        for number in range(workers)
    }
    here = {"host": "127.0.0.1", "port": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    scheduler = {"cls": Scheduler, "options": here}
    cluster: AbstractContextManager[Any] = SpecCluster(
        workers=started, scheduler=scheduler, silence_logs=logging.CRITICAL
    )
    return cluster


def _environment(gpus: list[str], number: int) -> dict[str, str]:
    """Give a worker a GPU of its own, and threads that are bound to no core of another's."""
    given = {"OMP_PROC_BIND": "false", "PYTHONWARNINGS": "ignore"}
    return given | ({"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} if gpus else {})


def gpus_here(devices: Path = Path("/dev")) -> list[str]:
    """Name the GPUs of NVIDIA that this process may use, as ``CUDA_VISIBLE_DEVICES`` does.

    Parameters
    ----------
    devices : Path
        Where Linux lists its devices.
    """
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [each.strip() for each in allowed.split(",") if each.strip() not in ("", "-1")]
    return sorted(
        (each.name.removeprefix("nvidia") for each in devices.glob("nvidia[0-9]*")), key=int
    )


def share_of(
    spec: ClusterSpec, threads: int | None, max_ram: int | None
) -> tuple[dict[str, int | None], int]:
    """Say what one worker computes with, and among how many of a machine its memory is shared.

    Parameters
    ----------
    spec : ClusterSpec
        Where the workers are.
    threads, max_ram : int or None
        As ``--threads`` and ``--max-ram`` take them.

    Returns
    -------
    share : dict
        The same of a worker: its share of the cores, and no more memory than its job has.
    among : int
        As `Budget.of` takes it.
    """
    is_local, memory = spec.kind == "local", [max_ram] if max_ram else []
    if spec.kind == "queue":
        memory.append(parse_bytes(memory_of(spec)))
    if threads is None:
        threads = max(1, usual_threads() // spec.workers) if is_local else spec.count("cores")
    share = {"threads": threads, "max_ram": min(memory, default=None)}
    return share, spec.workers if is_local else 1


@contextmanager
def _client_of(address: str) -> Iterator[Any]:
    from distributed import Client

    try:
        client = Client(address, timeout=_PATIENCE_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(
            f"--cluster {address}: no scheduler answers there; start one with dask scheduler, or "
            "correct the address"
        ) from error
    with client:
        yield client


def _await_workers(client: Any, spec: ClusterSpec) -> None:
    """Wait for the first worker; a queue may take its time, others should be there."""
    if spec.kind == "queue":
        _log.info("waiting for a job of %s to begin", spec.name)
    try:
        client.wait_for_workers(1, timeout=None if spec.kind == "queue" else 4 * _PATIENCE_S)
    except TimeoutError as error:
        raise ContentError(
            f"--cluster {spec.name}: the scheduler has no workers; start some with dask worker "
            f"{spec.name}"
        ) from error


def _require(package: str) -> None:
    if find_spec(package) is None:
        raise UsageError(
            f"--cluster needs {package.replace('_', '-')}, which is not installed; install it "
            "with pip install 'emseg[cluster]'"
        )


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what dask says of its connections from the terminal; what matters is told by `team`."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    before = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for each, level in zip(loggers, before, strict=True):
            each.setLevel(level)
