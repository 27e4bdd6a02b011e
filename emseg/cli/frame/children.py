"""Processes of this machine that train with the one that begins them."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from emseg.errors import ContentError

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

    from emseg.config import TrainConfig
    from emseg.training.processes import ProcessPlace

TASKS = "SLURM_STEP_NUM_TASKS"
"""A variable of the environment that srun alone sets."""
_LOOK_S = 0.2
_MEET_S = 600.0  # until the others must have come: they import libraries from busy disks
_STUCK_S = 60.0  # after which a process that waits for one that has ended is ended
_CONTENT = 4  # exit code
Child = subprocess.Popen[bytes]


def threads_each(threads: int | None, devices: int | None) -> int | None:
    """Share the processor among processes of this machine; None where others have shared it."""
    is_settled = "OMP_NUM_THREADS" in os.environ or TASKS in os.environ
    if threads is not None or devices is None or devices < 2 or is_settled:
        return threads
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no such call
        cores = os.cpu_count() or 1
    return max(1, cores // devices)


def begun(place: "ProcessPlace", rank: int, config: "TrainConfig") -> Child:
    """Begin the process of a rank, which finds in its environment what torchrun would set."""
    told = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": place.of,
        "LOCAL_WORLD_SIZE": place.local,
        "MASTER_ADDR": place.address,
        "MASTER_PORT": place.port,
    }
    environ = os.environ | {name: str(value) for name, value in told.items()}
    environ.pop("OMP_PROC_BIND", None)  # all of them would be bound to the same cores
    threads = threads_each(config.threads, config.devices)
    command = [sys.executable, "-m", "emseg", "train", "--device", config.device]
    if threads is not None:
        command += ["--threads", str(threads)]
    if os.path.abspath(sys.path[0]) != os.getcwd():  # noqa: PTH100, PTH109 - "" is that folder
        command.insert(1, "-P")  # nor does it import what lies there
    return subprocess.Popen(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the first one
    )


def await_all(children: list[Child], store: "Store") -> None:
    """Wait until all have come, or one cannot."""
    marks = [mark(rank) for rank in range(1, len(children) + 1)]
    until = time.monotonic() + _MEET_S
    while not store.check(marks):
        ended = [rank for rank, child in enumerate(children, start=1) if child.poll() is not None]
        if ended or time.monotonic() > until:
            what = "ended before it began" if ended else "did not come"
            raise ContentError(
                f"process {ended[0] if ended else len(children)} of {len(children) + 1} {what}; "
                "what it said stands above; train with fewer --devices"
            )
        time.sleep(_LOOK_S)


@contextmanager
def watched(children: list[Child]) -> Iterator[None]:
    """End this process where it waits, on a GPU, for one that has ended; its best model is kept."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_LOOK_S):
            if any(child.poll() not in (None, 0) for child in children):
                if not done.wait(_STUCK_S):
                    from emseg.cli.terminal.console import complain

                    complain("a process of this training has ended; the best model is kept")
                    os._exit(_CONTENT)
                return

    threading.Thread(target=watch, name="children", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def end(children: list[Child], patience: float) -> None:
    """Wait so long for processes to end, and then end them."""
    until = time.monotonic() + patience
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, until - time.monotonic()))
        if child.poll() is None:
            child.kill()
        child.wait()


def mark(rank: int) -> str:
    """Name what a process leaves in the store when it has come."""
    return f"emseg/here/{rank}"
