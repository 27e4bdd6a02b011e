"""What tells one state of an input from the next: sizes, times, and what its files hold."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from emseg.errors import ContentError
from emseg.reading.finding.file_sets import members_of
from emseg.reading.inside import file_of
from emseg.reading.pictures.sidecar import texts_of
from emseg.remote import RemotePath

_PIECE = 1 << 20  # bytes that are read at a time


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The state of an input, at a glance.

    Parameters
    ----------
    size : int
        Bytes of all files that it lies in.
    modified_ns : int
        When the last of them changed, in nanoseconds since 1970.
    """

    size: int
    modified_ns: int


def fingerprint(path: Path) -> Fingerprint | None:
    """Look at the sizes and times of an input; nothing of it is read.

    Parameters
    ----------
    path : Path
        A file, a folder that is one image, or an address inside a file. Of an image in several
        files all count, and so does the text that a microscope wrote beside a picture.

    Returns
    -------
    Fingerprint or None
        None when it is not there, or cannot be looked at.
    """
    whole = file_of(path)
    if isinstance(whole, RemotePath):
        return _version(whole)
    return _looked_at(_files(path))


def content_hash(path: Path) -> str | None:
    """Hash what an input holds: BLAKE2b (RFC 7693) of 128 bits, of a folder its names too.

    Parameters
    ----------
    path : Path
        As for `fingerprint`.

    Returns
    -------
    str or None
        Hexadecimal; None when a file cannot be read, or is none that ends, or a store elsewhere.
    """
    if isinstance(file_of(path), RemotePath):
        return None
    return _hash(path, _files(path))


def identity(path: Path) -> tuple[Fingerprint | None, str | None]:
    """Look at an input and hash what it holds, both at once; see `fingerprint`, `content_hash`."""
    if isinstance(file_of(path), RemotePath):
        return fingerprint(path), None
    files = list(_files(path))
    return _looked_at(files), _hash(path, files)


def _version(store: RemotePath) -> Fingerprint | None:
    """Look at what describes a store elsewhere; its chunks are not looked at."""
    try:
        version = store.version()
    except ContentError:  # who opens it says why
        return None
    return None if version is None else Fingerprint(*version)


def _looked_at(files: Iterable[Path]) -> Fingerprint | None:
    size = modified_ns = 0
    try:
        for each in files:
            said = each.stat()
            size, modified_ns = size + said.st_size, max(modified_ns, said.st_mtime_ns)
    except OSError:
        return None
    return Fingerprint(size, modified_ns)


def _hash(path: Path, files: Iterable[Path]) -> str | None:
    said = hashlib.blake2b(digest_size=16)
    try:
        for each in files:
            if not each.is_file():
                return None
            if path.is_dir():
                said.update(os.fsencode(each.relative_to(path)))
            with each.open("rb") as file:
                while piece := file.read(_PIECE):
                    said.update(piece)
    except OSError:
        return None
    return said.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    """Name all files of an input, in an order that stays."""
    whole = file_of(path)
    if whole.is_dir():
        for folder, below, names in os.walk(whole):
            below.sort()
            yield from (Path(folder, name) for name in sorted(names))
        return
    yield from members_of(whole)
    yield from texts_of(whole)
