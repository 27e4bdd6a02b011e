"""What reading takes of the memory, known before it is taken."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from emseg.memory import require_free
from emseg.reading.signals.signal import Index, Signal

_COPIES = 2  # as they are stored, and as they are handed on


def chunk_of(array: Any) -> tuple[int, ...]:
    """Shape of the largest chunk of an array, which is decoded whole; empty without chunks.

    Parameters
    ----------
    array : h5py.Dataset, dask or Zarr array, or any other
    """
    chunks = getattr(array, "chunks", None) or ()
    return tuple(int(max(each) if isinstance(each, tuple) else each) for each in chunks)


def chunk_bytes(array: Any) -> int:
    """Bytes of the largest chunk of an array, as `chunk_of` takes it; 0 of one without chunks."""
    chunk = chunk_of(array)
    return math.prod(chunk) * int(array.dtype.itemsize) if chunk else 0


def weighed(path: Path, signal: Signal) -> Signal:
    """Let a signal refuse to read what does not fit into the memory that is free.

    Parameters
    ----------
    path : Path
        The file, for the message.
    signal : Signal
        As its reader describes it.
    """
    read = signal.read

    def read_if_it_fits(index: Index) -> NDArray[Any]:
        asked = math.prod(
            len(range(size)[at]) if isinstance(at, slice) else 1
            for size, at in zip(signal.shape, index, strict=False)
        )
        values = asked * signal.dtype.itemsize
        require_free(
            max(_COPIES * values, signal.needs + values),
            f"reading {path}",
            "close other programs, or read it where there is more",
        )
        return read(index)

    return replace(signal, read=read_if_it_fits)
