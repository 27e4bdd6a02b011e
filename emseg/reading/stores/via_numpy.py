"""Reads ``.npy`` arrays through NumPy, and those of an ``.npz`` archive.

Pixels of an ``.npy`` stay on the disk until they are asked for; a member of an archive is
read whole. An array does not say what its axes are, so two dimensions are (Y, X), three are
(Z, Y, X) and four (Z, C, Y, X); a last axis of 3 or 4 samples behind two longer ones is colour,
one of a single sample a channel.
"""

import math
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from emseg.calibration import Axis
from emseg.errors import UnreadableFileError, listed
from emseg.reading.formats import Format
from emseg.reading.signals.axis_names import renamed, roles_of
from emseg.reading.signals.layout import why_not
from emseg.reading.signals.signal import Index, OpenFile, Signal

_HEADER = 256  # bytes, within which a header says the type
_OBJECTS = re.compile(rb"'descr': '\|?O")
_HEADERS = {
    (1, 0): npy_format.read_array_header_1_0,
    (2, 0): npy_format.read_array_header_2_0,
}


def open_source(path: Path, _format: Format) -> OpenFile:
    """Open an array or an archive; pickled objects are refused by NumPy itself."""
    if path.suffix.lower() == ".npz":
        return _open_archive(path)
    _refuse_objects(path)
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)

    def read(index: Index) -> NDArray[Any]:  # a map that stays counts as memory as it is read
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False)[index])

    return OpenFile((_signal("", array.shape, array.dtype, read),))


def _refuse_objects(path: Path) -> None:
    """Refuse Python objects, whose reading would run what they say: they are never unpickled."""
    with path.open("rb") as file:
        start = file.read(_HEADER)
    if not start.startswith((npy_format.MAGIC_PREFIX, b"PK")):
        raise ValueError("it does not begin as one")  # NumPy would speak of unpickling it
    if start.startswith(npy_format.MAGIC_PREFIX) and _OBJECTS.search(start):
        if path.stem.endswith("_seg"):
            raise UnreadableFileError(
                f"{path} seems to be cellpose's own file: Python objects, which emseg never "
                "unpickles; save the masks as TIFF, with --save_tif of cellpose or from its window"
            )
        raise UnreadableFileError(
            f"{path} holds Python objects, which emseg never unpickles; save the array of numbers "
            "alone with numpy.save, or as TIFF"
        )


def _open_archive(path: Path) -> OpenFile:
    with zipfile.ZipFile(path) as archive:
        members = [each for each in archive.namelist() if each.endswith(".npy")]
        signals = tuple(_member(path, archive, each) for each in members)
    images = [each.name for each in signals if not why_not(each)]
    selection = (
        ""
        if len(images) < 2
        else (
            f"holds {len(images)} images and does not say which is meant: "
            f"{listed(images, most=8)}; name one with --signal {images[0]}"
        )
    )
    return OpenFile(signals, ambiguity=selection)


def _member(path: Path, archive: zipfile.ZipFile, member: str) -> Signal:
    with archive.open(member) as file:
        shape, dtype = _header(file)
    name = member.removesuffix(".npy")

    def read(index: Index) -> NDArray[Any]:
        with np.load(path, allow_pickle=False) as arrays:
            values: NDArray[Any] = arrays[name][index]
        return values

    signal = _signal(name, shape, dtype, read)
    return replace(signal, needs=math.prod(shape) * dtype.itemsize)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of an array without its values (NumPy format, NEP 1)."""
    shape, _, dtype = _HEADERS[npy_format.read_magic(file)](file)
    return shape, dtype


def _signal(
    name: str, shape: tuple[int, ...], dtype: np.dtype[Any], read: Callable[[Index], NDArray[Any]]
) -> Signal:
    axes = [Axis("", size) for size in shape]
    roles = roles_of(axes, dtype)
    named = renamed(axes, roles.names)
    return Signal(name, named, dtype, read, refusal=roles.refusal, notices=roles.notices)
