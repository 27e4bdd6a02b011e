"""Progress of work that a room does item by item."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")


def track(description: str) -> Callable[[Sequence[_T]], Iterable[_T]]:
    """Hand on what there is to do, and show how much of it is done."""

    def shown(items: Sequence[_T]) -> Iterator[_T]:
        from emseg.cli import console

        with console.progress(description, total=len(items), unit="images") as meter:
            for item in items:
                yield item
                meter.advance()

    return shown
