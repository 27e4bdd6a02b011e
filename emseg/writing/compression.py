"""The squares in which planes are stored, deflated side by side while others are still to come."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.writing.content import Content

_MOST_THREADS = 8
_LABELS, _INTENSITIES = 6, 1  # effort, of 12


@contextmanager
def compressing(threads: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """Give threads that compress; at the end of the block none of them is at work any more.

    Parameters
    ----------
    threads : int, optional
        How many, where others compute beside; by default one a core.
    """
    threads = min(_MOST_THREADS, threads or os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, "compressing") as pool:
        yield pool


def filled_up(square: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Copy a square, with zeros where it hangs over the edge of the plane, shape ``size``."""
    whole = np.zeros(size, square.dtype)
    whole[: square.shape[0], : square.shape[1]] = square
    return whole


def effort_for(content: Content) -> int:
    """How hard to look for repetitions, 1 to 12.

    More effort makes label images a quarter smaller. In intensities and probabilities, which are
    noise in their lower bits, it finds nothing and takes half as long again.
    """
    return _LABELS if content.classes else _INTENSITIES


def deflated(square: NDArray[Any], effort: int) -> bytes:
    """Compress values in their order in memory as zlib does (RFC 1950)."""
    import imagecodecs

    return bytes(imagecodecs.deflate_encode(square.tobytes(), effort))
