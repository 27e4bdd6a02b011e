"""Chunks of a Zarr array that no file holds, which read as its fill value.

Zarr leaves out chunks in which every value is the fill value, and reads one that was lost in the
same way. So the files of an array are held against its grid::

    shape (40, 100), chunks (20, 40)       0.0 | 0.1 | 0.2
                                           ----+-----+----
    there are 0.0, 0.2, 1.0 and 1.2        1.0 | 1.1 | 1.2     missing: 0.1 and 1.1

A shard is a file that holds many chunks and an index, in which those that are left out are marked.
"""

import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import PathMissingError, UnreadableFileError, listed
from emseg.remote import RemotePath, asked

_MOST = 100_000  # chunks that are looked for one by one
_MOST_ELSEWHERE = 10_000
_SHARDS = 1_000  # files whose index is read
_ABSENT = 2**64 - 1  # offset and length of a chunk that a shard leaves out
_CHECKSUM = 4  # bytes of crc32c behind the index


def gaps(file: Path, place: str, *, allow_external: bool = False) -> Iterator[str]:
    """Say which chunks of an array are missing.

    Parameters
    ----------
    file : Path
        The store, a folder or a zip file.
    place : str
        Path of the array in it.
    allow_external : bool
        Whether chunks may be links to files outside the folder that holds the store.

    Raises
    ------
    UnreadableFileError
        When a chunk is such a link.
    """
    if isinstance(file, RemotePath):
        yield from _gaps_elsewhere(file, place.strip("/"))
    else:
        yield from _gaps(_Files.of(file, place.strip("/")), allow_external=allow_external)


@lru_cache(maxsize=1000)
def _gaps_elsewhere(file: RemotePath, place: str) -> tuple[str, ...]:
    """Look once a process: a store is opened for each file and by each thread that reads it."""
    return tuple(_gaps(_Elsewhere(file, place), allow_external=True))


def _gaps(files: "_Files", *, allow_external: bool) -> Iterator[str]:
    grid = _Grid.of(files.metadata())
    if grid is None or not 0 < grid.count <= files.most:
        return
    if not allow_external:
        files.refuse_links()
    missing = list(_missing(files, grid))
    if missing:
        where = f"{files.place}/" if files.place else ""
        yield (
            f"has {len(missing):,} of {math.prod(grid.chunks_along):,} chunks missing: "
            f"{listed([where + each for each in missing])}; they read as {grid.fill}, which is "
            "right only where they held nothing else"
        )


@dataclass(frozen=True, slots=True)
class _Grid:
    """How an array is cut: into files, and each of them perhaps into chunks of its own."""

    shape: tuple[int, ...]
    step: tuple[int, ...]
    inner: tuple[int, ...]
    prefix: str
    separator: str
    fill: str
    index: Mapping[str, Any] | None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "_Grid | None":
        """Read it from the metadata of Zarr 2 or 3; None where they do not say it as usual."""
        try:
            return cls._of_two(said) if "chunks" in said else cls._of_three(said)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    @classmethod
    def _of_two(cls, said: Mapping[str, Any]) -> "_Grid":
        shape, step = tuple(map(int, said["shape"])), tuple(map(int, said["chunks"]))
        separator = str(said.get("dimension_separator") or ".")
        return cls(shape, step, step, "", separator, str(said.get("fill_value")), None)

    @classmethod
    def _of_three(cls, said: Mapping[str, Any]) -> "_Grid":
        shape = tuple(map(int, said["shape"]))
        step = tuple(map(int, said["chunk_grid"]["configuration"]["chunk_shape"]))
        encoding = said.get("chunk_key_encoding") or {"name": "default"}
        is_default = encoding["name"] == "default"
        usual = "/" if is_default else "."
        separator = str((encoding.get("configuration") or {}).get("separator") or usual)
        sharding = next(
            (each for each in said["codecs"] if each["name"] == "sharding_indexed"), None
        )
        index = sharding["configuration"] if sharding else None
        inner = tuple(map(int, index["chunk_shape"])) if index else step
        prefix = f"c{separator}" if is_default else ""
        return cls(shape, step, inner, prefix, separator, str(said.get("fill_value")), index)

    @property
    def files_along(self) -> tuple[int, ...]:
        """Files along each axis."""
        return tuple(-(-size // step) for size, step in zip(self.shape, self.step, strict=True))

    @property
    def chunks_along(self) -> tuple[int, ...]:
        """Chunks along each axis."""
        return tuple(-(-size // step) for size, step in zip(self.shape, self.inner, strict=True))

    @property
    def count(self) -> int:
        """Number of chunks; 0 of an array that has no grid."""
        return math.prod(self.chunks_along) if self.shape else 0

    def key(self, at: tuple[int, ...]) -> str:
        """Name of a file."""
        return self.prefix + self.separator.join(map(str, at))

    def within(self, at: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Chunks of a file that have a value of the array, by their place in the file."""
        along = [
            min(outer // inner, -(-(size - first * outer) // inner))
            for size, outer, inner, first in zip(self.shape, self.step, self.inner, at, strict=True)
        ]
        return list(product(*map(range, along)))


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of an array, in a folder or a zip file."""

    file: Path
    place: str

    @property
    def most(self) -> int:
        """Chunks up to which they are looked for."""
        return _MOST

    @classmethod
    def of(cls, file: Path, place: str) -> "_Files":
        return _Folder(file, place) if file.is_dir() else cls(file, place)

    def metadata(self) -> Mapping[str, Any]:
        """Read what the array says of itself."""
        names = self.names()
        for name in (".zarray", "zarr.json"):
            if name in names:
                said = json.loads(self.read(name))
                return said if isinstance(said, dict) else {}
        return {}

    def names(self) -> set[str]:
        """Files below the array, without its path."""
        above = f"{self.place}/" if self.place else ""
        with zipfile.ZipFile(self.file) as archive:
            found = archive.namelist()
        return {each.removeprefix(above) for each in found if each.startswith(above)}

    def read(self, name: str, size: int = -1, *, from_end: bool = False) -> bytes:
        """Read a file, or its beginning or end."""
        path = f"{self.place}/{name}" if self.place else name
        with zipfile.ZipFile(self.file) as archive, archive.open(path) as opened:
            if from_end:
                opened.seek(max(0, archive.getinfo(path).file_size - size))
            return opened.read(size)

    def refuse_links(self) -> None:
        """Nothing in a zip file leads out of it."""


@dataclass(frozen=True, slots=True)
class _Folder(_Files):
    """The files of an array in a folder."""

    def names(self) -> set[str]:
        folder = self.file / self.place
        return {str(each.relative_to(folder).as_posix()) for each in folder.rglob("*")}

    def read(self, name: str, size: int = -1, *, from_end: bool = False) -> bytes:
        path = self.file / self.place / name
        with path.open("rb") as opened:
            if from_end:
                opened.seek(max(0, path.stat().st_size - size))
            return opened.read(size)

    def refuse_links(self) -> None:
        root = self.file.resolve().parent
        for path in (self.file / self.place, *(self.file / self.place).rglob("*")):
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise UnreadableFileError(
                    f"{self.file}: {path.relative_to(self.file)} is a link to {path.resolve()}, "
                    "outside the folder of the store, and was not read; copy it there, or say "
                    "--allow-external where you trust both"
                )


@dataclass(frozen=True, slots=True)
class _Elsewhere(_Files):
    """The objects of an array in a store that is on no disk, whose names come by the thousand."""

    file: RemotePath

    @property
    def most(self) -> int:
        return _MOST_ELSEWHERE if self.file.is_listed else 0

    def metadata(self) -> Mapping[str, Any]:
        for name in (".zarray", "zarr.json"):
            with suppress(PathMissingError):
                said = json.loads(self.read(name))
                return said if isinstance(said, dict) else {}
        return {}

    def names(self) -> set[str]:
        above = str(self.file / self.place).partition("://")[2].rstrip("/") + "/"
        found = asked(self.file / self.place, "find")
        return {str(each).partition(above)[2] for each in found}

    def read(self, name: str, size: int = -1, *, from_end: bool = False) -> bytes:
        part = {} if size < 0 else {"start": -size} if from_end else {"start": 0, "end": size}
        return bytes(asked(self.file / self.place / name, "cat_file", **part))


def _missing(files: _Files, grid: _Grid) -> Iterator[str]:
    there = files.names()
    all_files = list(product(*map(range, grid.files_along)))
    reads_index = grid.index is not None and len(all_files) <= _SHARDS
    for at in all_files:
        key = grid.key(at)
        if key not in there:
            within = grid.within(at) if grid.index else ()
            yield from [f"{key}[{', '.join(map(str, each))}]" for each in within] or [key]
        elif reads_index and (offsets := _index(files, key, grid)) is not None:
            inside = (each for each in grid.within(at) if offsets[each] == _ABSENT)
            yield from (f"{key}[{', '.join(map(str, each))}]" for each in inside)


def _index(files: _Files, key: str, grid: _Grid) -> NDArray[np.uint64] | None:
    """Where each chunk of a shard begins (Zarr 3, sharding codec); None when it is unusual."""
    said = grid.index or {}
    codecs = [each.get("name") for each in said.get("index_codecs", ())]
    if codecs not in (["bytes"], ["bytes", "crc32c"]):
        return None
    along = tuple(outer // inner for outer, inner in zip(grid.step, grid.inner, strict=True))
    size = 16 * math.prod(along)
    at_end = said.get("index_location", "end") == "end"
    taken = size + (_CHECKSUM if "crc32c" in codecs else 0)
    content = files.read(key, taken, from_end=at_end)
    if len(content) < size:
        return None
    order = said["index_codecs"][0].get("configuration", {}).get("endian", "little")
    kind = np.dtype(np.uint64).newbyteorder("<" if order == "little" else ">")
    return np.frombuffer(content[:size], kind).reshape(*along, 2)[..., 0]
