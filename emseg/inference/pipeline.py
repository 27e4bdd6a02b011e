"""Reading ahead and writing behind, each by a thread, so that the network seldom waits.

::

    read, cut, normalise  -->  [2]  -->  network, arg-max  -->  [1]  -->  compress, write
        a thread            bounded          here            bounded        a thread

What is between two threads is bounded: whoever is faster waits. What goes wrong in a thread is
raised where its work is asked for, and an end of the work here, Ctrl-C too, ends the threads.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

_T = TypeVar("_T")
_PATIENCE = 0.1  # seconds after which a thread that waits looks whether it is still wanted


def ahead(items: Iterable[_T], depth: int) -> Generator[_T]:
    """Let a thread take items before they are asked for.

    Parameters
    ----------
    items : iterable
        Taken by one thread alone, from first to last.
    depth : int
        How many may wait.

    Yields
    ------
    The items, in order; what their iterator raises is raised in its place.
    """
    line = _Line[_T](depth)

    def work() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if not line.put(item):
                    break
            line.end(None)
        except BaseException as error:
            line.end(error)
        finally:
            getattr(iterator, "close", _nothing)()

    thread = threading.Thread(target=work, name="emseg reads ahead", daemon=True)
    thread.start()
    try:
        yield from line
    finally:
        line.stop()
        thread.join()


@contextmanager
def behind(take: Callable[[_T], None], depth: int = 1) -> Iterator[Callable[[_T], None]]:
    """Let a thread work on items after they were handed over.

    Parameters
    ----------
    take : callable
        Called with each item, in order, by one thread.
    depth : int
        How many may wait.

    Yields
    ------
    callable
        Hands over an item; waits while too many wait, and raises what `take` raised. When the block
        ends well, all items have been taken; when it ends otherwise, those that wait are dropped.
    """
    line = _Line[_T](depth)
    raised: list[BaseException] = []

    def work() -> None:
        try:
            for item in line:
                take(item)
        except BaseException as error:
            raised.append(error)
            line.stop()

    def hand_over(item: _T) -> None:
        if not line.put(item):
            raise raised[0] if raised else RuntimeError("nobody takes this any more")

    thread = threading.Thread(target=work, name="emseg writes behind", daemon=True)
    thread.start()
    try:
        yield hand_over
        line.end(None)
    except BaseException:
        line.stop()
        raise
    finally:
        thread.join()
    if raised:
        raise raised[0]


class _Line(Generic[_T]):
    """Items on their way from one thread to another."""

    def __init__(self, depth: int) -> None:
        self._queue: Queue[tuple[_T] | BaseException | None] = Queue(depth)
        self._is_stopped = threading.Event()

    def put(self, item: _T) -> bool:
        """Add an item, once there is room; say whether it is still wanted."""
        return self._add((item,))

    def end(self, error: BaseException | None) -> None:
        """Say that no more items come, or why."""
        self._add(error)

    def stop(self) -> None:
        """Want no more."""
        self._is_stopped.set()

    def _add(self, entry: tuple[_T] | BaseException | None) -> bool:
        while not self._is_stopped.is_set():
            try:
                self._queue.put(entry, timeout=_PATIENCE)
            except Full:
                continue
            return True
        return False

    def __iter__(self) -> Iterator[_T]:
        while not self._is_stopped.is_set():
            try:
                entry = self._queue.get(timeout=_PATIENCE)
            except Empty:
                continue
            if entry is None:
                return
            if isinstance(entry, BaseException):
                raise entry
            yield entry[0]


def _nothing() -> None:
    """Close what needs no closing."""
