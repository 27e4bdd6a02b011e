"""How far long work is: told by whoever does it, shown by whoever called it.

As with notices (docs/decisions/0003), progress needs no way through every signature: work opens a
meter with `progress`, and what shows it is settled where the work begins. By default nothing does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

_T = TypeVar("_T")


class Meter(Protocol):
    """What is told how far the work is."""

    def advance(self, steps: float = 1) -> None:
        """Say that so many more steps are done."""

    def reach(self, done: float, total: float | None = None) -> None:
        """Say how many steps are done in all and, when that has changed, of how many."""

    def note(self, text: str) -> None:
        """Show a few words beside the progress: a loss, a file name."""


class Silence:
    """A meter that shows nothing."""

    def advance(self, steps: float = 1) -> None:
        """Show nothing."""

    def reach(self, done: float, total: float | None = None) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""


Show = Callable[[str, float | None, str], AbstractContextManager[Meter]]
"""Opens a meter: what is being done, of how many steps, and what the steps are."""


@contextmanager
def _silently(_description: str, _total: float | None, _unit: str) -> Iterator[Meter]:
    yield Silence()


_show: ContextVar[Show] = ContextVar("show", default=_silently)


@contextmanager
def shown_by(show: Show) -> Iterator[None]:
    """Let meters that are opened within the block be shown.

    Parameters
    ----------
    show : callable
        Opens each.
    """
    before = _show.set(show)
    try:
        yield
    finally:
        _show.reset(before)


def progress(
    description: str, total: float | None = None, unit: str = ""
) -> AbstractContextManager[Meter]:
    """Open a meter for a long piece of work.

    Parameters
    ----------
    description : str
        What is being done, as in ``"predicting"``.
    total : float or None
        Steps in all; None when nobody knows yet.
    unit : str
        What the steps are, in the plural (``"tiles"``); a rate is shown when it is given.
    """
    return _show.get()(description, total, unit)


def tracked(description: str, unit: str = "images") -> Callable[[Sequence[_T]], Iterable[_T]]:
    """Give what hands on items one by one and tells how many of them are done."""

    def handed_on(items: Sequence[_T]) -> Iterator[_T]:
        with progress(description, len(items), unit) as meter:
            for item in items:
                yield item
                meter.advance()

    return handed_on


def duration(seconds: float) -> str:
    """Write a duration with the unit that suits it: ``"0.4 s"``, ``"12 min"``, ``"3.5 h"``."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
