"""The next image is read while the one before it is compared."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


def ahead(items: Iterable[_T]) -> Iterator[_T]:
    """Take each item in a second thread while the one before it is used.

    Two items are in memory at once. What taking an item raises is raised where that item would
    have come, after all before it.

    Parameters
    ----------
    items : iterable
        Whose taking is worth the while, such as a generator that decodes files.
    """
    end = object()
    source = iter(items)
    with ThreadPoolExecutor(1, "ahead") as reader:
        coming = reader.submit(next, source, end)
        while (item := coming.result()) is not end:
            coming = reader.submit(next, source, end)
            yield item  # type: ignore[misc]
