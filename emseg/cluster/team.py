"""Workers that are given a few calls at a time."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import closing
from typing import Any

from emseg import __version__
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
        self._meanwhile: list[Any] = []  # dask drops what nobody holds

    @property
    def workers(self) -> int:
        """How many there are now, one at least."""
        if time.monotonic() - self._counted > _LOOKED_S:
            self._count = max(1, len(self._addresses()))
            self._counted = time.monotonic()
        return self._count

    def _addresses(self) -> list[str]:
        try:
            return list(self._client.nthreads())
        except OSError as error:
            raise self._lost() from error

    def everywhere(self, work: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Let each worker that is there now do the same.

        Raises
        ------
        EmsegError, MemoryError
            That the work raised, or that the workers or the scheduler are gone.
        """
        futures = [self._asked(work, arguments, workers=[each]) for each in self._addresses()]
        return [_found(self._reply(each)) for each in futures]

    def meanwhile(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Let each worker do something before its next call; nobody asks what came of it."""
        self._meanwhile = [
            self._asked(work, arguments, workers=[each]) for each in self._addresses()
        ]

    def ordered(
        self, work: Callable[..., Any], calls: Iterable[tuple[Any, ...]], most: int | None = None
    ) -> Generator[Any]:
        """Give the results of `replies`; as soon as there is none, raise what stands for it."""
        with closing(self.replies(work, calls, most)) as replies:
            for reply in replies:
                yield _found(reply)

    def replies(
        self, work: Callable[..., Any], calls: Iterable[tuple[Any, ...]], most: int | None = None
    ) -> Generator[Reply]:
        """Let workers do the same with several arguments; replies come in the order of these.

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
        SchedulerLostError
            When nobody answers any more.
        """
        from distributed import as_completed

        waiting: deque[Any] = deque()
        ended = as_completed(loop=self._client.loop)
        under_way = 0
        remaining: Iterator[tuple[Any, ...]] | None = iter(calls)
        try:
            while True:
                under_way -= len(ended.next_batch(block=False))
                while remaining is not None and under_way < (most or _AHEAD * self.workers):
                    arguments = next(remaining, None)
                    if arguments is None:
                        remaining = None
                        break
                    waiting.append(self._asked(work, arguments))
                    ended.add(waiting[-1])
                    under_way += 1
                if not waiting:
                    return
                if waiting[0].done():
                    yield self._reply(waiting.popleft())
                else:
                    next(ended)
                    under_way -= 1
        finally:
            for each in waiting:
                each.cancel()

    def _asked(self, work: Callable[..., Any], arguments: tuple[Any, ...], **where: Any) -> Any:
        """Hand out a call, which is done again where its worker ends."""
        return self._client.submit(replied, __version__, work, *arguments, pure=False, **where)

    def _reply(self, future: Any) -> Reply:
        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            reply: Reply = future.result()
        except KilledWorker:
            return Reply(
                error=ContentError(
                    f"{self._name}: workers ended again and again while they computed the same, as "
                    "those do that take too much memory; give fewer workers, or less --max-ram"
                )
            )
        except (CancelledError, CommClosedError) as error:
            raise self._lost() from error
        self._told.tell(reply.notices)
        return reply

    def _lost(self) -> SchedulerLostError:
        return SchedulerLostError(
            f"the scheduler of {self._name} has gone; start it, and give the same command again "
            "to go on"
        )


def _found(reply: Reply) -> Any:
    if reply.error is not None:
        raise reply.error
    return reply.found
