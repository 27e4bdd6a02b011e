"""Several processes that train one network: who is who, and what they tell each other.

::

    process 0                                        processes 1, 2, ...
    reads, and says what is trained   --Order-->     read the same files
                                      <--said--      whether they could, and what they read
    settles batch, rate and minutes   --Attempt-->   begin with the same weights
    learns from its share of a batch  <--gradients-> learn from theirs
    is asked to end by any of them    <--asked--     after each step
    judges, writes, decides           --Word-->      go on, stop after this step, or leave

What is said goes over the CPU, by gloo, and so does all of a training on processors; gradients on
GPUs go by NCCL. Whoever waits for a word waits as long as a validation takes.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

from emseg.errors import ContentError, UsageError
from emseg.inference import choose_device
from emseg.training.crops import Dealing
from emseg.training.pooling import ALONE as NOTHING_POOLED
from emseg.training.pooling import Pooling

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store, TCPStore

_PATIENCE = timedelta(hours=12)  # for a word: longer than any validation
_MEETING = timedelta(minutes=10)  # for all processes to begin
_SIGNS = ("gloo", "nccl", "connection", "tcpstore")  # in what PyTorch says of a process that ended
_TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class LostError(ContentError):
    """A process of a training has ended, and the others cannot go on without it."""


class Word(IntEnum):
    """What the first process says after a step."""

    GO_ON = 0
    STOP = 1
    LEAVE = 2


@dataclass(frozen=True, slots=True)
class ProcessPlace:
    """Where a process stands among those that train together.

    Parameters
    ----------
    rank, of : int
        Its number, and how many there are.
    local_rank, local : int
        The same on its machine.
    address, port : str, int
        Where they meet.
    is_host : bool
        Whether this process lets the others in; ``torchrun`` does it itself.
    attempt : str
        Tells a meeting from one before.
    has_own_gpu : bool
        Whether it sees no GPU but its own, as under SLURM with ``--gpus-per-task``.
    """

    rank: int
    of: int
    local_rank: int
    local: int
    address: str
    port: int
    is_host: bool
    attempt: str = "0"
    has_own_gpu: bool = False

    @classmethod
    def of_torchrun(cls, environ: Mapping[str, str]) -> "ProcessPlace | None":
        """Take the place that ``torchrun``, or emseg itself, gave this process."""
        if any(not environ.get(name) for name in _TORCHRUN):
            return None
        rank, of, local_rank, local = (int(environ[name]) for name in _TORCHRUN[:4])
        return cls(
            rank,
            of,
            local_rank,
            local,
            environ["MASTER_ADDR"],
            int(environ["MASTER_PORT"]),
            is_host=rank == 0 and environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True",
            attempt=environ.get("TORCHELASTIC_RESTART_COUNT", "0"),
        )

    @classmethod
    def of_slurm(cls, environ: Mapping[str, str], local: int) -> "ProcessPlace | None":
        """Take the place that ``srun`` gave this process; None outside of it."""
        if int(environ.get("SLURM_STEP_NUM_TASKS", "1")) < 2:
            return None
        from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

        nodes = environ.get("SLURM_STEP_NODELIST") or environ.get("SLURM_NODELIST", "127.0.0.1")
        numbers = (environ.get("SLURM_JOB_ID", "0"), environ.get("SLURM_STEP_ID", "0"))
        port = 15000 + sum(map(int, numbers)) % 10000  # the same in all tasks of a step
        rank = int(environ["SLURM_PROCID"])
        return cls(
            rank,
            int(environ["SLURM_STEP_NUM_TASKS"]),
            int(environ["SLURM_LOCALID"]),
            local,
            environ.get("MASTER_ADDR") or SLURMEnvironment.resolve_root_node_address(nodes),
            int(environ.get("MASTER_PORT") or port),
            is_host=rank == 0,
            has_own_gpu=True,
        )


def device_at(place: ProcessPlace, name: str) -> torch.device:
    """Choose the device of a process, each another one.

    Parameters
    ----------
    place : ProcessPlace
        Of the process.
    name : str
        As given with ``--device``.

    Raises
    ------
    UsageError
        When there are fewer GPUs than processes on this machine, or no training of several
        processes runs on such a device.
    """
    if name in ("auto", "cuda") and torch.cuda.is_available():
        there = torch.cuda.device_count()
        index = 0 if place.has_own_gpu and there == 1 else place.local_rank
        if index >= there or (place.local > there and not place.has_own_gpu):
            raise UsageError(
                f"--devices {place.local}: this machine has {there} GPU{'s' * (there > 1)}; say "
                f"--devices {there}, or --device cpu to train on the processor"
            )
        torch.cuda.set_device(index)
        return torch.device("cuda", index)
    if name == "auto":
        raise UsageError(
            f"--devices {place.local}: this machine has no GPU that several processes train on; "
            "leave it out, or say --device cpu to train in as many processes on the processor"
        )
    device = choose_device(name)
    if device.type != "cpu":
        raise UsageError(
            f"--device {name} is one device, and --devices {place.local} asks for several; say "
            "--device cuda (CUDA_VISIBLE_DEVICES=0,1 chooses which) or --device cpu"
        )
    return device


def meeting_place(place: ProcessPlace) -> "TCPStore":
    """Open the store in which the processes meet.

    Raises
    ------
    LostError
        When nobody is there.
    """
    try:
        store: TCPStore = distributed.TCPStore(  # type: ignore[attr-defined]
            place.address,
            place.port,
            place.of,
            is_master=place.is_host,
            timeout=_MEETING,
            wait_for_workers=False,
        )
    except RuntimeError as error:
        raise LostError(
            f"process {place.rank} of {place.of} cannot meet the others at {place.address}, port "
            f"{place.port} ({_first_line(error)}); another MASTER_PORT may help"
        ) from error
    return store


class Processes:
    """The processes that train one network, as one of them sees them; alone it is the only one.

    Parameters
    ----------
    place : ProcessPlace, optional
        Of this one.
    device : torch.device, optional
        Where it computes.
    store : Store, optional
        Where they meet.

    Raises
    ------
    LostError
        When not all of them come.
    """

    def __init__(
        self,
        place: ProcessPlace | None = None,
        device: torch.device | None = None,
        store: "Store | None" = None,
    ) -> None:
        self.place, self.device = place, device
        self.rank, self.of = (0, 1) if place is None else (place.rank, place.of)
        self.local = 1 if place is None else place.local
        self.pooling = NOTHING_POOLED if self.of == 1 else Pooling(self.of)
        self.is_awaited = True  # all others wait for what the first one sends
        if place is not None and device is not None and store is not None:
            self._meet(place, device, store)

    def _meet(self, place: ProcessPlace, device: torch.device, store: "Store") -> None:
        prefixed = distributed.PrefixStore(  # type: ignore[attr-defined]
            f"emseg/{place.attempt}", store
        )
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        with self.telling():
            distributed.init_process_group(
                backend,
                store=prefixed,
                rank=place.rank,
                world_size=place.of,
                timeout=_PATIENCE,
            )

    @property
    def is_alone(self) -> bool:
        """Whether there is no other."""
        return self.of == 1

    def dealing(self, batch: int) -> Dealing:
        """Say which samples are those of this process."""
        return Dealing(batch, self.rank, self.of)

    def device_for(self, name: str) -> torch.device:
        """Give the device of this process, which alone is the one that is named."""
        return self.device or choose_device(name)

    def send(self, message: object) -> None:
        """Send what the others `receive`; None lets them go."""
        if self.is_alone:
            return
        self.is_awaited = False
        with self.telling():
            distributed.broadcast_object_list([message], 0, device=torch.device("cpu"))

    def receive(self) -> Any:
        """Wait for what the first process sends."""
        messages: list[Any] = [None]
        with self.telling():
            distributed.broadcast_object_list(messages, 0, device=torch.device("cpu"))
        return messages[0]

    def gather(self, said: object) -> list[Any]:
        """Let each say something, and hear all of them in their order."""
        found: list[Any] = [None] * self.of
        with self.telling():
            distributed.all_gather_object(found, said)
        self.is_awaited = True
        return found

    def asked(self, own: bool) -> bool:
        """Whether any process was asked to end."""
        if self.is_alone:
            return own
        flag = torch.tensor([int(own)])
        with self.telling():
            distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        return bool(flag.item())

    def tell(self, word: Word, total: int | None = None) -> None:
        """Say after a step how it goes on, and how many steps there will be."""
        if self.is_alone:
            return
        with self.telling():
            distributed.broadcast(torch.tensor([word, -1 if total is None else total]), 0)
        self.is_awaited = word is not Word.GO_ON

    def hear(self) -> tuple[Word, int | None]:
        """Wait for what the first process says after a step."""
        said = torch.zeros(2, dtype=torch.int64)
        with self.telling():
            distributed.broadcast(said, 0)
        word, total = said.tolist()
        return Word(word), None if total < 0 else total

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Name what it means when PyTorch cannot reach a process."""
        try:
            yield
        except RuntimeError as error:
            if not self.is_loss(error):
                raise
            raise LostError(
                f"process {self.rank} of {self.of} cannot go on, because another one has ended "
                f"({_first_line(error)}); what that one said stands above, or in its log"
            ) from error

    def is_loss(self, error: BaseException) -> bool:
        """Whether an error says that another process has ended."""
        said = str(error).lower()
        return not self.is_alone and any(sign in said for sign in _SIGNS)

    def part(self) -> None:
        """Let the others go, if they wait for it; NCCL would wait for those that do not."""
        if self.device is None or not distributed.is_initialized():
            return
        is_calm = self.rank > 0 or self.is_awaited
        if self.rank == 0 and self.is_awaited:
            with suppress(LostError):
                self.send(None)
        if is_calm or self.device.type == "cpu":
            distributed.destroy_process_group()


ALONE = Processes()


def _first_line(error: BaseException) -> str:
    """Take the first sentence of what PyTorch says, without its own source file."""
    said = re.sub(r"^\[[^\]]*\.cc:\d+\] ", "", " ".join(str(error).split()))
    return said.partition(". ")[0][:160].rstrip(".")
