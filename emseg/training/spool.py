"""Pixels of a training: in memory while they are a part of what is free, beyond that in files.

::

    memory   plane plane plane                       up to a quarter of what was free
    files    | plane plane plane ... | plane ... |   what goes beyond, of 1 GiB each, mapped

A file has no name, so that nothing is left of it however the process ends, and its room on the
disk is given back once none of its planes is looked at. Mapped pixels are sliced as any array; of
them the system keeps in memory what it has room for.
"""

import errno
import logging
import math
import mmap
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from emseg.config import TrainConfig
from emseg.errors import StorageError
from emseg.memory import free_bytes, free_on_disk, in_words
from emseg.micrograph import Micrograph
from emseg.pixels import LazyPixels, Pixels, row_bands

_SHARE = 1 / 4  # of the memory that is free; a step, a validation and other programs need the rest
_FILE = 1 << 30  # bytes of a file, unless a plane has more
_ALIGNED = 64  # bytes, at a multiple of which a plane begins
_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_log = logging.getLogger(__name__)

Change = Callable[[list[Micrograph]], Sequence[Micrograph]]
"""Takes all micrographs of a training and gives each as it is to be."""


class Spool:
    """Keeps pixels, in memory or in files without a name.

    Parameters
    ----------
    config : TrainConfig
        Files lie beside its run folder; processes on one machine share its memory.

    Notes
    -----
    Keeps within its block; what it has kept stays as long as it is looked at.
    """

    def __init__(self, config: TrainConfig) -> None:
        self._beside = config.out
        self._free = free_bytes()
        self._most = int(_SHARE * self._free / config.devices)
        self._in_memory = self._in_files = 0
        self._files: dict[bool, _File] = {}

    def keep(self, micrograph: Micrograph, *, passing: bool = False) -> Micrograph:
        """Keep the pixels of a micrograph; of what is read by rows no more than a band at once.

        Parameters
        ----------
        micrograph : Micrograph
            Of its neighbours nothing is kept.
        passing : bool
            Whether it is let go before the training begins; such ones share their files.

        Returns
        -------
        Micrograph
            Its pixels are an array, that of a file is not to be written to.

        Raises
        ------
        StorageError
            When the disk is full.
        """
        return replace(micrograph, pixels=self.array(micrograph.pixels, passing=passing))

    def array(self, pixels: Pixels, *, passing: bool = False) -> NDArray[Any]:
        """Keep pixels of shape (C, Y, X), as `keep` does."""
        size = math.prod(pixels.shape) * pixels.dtype.itemsize
        fits = self._in_memory + size <= self._most
        if fits:
            kept = np.asarray(pixels)
            kept = kept if kept.base is None else kept.copy()  # of a part, all of it would stay
        else:
            kept = self._written(pixels, size, passing)
        self._count(size, fits)
        weakref.finalize(kept, self._count, -size, fits).atexit = False
        return kept

    def changed(self, micrographs: Sequence[Micrograph], change: Change) -> list[Micrograph]:
        """Change micrographs that are kept, each of them by rows where it becomes another one.

        Parameters
        ----------
        micrographs : sequence of Micrograph
            As `keep` gave them.
        change : callable
            Takes and gives all of them; `emseg.pixels.mapped` makes what differs.
        """
        by_rows = [replace(each, pixels=_ByRows(each.array)) for each in micrographs]
        done = change(by_rows)
        return [
            replace(after, pixels=each.pixels)
            if after.pixels is before.pixels
            else self.keep(after)
            for each, before, after in zip(micrographs, by_rows, done, strict=True)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Write no more; tell what lies in files."""
        try:
            for file in self._files.values():
                with self._explained():
                    file.finish()
        finally:
            for file in self._files.values():
                file.close()
            self._files.clear()
        if self._in_files and kind is None:
            _log.warning(
                "the micrographs and masks take %s, and %s of memory are free: %s of them lie in "
                "files without a name in %s while this training goes on, which end with it",
                in_words(self._in_memory + self._in_files),
                in_words(self._free),
                in_words(self._in_files),
                self._folder(),
            )

    def _count(self, size: int, is_in_memory: bool) -> None:
        if is_in_memory:
            self._in_memory += size
        else:
            self._in_files += size

    def _written(self, pixels: Pixels, size: int, passing: bool) -> NDArray[Any]:
        folder, file = self._folder(), self._files.get(passing)
        if (free := free_on_disk(folder)) < size:
            raise StorageError(
                f"{self._why()}: {in_words(size)} more are needed and {in_words(free)} are free; "
                f"{_CURE}"
            )
        with self._explained():
            if file is None or not file.takes(size):
                if file is not None:
                    file.finish()
                    file.close()
                file = self._files[passing] = _File(folder, max(size, _FILE))
            return file.write(pixels, size)

    def _folder(self) -> Path:
        """Find the folder beside the run, or the next one above that is there and takes files."""
        above = [each for each in self._beside.absolute().parents if each.is_dir()]
        inside = [self._beside] if self._beside.is_dir() else []
        return next((each for each in (above[0], *inside) if os.access(each, os.W_OK)), above[0])

    def _why(self) -> str:
        return (
            f"the micrographs and masks take more than a part of the {in_words(self._free)} of "
            f"memory that are free, and cannot be written into a file in {self._folder()}"
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what it means that the disk takes nothing."""
        try:
            yield
        except OSError as error:
            if error.errno not in _STORAGE:
                raise
            raise StorageError(f"{self._why()}: {error.strerror}; {_CURE}") from error


_CURE = "make room there, name a run on another disk with --out, or close other programs"


class _File:
    """A file without a name, of a size that is known, in which planes lie one behind the other."""

    def __init__(self, folder: Path, size: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, prefix=".emseg-", buffering=0)  # noqa: SIM115 - as long as its map
        self._file.truncate(size)
        self._map = mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ)
        self._end = 0

    def takes(self, size: int) -> bool:
        """Whether there is room for so many bytes."""
        return self._end + size <= len(self._map)

    def write(self, pixels: Pixels, size: int) -> NDArray[Any]:
        """Write pixels (C, Y, X) band by band, and give them mapped."""
        start, shape = self._end, pixels.shape
        row = shape[2] * pixels.dtype.itemsize
        for top, band in row_bands(pixels):
            for number, channel in enumerate(band):
                self._put(channel, start + (number * shape[1] + top) * row)
        self._end = start + size + -size % _ALIGNED
        return np.ndarray(shape, pixels.dtype, self._map, start)

    def _put(self, rows: NDArray[Any], offset: int) -> None:
        left = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
        self._file.seek(offset)
        while left:
            left = left[self._file.write(left) or 0 :]

    def finish(self) -> None:
        """Let the disk take all of it: over a network only this tells that it is full."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of it; it stays as long as planes in it are looked at."""
        self._file.close()


class _ByRows(LazyPixels):
    """An array taken for pixels that are read, so that nothing changes all of it at once."""

    def __init__(self, array: NDArray[Any]) -> None:
        super().__init__(array.shape, array.dtype)
        self._array = array

    def rows(self, top: int, bottom: int) -> NDArray[Any]:
        """Take rows of it."""
        return self._array[:, top:bottom]
