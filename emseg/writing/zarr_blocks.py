"""One OME-Zarr that several processes fill, each the rows of its blocks, and none another's chunk.

::

    rows of chunks   |0              |512            |1024           |1536
    block 0           ################ ------          a row of chunks, and an edge
    block 1                                 --------- ###...          an edge, and so on

Whole rows of chunks are written where they belong. What a block has of a row of chunks that it
shares with the next one is an edge, a file beside the image, until who gathers all blocks has both.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from emseg.writing.compression import compressing
from emseg.writing.content import Content
from emseg.writing.ome_zarr import OmeZarrSink, begin_levels, write_chunks
from emseg.writing.pyramid import Strip
from emseg.writing.sink import Sink
from emseg.writing.whole import empty_ones_removed, exchange, explained, require_replaceable

Rows = tuple[int, int]
"""First row of a block in its plane, and the one behind its last."""


@dataclass(frozen=True, slots=True)
class BlockedImage:
    """An image that is written block by block.

    Parameters
    ----------
    folder : Path
        In which it lies until it is whole, on the disk of the result.
    content : Content
        What it will hold, as many planes as are announced.
    """

    folder: Path
    content: Content

    @property
    def is_begun(self) -> bool:
        """Whether the image is there, and not in its place yet."""
        return self._image.exists()

    def begin(self) -> None:
        """Make the image, without a chunk, in the place of what may be there."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for each in (self._image, self._edges, self._beside):
            each.mkdir(parents=True)
        begin_levels(self._image, self.content)

    @contextmanager
    def block(self, plane: int, top: int, threads: int | None = None) -> Iterator["BlockSink"]:
        """Take the rows of one block; any process may, and again what another has begun.

        Parameters
        ----------
        plane : int
            Which plane they are of, counted in the image.
        top : int
            The first of them.
        threads : int, optional
            That compress.
        """
        with compressing(threads) as pool, BlockSink(self, plane, top, pool) as sink:
            yield sink

    def strips(
        self, plane: int, blocks: Sequence[Rows], rows: Rows
    ) -> Iterator[tuple[int, NDArray[Any]]]:
        """Read rows that blocks have written back, a row of chunks at a time.

        Parameters
        ----------
        plane : int
            Which plane they are of.
        blocks : sequence of Rows
            All of the plane; those behind ``rows`` may still be at work.
        rows : Rows
            From where a row of chunks begins to where all is written.

        Yields
        ------
        bottom : int
            The row behind the last of a strip.
        strip : array, shape (C, rows, X)
            A row of chunks that ends within ``rows``.
        """
        height, side = self.content.size[1], self.content.chunk
        for top in range(*rows, side):
            bottom = min(top + side, height)
            if bottom > rows[1]:
                return
            pieces = [
                (max(top, first), min(bottom, last))
                for first, last in blocks
                if first < bottom and top < last
            ]
            yield bottom, np.concatenate([self._read(plane, *each) for each in pieces], axis=1)

    @contextmanager
    def gathered(self, path: Path, blocks: Mapping[int, Sequence[Rows]]) -> Iterator[Sink]:
        """Take all strips again, make what is missing of them, and put the image in its place.

        Parameters
        ----------
        path : Path
            Of the result.
        blocks : mapping of int to sequence of Rows
            Of each plane; asked when its strips come.

        Yields
        ------
        Sink
            Takes the planes, and writes no chunk that a block has written.

        Raises
        ------
        MismatchError, NotWritableError, StorageError
            As `emseg.writing.ome_zarr.ome_zarr_sink` does.
        """
        require_replaceable(path)
        with (
            empty_ones_removed(path.parent),
            explained(path, self._image),
            compressing() as pool,
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            sink = _Gathered(path, self._image, self.content, pool, blocks)
            yield sink
            sink.finish()
            require_replaceable(path)
            exchange(self._image, path)

    @property
    def _image(self) -> Path:
        return self.folder / "image.ome.zarr"

    @property
    def _edges(self) -> Path:
        return self.folder / "edges"

    @property
    def _beside(self) -> Path:
        return self.folder / "beside"

    def write(self, plane: int, top: int, rows: NDArray[Any], pool: ThreadPoolExecutor) -> None:
        """Write rows of one block: a row of chunks in its place, anything else as an edge."""
        bottom = top + rows.shape[1]
        if self._is_whole(top, bottom):
            write_chunks(self._image, self.content, Strip(0, top, rows), plane, pool, self._beside)
            return
        beside = self._beside / token_hex(8)
        with beside.open("wb") as file:
            np.save(file, rows, allow_pickle=False)
        beside.replace(self._edge(plane, top))

    def _read(self, plane: int, top: int, bottom: int) -> NDArray[Any]:
        if not self._is_whole(top, bottom):
            return cast(NDArray[Any], np.load(self._edge(plane, top), allow_pickle=False))
        array = _level_0(self._image)
        content = self.content
        at = (slice(None),) * content.has_channels + (plane,) * content.is_stack
        rows = np.asarray(array[(*at, slice(top, bottom))])
        return rows.reshape(content.size[0], bottom - top, content.size[2])

    def _edge(self, plane: int, top: int) -> Path:
        return self._edges / f"{plane}-{top}.npy"

    def _is_whole(self, top: int, bottom: int) -> bool:
        """Whether rows are a row of chunks, of which the last one of a plane may be lower."""
        side, height = self.content.chunk, self.content.size[1]
        return top % side == 0 and bottom == min(top + side, height)


@lru_cache(maxsize=8)
def _level_0(image: Path) -> Any:
    """Open the array of an image, which knows no chunk until it is asked for it."""
    import zarr

    return zarr.open_group(image, mode="r")["0"]


class BlockSink:
    """Takes the rows of one block, top to bottom; a context manager, see `BlockedImage.block`.

    Parameters
    ----------
    image : BlockedImage
        That they are of.
    plane, top : int
        Its plane, and the first row.
    pool : ThreadPoolExecutor
        Compresses.
    """

    def __init__(self, image: BlockedImage, plane: int, top: int, pool: ThreadPoolExecutor) -> None:
        self._image, self._plane, self._pool = image, plane, pool
        self._top = self._at = top
        self._kept: list[NDArray[Any]] = []

    def __enter__(self) -> Self:
        return self

    def put(self, rows: NDArray[Any]) -> None:
        """Take the next rows, shape (C, any number, X)."""
        side, height = self._image.content.chunk, self._image.content.size[1]
        rows = rows.astype(self._image.content.dtype, copy=False)
        while rows.shape[1]:
            border = min((self._at // side + 1) * side, height)
            part, rows = rows[:, : border - self._at], rows[:, border - self._at :]
            self._kept.append(part)
            self._at += part.shape[1]
            if self._at == border:
                self._write()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and self._kept:
            self._write()

    def _write(self) -> None:
        rows = np.concatenate(self._kept, axis=1)
        self._kept.clear()
        self._image.write(self._plane, self._top, rows, self._pool)
        self._top = self._at


class _Gathered(OmeZarrSink):
    """Writes of level 0 only the rows of chunks that blocks share."""

    def __init__(
        self,
        path: Path,
        temporary: Path,
        content: Content,
        pool: ThreadPoolExecutor,
        blocks: Mapping[int, Sequence[Rows]],
    ) -> None:
        super().__init__(path, temporary, content, pool)
        self._blocks = blocks

    def _is_stored(self, strip: Strip) -> bool:
        bottom = strip.top + strip.pixels.shape[1]
        return strip.level == 0 and any(
            first <= strip.top and bottom <= last for first, last in self._blocks[self.count]
        )
