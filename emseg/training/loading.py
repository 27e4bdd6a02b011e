"""Batches of crops, read by other processes where that helps and this one where it does not work.

Processes hand crops over in shared memory, of which a container has 64 MB unless it is told
otherwise, and the system ends one of them when memory is short. What a sample is depends on its
number alone, so that the run goes on where it was.
"""

import logging
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset, default_collate

from emseg.training.crops import Dealing

_SHARED = Path("/dev/shm")
_AHEAD = 2  # batches that each process prepares (PyTorch's usual)
_IN_USE = 2  # batches that are being learnt from, or copied
_SHARE = 0.8  # of the shared memory that is free
_SHORT_OF_ROOM = (
    "bus error",
    "shm",
    "shared memory",
    "no space left",
    "unable to write",
    "/torch_",
)
_log = logging.getLogger(__name__)
_Open = Callable[[], DataLoader[Any]]


@dataclass(slots=True)
class Waiting:
    """How long a training has waited for its batches.

    Parameters
    ----------
    seconds : float
        Until now; of a run that goes on, from its beginning.
    """

    seconds: float = 0.0

    def timed(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Hand batches on, and count the time until each is there."""
        while True:
            start = time.monotonic()
            try:
                batch = next(batches)
            except StopIteration:
                return
            finally:
                self.seconds += time.monotonic() - start
            yield batch


class Batches:
    """Batches without end, as Lightning takes them.

    Parameters
    ----------
    dataset : Dataset
        Samples by their number.
    dealing : Dealing
        Which samples of a batch are those of this process.
    open_loader : callable
        Makes the loader that is tried first; it begins with the first sample of that batch.
    first : int
        Number of the first batch: that of a run that goes on is not 0.
    waiting : Waiting, optional
        Told how long each batch was waited for.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        dealing: Dealing,
        open_loader: _Open,
        first: int = 0,
        waiting: Waiting | None = None,
    ) -> None:
        self._dataset, self._dealing, self._open, self._first = dataset, dealing, open_loader, first
        self._waiting = waiting or Waiting()

    def __iter__(self) -> Iterator[Any]:
        """Count batches from the first one on, whoever reads them."""
        return self._waiting.timed(self._batches())

    def _batches(self) -> Iterator[Any]:
        done, loader = self._first, self._open()
        try:
            with _own_children():
                batches = iter(loader)
            for batch in batches:
                yield batch
                done += 1
        except Exception as error:
            if not loader.num_workers:
                raise
            _tell(error)
        while True:
            yield default_collate([self._dataset[n] for n in self._dealing.numbers(done)])
            done += 1


@contextmanager
def _own_children() -> Iterator[None]:
    """Hear of a process that died when its batch is asked for, and not at any moment before."""
    before = signal.getsignal(signal.SIGCHLD) if hasattr(signal, "SIGCHLD") else None
    try:
        yield
    finally:
        if before is not None:
            try:
                signal.signal(signal.SIGCHLD, before)
            except ValueError:  # not the main thread, which alone hears signals
                _log.debug("signals of other processes are left to PyTorch")


def _tell(error: Exception) -> None:
    """Say why crops are read by this process from now on, and what helps."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1].rstrip(".")[:200] if lines else type(error).__name__
    if any(sign in str(error).lower() for sign in _SHORT_OF_ROOM):
        cure = "in a container give it more shared memory, as with docker run --shm-size=2g"
    else:
        cure = "give the machine or the container more memory if it was short"
    _log.warning(
        "the processes that read crops failed (%s): this one reads them from now on, which is "
        "slower; %s",
        reason,
        cure,
    )


def processes_that_fit(dataset: Dataset[Any], batch: int, wanted: int, *, sharing: int = 1) -> int:
    """Say for how many processes there is shared memory, and tell when that are fewer.

    Parameters
    ----------
    dataset : Dataset
        Of which one sample is looked at.
    batch : int
        Samples each.
    wanted : int
        Processes that would read crops.
    sharing : int
        Trainings that do the same on this machine at once.
    """
    free = _free_shared()
    if free is None or not wanted:
        return wanted
    free //= sharing
    size = batch * sum(part.nbytes for part in dataset[0])
    fitting = int((_SHARE * free / size - _IN_USE) // _AHEAD)
    if fitting >= wanted:
        return wanted
    fitting = max(0, fitting)
    _log.warning(
        "%s has %.0f MB free, and %d processes that read crops need %.0f MB: %d are used, and the "
        "GPU may wait for them; in a container give it more, as with docker run --shm-size=2g",
        _SHARED,
        free / 1e6,
        wanted,
        (wanted * _AHEAD + _IN_USE) * size / _SHARE / 1e6,
        fitting,
    )
    return fitting


def _free_shared() -> int | None:
    """Bytes of shared memory that are free; None where it is no part of the file system."""
    try:
        return shutil.disk_usage(_SHARED).free
    except OSError:
        return None
