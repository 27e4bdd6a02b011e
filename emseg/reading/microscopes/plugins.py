"""The plugins of RosettaSciIO, imported without what none of them needs.

Nearly all of them import dask.array, which looks for SciPy, sparse and jinja2 to offer more
than arrays of numbers: sparse chunks, other Fourier transforms, pages for notebooks. Without
these dask.array is there in less than half the time; what is read stays the same.
"""

import bz2
import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from emseg.imports import without
from emseg.reading.quiet import mute, no_warnings

FileReader = Callable[..., list[dict[str, Any]]]

_BY_DASK = frozenset({"scipy", "sparse", "jinja2"})
_BY_PLUGIN = {"tvips": frozenset({"numba"})}  # to compile one loop over the frames of a scan


def file_reader(plugin: str) -> FileReader:
    """Import the function of a plugin that reads a file.

    Parameters
    ----------
    plugin : str
        Name of its module in RosettaSciIO.
    """
    importlib.import_module("rsciio")
    mute("rsciio", "dask", "h5py", "zarr")
    with no_warnings():
        if plugin != "phenom":
            dask_array()
        with without(_BY_PLUGIN.get(plugin, frozenset())):
            module = importlib.import_module(f"rsciio.{plugin}")
    return _elid_reader() if plugin == "phenom" else module.file_reader


def dask_array() -> ModuleType:
    """Import dask.array, which reads parts of arrays when they are asked for."""
    if "dask.array" in sys.modules:
        return sys.modules["dask.array"]
    with no_warnings(), without(_BY_DASK):
        return importlib.import_module("dask.array")


def _elid_reader() -> FileReader:
    from rsciio.phenom._api import ElidReader

    class QuickElidReader(ElidReader):  # type: ignore[misc]
        """Unpacks the file once.

        Its parent asks the decompressor for every byte of a spectrum map by itself, which
        takes three times as long, and waits for ever where a file is cut short.
        """

        _unpacked = b""
        _at = 0

        def _read(self, size: int = 1) -> bytes:
            if not self._at:
                self._unpacked = bz2.decompress(self._file.read())
            start, self._at = self._at, self._at + size
            if self._at > len(self._unpacked):
                raise EOFError("it ends too early")
            return self._unpacked[start : self._at]

        def _read_varuint32(self) -> int:
            at, value, shift = self._at, 0, 0
            while (byte := self._unpacked[at]) & 128:
                value |= (byte & 127) << shift
                at, shift = at + 1, shift + 7
            self._at = at + 1
            return value | (byte << shift)

    return lambda path, **_: QuickElidReader(path).dictionaries
