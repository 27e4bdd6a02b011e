"""The seam of results: what takes the bands of a plane, whatever the format of its file."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import MismatchError
from emseg.writing.content import Content
from emseg.writing.pyramid import Cascade, Strip
from emseg.writing.whole import explained


class Sink(ABC):
    """Takes the rows of a file's planes, top to bottom, plane after plane; holds no plane.

    Parameters
    ----------
    path : Path
        The file, as messages name it.
    temporary : Path
        Where it is written until it is whole.
    content : Content
        What it will hold.
    copies : int
        How many smaller copies of each plane it gets.
    """

    def __init__(self, path: Path, temporary: Path, content: Content, copies: int = 0) -> None:
        self.content = content
        self.count = 0
        self._path, self._temporary = path, temporary
        self._rows = 0
        self._cascade = Cascade(
            content.size,
            content.dtype,
            content.chunk,
            copies=copies,
            averaged=content.is_averaged,
            take=self._take,
        )

    def put(self, band: NDArray[Any]) -> None:
        """Take the next rows of the plane; behind the last row the next plane begins.

        Parameters
        ----------
        band : array, shape (C, rows, X)
            At least one row, of all channels, in the type of the content or one that it can
            hold. How a plane is cut into bands changes nothing in the file.

        Raises
        ------
        MismatchError
            When the shape or the type is another one, the rows go beyond the plane, or more
            planes come than were announced.
        NotWritableError, StorageError
            When the file cannot be written.
        """
        self._require_fitting(band)
        with explained(self._path, self._temporary):
            self._cascade.put(band.astype(self.content.dtype, copy=False))
            self._rows += band.shape[1]
            if self._rows == self.content.size[1]:
                self._rows = 0
                self.count += 1
                self._end_plane()

    def require_complete(self) -> None:
        """Refuse a plane that ended early, and another number of planes than was announced.

        Raises
        ------
        MismatchError
            When rows or planes are missing.
        """
        if self._rows:
            raise MismatchError(
                f"{self._path}: plane {self.count} ended after {self._rows} of "
                f"{self.content.size[1]} rows; check that it is complete"
            )
        if self.count == 0:
            raise MismatchError(f"{self._path}: there is no plane to write; give at least one")
        if self.count != (self.content.count or self.count):
            raise self._miscounted(self.count)

    def _require_fitting(self, band: NDArray[Any]) -> None:
        channels, height, width = self.content.size
        if band.ndim != 3 or (len(band), band.shape[2]) != (channels, width):
            raise MismatchError(
                f"{self._path}: a band of shape {band.shape} where ({channels}, rows, {width}) is "
                "expected; all planes of a file have the same channels and size"
            )
        if not 1 <= band.shape[1] <= height - self._rows:
            raise MismatchError(
                f"{self._path}: a band of {band.shape[1]} rows where {height - self._rows} of "
                f"{height} are left; bands end where the plane does, and are not empty"
            )
        if not np.can_cast(band.dtype, self.content.dtype, "same_kind"):
            raise MismatchError(
                f"{self._path}: values of type {band.dtype} where {self.content.dtype} is "
                "expected; write them into a file of their own"
            )
        if self.count == self.content.count:
            raise self._miscounted(self.count + 1)

    def _miscounted(self, count: int) -> MismatchError:
        return MismatchError(
            f"{self._path}: {count} planes came where {self.content.count} were announced; check "
            "that the stack is complete"
        )

    @abstractmethod
    def _take(self, strip: Strip) -> None:
        """Store a row of chunks of the plane, or of one of its smaller copies."""

    def _end_plane(self) -> None:  # noqa: B027 - most formats have nothing to do
        """Do what is left to do when a plane is complete; ``count`` has counted it."""
