"""Heaps of HDF5 files in which its library would look for free space without end.

A global heap keeps text of any length. Its objects lie behind each other; the last one, number 0,
is the free space, and says how long that is. Where a damaged file says 0, libhdf5 (1.14) never
gets past it, and nothing can interrupt it (HDF5 file format, III.E)::

    "GCOL"  version 1  size of the heap   number  ...  length   text   number  ...  length
    4       4          8                  2       6    8        8 n    0            must be > 0
"""

import mmap
import struct
from pathlib import Path

from emseg.errors import UnreadableFileError

_MAGIC, _HEADER, _OBJECT = b"GCOL\x01\0\0\0", 16, 16
_LOOKED_AT = 1 << 25  # bytes at the start of a file, where metadata lie; 32 MB take 20 ms


def check_heaps(file: Path) -> None:
    """Refuse a file whose library would never end reading it.

    Raises
    ------
    UnreadableFileError
        When the free space of a heap has no length.
    """
    if not file.is_file() or not file.stat().st_size:
        return
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as held:
        start = held.find(_MAGIC, 0, _LOOKED_AT)
        while start >= 0:
            if _is_endless(held, start):
                raise UnreadableFileError(
                    f"{file} is damaged: the heap at byte {start:,} has free space of no length; "
                    "copy it again from where it was recorded"
                )
            start = held.find(_MAGIC, start + 1, _LOOKED_AT)


def _is_endless(held: mmap.mmap, start: int) -> bool:
    """Whether the objects of a heap lead to free space of no length."""
    (size,) = struct.unpack_from("<Q", held, start + 8) if start + _HEADER <= len(held) else (0,)
    at, end = start + _HEADER, min(start + size, len(held))
    while at + _OBJECT <= end:
        number, length = struct.unpack_from("<H6xQ", held, at)
        if number == 0:
            return bool(length == 0)
        at += _OBJECT + -(-length // 8) * 8
    return False
