"""Workers that are given a few calls at a time."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError
from typing import Any

from emseg.cluster.replies import Reply, Told, replied
from emseg.errors import ContentError

_AHEAD = 2  # calls a worker that are asked before they are done: one computes, one waits there
_LOOKED_S = 5.0  # after which the workers are counted again: jobs begin and end


class SchedulerLostError(ContentError):
    """Nobody hands out work any more; what is done stays done."""


class Team:
    """Workers behind one scheduler.

    Parameters
    ----------
    client : distributed.Client
        Asks the scheduler.
    name : str
        Of the cluster, for messages.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name
        self._told = Told()
        self._count, self._counted = 1, -_LOOKED_S

    @property
    def workers(self) -> int:
        """How many there are now, one at least."""
        if time.monotonic() - self._counted > _LOOKED_S:
            self._count = max(1, len(self._client.nthreads()))
            self._counted = time.monotonic()
        return self._count

    def everywhere(self, work: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Let each worker that is there now do the same.

        Raises
        ------
        EmsegError, MemoryError
            That the work raised, or that the workers or the scheduler are gone.
        """
        futures = [
            self._client.submit(replied, work, *arguments, pure=False, workers=[each])
            for each in self._client.nthreads()
        ]
        return [self._result(each) for each in futures]

    def ordered(
        self, work: Callable[..., Any], calls: Iterable[tuple[Any, ...]], most: int | None = None
    ) -> Generator[Any]:
        """Let workers do the same with several arguments; results come in the order of these.

        What is asked for beyond the calls under way is a few a worker, however many there are.

        Parameters
        ----------
        work : callable
            A function of a module, which workers import.
        calls : iterable of tuple
            Arguments; taken as they are needed.
        most : int, optional
            Calls under way; two a worker by default.

        Raises
        ------
        EmsegError, MemoryError
            As `everywhere` does, in the place of the result.
        """
        from distributed import wait

        waiting: deque[Any] = deque()
        try:
            remaining = iter(calls)
            is_more = True
            while True:
                under_way = [each for each in waiting if not each.done()]
                while is_more and len(under_way) < (most or _AHEAD * self.workers):
                    arguments = next(remaining, None)
                    is_more = arguments is not None
                    if arguments is not None:
                        future = self._client.submit(replied, work, *arguments, pure=False)
                        waiting.append(future)
                        under_way.append(future)
                if not waiting:
                    return
                if waiting[0].done():
                    yield self._result(waiting.popleft())
                else:
                    wait(under_way, return_when="FIRST_COMPLETED")
        finally:
            for each in waiting:
                each.cancel()

    def _result(self, future: Any) -> Any:
        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            reply: Reply = future.result()
        except KilledWorker as error:
            raise ContentError(
                f"{self._name}: workers ended again and again while they computed the same block, "
                "as those do that take too much memory; give fewer workers, or less --max-ram"
            ) from error
        except (CancelledError, CommClosedError) as error:
            raise SchedulerLostError(
                f"the scheduler of {self._name} has gone; start it, and give the same command "
                "again to go on"
            ) from error
        self._told.tell(reply.notices)
        if reply.error is not None:
            raise reply.error
        return reply.found
