"""Reads ``.npy`` arrays through NumPy; pixels stay on the disk until they are asked for.

An array does not say what its axes are, so two dimensions are (Y, X), three are (Z, Y, X)
and four (Z, C, Y, X); a last axis of 3 or 4 samples behind two longer ones is colour.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import Axis
from emseg.reading.formats import Format
from emseg.reading.signal import Signal, Source

_NAMES = {1: "i", 2: "yx", 3: "zyx", 4: "zcyx", 5: "tzcyx"}


def open_source(path: Path, _format: Format) -> Source:
    """Open a NumPy array; pickled objects are refused by NumPy itself."""
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    names = axis_names(array.shape)
    axes = tuple(Axis(name, size) for name, size in zip(names, array.shape, strict=True))
    return Source((Signal("", axes, array.dtype, lambda index: array[index]),))


def axis_names(shape: tuple[int, ...]) -> str:
    """One letter for each axis of an array that does not name them."""
    coloured = len(shape) >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) > 4
    if coloured and len(shape) < 5:
        return "zyxs"[-len(shape) :]
    return _NAMES.get(len(shape), "q" * len(shape))
