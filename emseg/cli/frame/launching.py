"""Processes that train together: begun here, by ``torchrun``, or by ``srun``.

The first process runs the command; the others run it too, find that they are not the first, and
follow. On one machine the first begins the others itself.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emseg.cli.frame.children import (
    TASKS,
    Child,
    await_all,
    begun,
    end,
    mark,
    threads_each,
    watched,
)
from emseg.cli.frame.signature import Typed
from emseg.errors import UsageError

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

    from emseg.config import TrainConfig
    from emseg.training.processes import Processes, ProcessPlace

_HERE = "127.0.0.1"
_LEAVE_S = 20.0  # for them to end


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
    if "RANK" not in os.environ and (asked == 1 or TASKS not in os.environ):
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
    from emseg.cli.terminal import console
    from emseg.inference import share_processor
    from emseg.training.processes import Processes, device_at, meeting_place
    from emseg.training.together import follow as take_part

    console.settle(quiet=True, debug=console.is_debugging())
    chosen = device_at(place, device)
    share_processor(chosen, threads)
    store = meeting_place(place)
    store.set(mark(place.rank), "")
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
    patience, children = 0.0, list[Child]()
    try:
        children += (begun(place, rank, config) for rank in range(1, place.of))
        await_all(children, store)
        with watched(children), _parting(place, device, store) as processes:
            yield processes
        patience = _LEAVE_S
    finally:
        end(children, patience)


def _require_no_launcher(config: "TrainConfig") -> None:
    if TASKS in os.environ and int(os.environ[TASKS]) > 1:
        raise UsageError(
            f"srun began {os.environ[TASKS]} tasks: say --devices {config.devices} --nodes "
            f"{config.nodes} behind emseg train too, so that each finds its place"
        )
    if config.nodes > 1:
        raise UsageError(
            f"--nodes {config.nodes}: nobody has begun a process on the other nodes; begin emseg "
            "train with torchrun or srun on each (docs/training.md, Several GPUs and nodes)"
        )
