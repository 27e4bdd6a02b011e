"""Reads planes of a stack together with their neighbours, each plane once on the way through it.

::

    planes    0 1 2 3 4 5
    plane 2   [0 1 2 3 4]         with two neighbours on each side
    plane 3     [1 2 3 4 5]       1 to 4 are kept, 5 is read
"""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from emseg.micrograph import Micrograph, of_slices

_log = logging.getLogger(__name__)


class _PerThread(threading.local):
    """The planes that a thread read last, of one stack; those of another take their place."""

    def __init__(self) -> None:
        self.of: object = None
        self.planes: dict[int, Micrograph] = {}


_last = _PerThread()


def read_around(
    of: object, numbers: Sequence[int], read: Callable[[int], Micrograph]
) -> Micrograph:
    """Read a plane and its neighbours; planes that were read for the plane before are kept.

    Parameters
    ----------
    of : object
        Whose planes they are, and whatever else tells how they are read.
    numbers : sequence of int
        Of the planes, the one that is meant in their middle; some may be the same.
    read : callable
        Reads one of them.

    Returns
    -------
    Micrograph
        With ``len(numbers) - 1`` neighbours; the same plane is the same pixels in all of them.
    """
    known = _last.planes if _last.of == of else {}
    kept = {number: known[number] for number in numbers if number in known}
    _last.of, _last.planes = of, kept  # others are let go before more are read
    for number in numbers:
        if number not in kept:
            kept[number] = read(number)
    return of_slices([kept[number] for number in numbers])


@lru_cache(maxsize=1000)
def tell_alone(path: Path) -> None:
    """Say once for a file that it has no neighbours to show."""
    _log.warning(
        "%s is no stack, and the network sees the slices before and after each: the one slice "
        "stands for them too; where it is of a stack, name that",
        path,
        extra={"more": "{} more are no stacks either"},
    )
