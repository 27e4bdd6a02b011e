"""Processes that train together: begun here, by ``torchrun``, or by ``srun``.

The first process runs the command; the others run it too, find that they are not the first, and
follow. On one machine the first begins the others itself.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emseg.cli.signature import Typed
from emseg.errors import ContentError, UsageError

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

    from emseg.config import TrainConfig
    from emseg.training.processes import Processes, ProcessPlace

_HERE = "127.0.0.1"
_TASKS = "SLURM_STEP_NUM_TASKS"  # set by srun alone
_LOOK_S = 0.2
_MEET_S = 600.0  # until the others must have come: they import libraries from busy disks
_LEAVE_S = 20.0  # for them to end
_STUCK_S = 60.0  # after which a process that waits for one that has ended is ended
_CONTENT = 4  # exit code
_Child = subprocess.Popen[bytes]


def threads_each(threads: int | None, devices: int | None) -> int | None:
    """Share the processor among processes of this machine; None where others have shared it."""
    is_settled = "OMP_NUM_THREADS" in os.environ or _TASKS in os.environ
    if threads is not None or devices is None or devices < 2 or is_settled:
        return threads
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no such call
        cores = os.cpu_count() or 1
    return max(1, cores // devices)


def place_taken(typed: Typed) -> "ProcessPlace | None":
    """Find the place that ``torchrun`` or ``srun`` gave this process; None without them.

    Parameters
    ----------
    typed : dict
        What was typed; ``devices`` and ``nodes`` are filled in as torchrun has them.

    Raises
    ------
    UsageError
        When the options say otherwise.
    """
    devices, nodes = typed.get("devices"), typed.get("nodes")
    asked = (devices or 1) * (nodes or 1)
    if "RANK" not in os.environ and (asked == 1 or _TASKS not in os.environ):
        return None
    from emseg.training.processes import ProcessPlace

    place = ProcessPlace.of_torchrun(os.environ)
    if place is not None:
        there = {"devices": place.local, "nodes": place.of // place.local}
        for name, count in there.items():
            if typed.get(name) not in (None, count):
                raise UsageError(
                    f"--{name} {typed[name]}: torchrun began {place.local} processes on each of "
                    f"{there['nodes']} nodes; leave it out"
                )
        typed.update(there)
        return place
    place = ProcessPlace.of_slurm(os.environ, devices or 1) if asked > 1 else None
    if place is not None and place.of != asked:
        raise UsageError(
            f"--devices {devices or 1} --nodes {nodes or 1} are {asked} processes, and srun began "
            f"{place.of}; say srun --nodes={nodes or 1} --ntasks-per-node={devices or 1}"
        )
    return place


def follow(place: "ProcessPlace", device: str, threads: int | None) -> None:
    """Train with the first process, silently, until it has no more to train.

    Raises
    ------
    EmsegError
        When there is no device for this process, or another process has ended.
    """
    from emseg.cli import console
    from emseg.inference import share_processor
    from emseg.training.processes import Processes, device_at, meeting_place
    from emseg.training.together import follow as take_part

    console.settle(quiet=True, debug=console.is_debugging())
    chosen = device_at(place, device)
    share_processor(chosen, threads)
    store = meeting_place(place)
    store.set(_mark(place.rank), "")
    processes = Processes(place, chosen, store)
    try:
        take_part(processes, chosen)
    finally:
        processes.part()


@contextmanager
def together(config: "TrainConfig", place: "ProcessPlace | None") -> Iterator["Processes"]:
    """Meet the other processes of a training, which are begun where nobody else has.

    Parameters
    ----------
    config : TrainConfig
        How many there are, and on which device.
    place : ProcessPlace or None
        What `place_taken` found.

    Raises
    ------
    UsageError
        When there are fewer devices, or nodes on which nobody has begun anything.
    ContentError
        When not all of them come.
    """
    if place is None and config.processes == 1:
        from emseg.training.processes import ALONE

        yield ALONE
    elif place is None:
        with _begun_here(config) as processes:
            yield processes
    else:
        from emseg.training.processes import device_at, meeting_place

        device = device_at(place, config.device)
        with _parting(place, device, meeting_place(place)) as processes:
            yield processes


@contextmanager
def _parting(place: "ProcessPlace", device: Any, store: "Store") -> Iterator["Processes"]:
    from emseg.training.processes import Processes

    processes = Processes(place, device, store)
    try:
        yield processes
    finally:
        processes.part()


@contextmanager
def _begun_here(config: "TrainConfig") -> Iterator["Processes"]:
    """Begin the others on this machine, and end them in any case."""
    from emseg.inference import share_processor
    from emseg.training.processes import ProcessPlace, device_at, meeting_place

    _require_no_launcher(config)
    alone = ProcessPlace(0, config.devices, 0, config.devices, _HERE, 0, is_host=True)
    device = device_at(alone, config.device)
    threads = threads_each(config.threads, config.devices)
    if threads is not None:
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # of the others too
        share_processor(device, threads)
    store = meeting_place(alone)
    place = replace(alone, port=store.port)
    patience, children = 0.0, list[_Child]()
    try:
        children += (_child(place, rank, config) for rank in range(1, place.of))
        _await(children, store)
        with _watched(children), _parting(place, device, store) as processes:
            yield processes
        patience = _LEAVE_S
    finally:
        _end(children, patience)


def _require_no_launcher(config: "TrainConfig") -> None:
    if _TASKS in os.environ and int(os.environ[_TASKS]) > 1:
        raise UsageError(
            f"srun began {os.environ[_TASKS]} tasks: say --devices {config.devices} --nodes "
            f"{config.nodes} behind emseg train too, so that each finds its place"
        )
    if config.nodes > 1:
        raise UsageError(
            f"--nodes {config.nodes}: nobody has begun a process on the other nodes; begin emseg "
            "train with torchrun or srun on each (docs/training.md, Several GPUs and nodes)"
        )


def _child(place: "ProcessPlace", rank: int, config: "TrainConfig") -> _Child:
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


def _await(children: list[_Child], store: "Store") -> None:
    """Wait until all have come, or one cannot."""
    marks = [_mark(rank) for rank in range(1, len(children) + 1)]
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
def _watched(children: list[_Child]) -> Iterator[None]:
    """End this process where it waits, on a GPU, for one that has ended; its best model is kept."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_LOOK_S):
            if any(child.poll() not in (None, 0) for child in children):
                if not done.wait(_STUCK_S):
                    from emseg.cli.console import complain

                    complain("a process of this training has ended; the best model is kept")
                    os._exit(_CONTENT)
                return

    threading.Thread(target=watch, name="children", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _end(children: list[_Child], patience: float) -> None:
    """Wait so long for processes to end, and then end them."""
    until = time.monotonic() + patience
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, until - time.monotonic()))
        if child.poll() is None:
            child.kill()
        child.wait()


def _mark(rank: int) -> str:
    return f"emseg/here/{rank}"
