"""Zarr stores that lie on no disk: ``s3://bucket/volume.zarr``, reached through fsspec.

`pathlib` takes the double slash for a single one; a `RemotePath` keeps the address as a user gave
it, through every call that takes paths, and asks the network only where it is read or listed.
"""

import os
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from emseg.errors import ContentError, PathMissingError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem
    from zarr.storage import FsspecStore

    _Path = Path
else:
    _Path = type(Path())

_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "http": "aiohttp", "https": "aiohttp"}
_ADDRESS = re.compile(rf"({'|'.join(_PACKAGES)}):/+([^/].*)", re.DOTALL)
_INSIDE = re.compile(r"(\.zarr)/+(?=[^/])", re.IGNORECASE)
DOCUMENTS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
_NOT_THERE = (FileNotFoundError, NotADirectoryError)


class RemotePath(_Path):
    """Address of a store, or of a folder of stores, in an object store or on a web server.

    It is a folder as far as names tell: what ends like a file is none that emseg reads there.
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Give the address with both slashes."""
        kind, colon, rest = super().__str__().replace(os.sep, "/").partition(":/")
        return f"{kind}://{rest.lstrip('/')}" if colon else kind

    @property
    def kind(self) -> str:
        """What the address begins with: ``"s3"``."""
        return self.parts[0].rstrip(":")

    @property
    def is_listed(self) -> bool:
        """Whether what lies below can be listed, which web servers do not offer."""
        return not self.kind.startswith("http")

    def is_file(self, **_: Any) -> bool:
        """Say no: a store is many objects."""
        return False

    def is_dir(self, **_: Any) -> bool:
        """Say by the name whether it is a store, or a folder."""
        return self.suffix.lower() in ("", ".zarr")

    exists = is_dir

    def absolute(self) -> Self:
        """Give the address, which is absolute."""
        return self

    def resolve(self, strict: bool = False) -> Self:  # noqa: ARG002 - as pathlib
        """Give the address, which leads nowhere else."""
        return self

    expanduser = absolute

    def iterdir(self) -> Generator[Self]:
        """List what lies in a folder.

        Raises
        ------
        ContentError, PathMissingError
            When it cannot be listed, or nothing is there.
        """
        if not self.is_listed:
            raise ContentError(
                f"{self} is on a web server, which lists no folder; name the stores in it "
                "(what ends in .zarr)"
            )
        own = str(self).partition("://")[2]
        for key in asked(self, "ls", detail=False):
            if key.strip("/") != own:  # an empty object that stands for the folder
                yield self / key.rstrip("/").rpartition("/")[2]

    def remove(self) -> None:
        """Remove an object, or all that lie below an address; nothing there is no error.

        The names are those that were listed, since fsspec takes a star in one for a pattern.
        """
        with suppress(PathMissingError), _reaching(self) as system:
            for key in system.find(str(self)):
                system.rm_file(key)

    def open(self, mode: str = "r", *_: Any, **options: Any) -> Any:
        """Open an object to be read.

        Raises
        ------
        PathMissingError, ContentError
            When there is none, or it cannot be reached.
        """
        said = {name: each for name, each in options.items() if each is not None}
        return asked(self, "open", mode=mode, **said)

    def version(self) -> tuple[int, int] | None:
        """Tell one state of a store from the next: bytes and time (ns) of what describes it."""
        for name in DOCUMENTS:
            try:
                said = asked(self / name, "info")
            except PathMissingError:
                continue
            at = said.get("LastModified") or said.get("updated") or said.get("mtime")
            at = datetime.fromisoformat(at) if isinstance(at, str) else at
            return int(said.get("size") or 0), int(at.timestamp() * 1e9) if at else 0
        return None

    def store(self) -> "FsspecStore":
        """Open it for zarr-python, to be read.

        Raises
        ------
        ContentError
            When it cannot be reached.
        """
        from zarr.storage import FsspecStore

        with suppress(PathMissingError):  # zarr-python asks much at once, and leaves what fails
            asked(self, "info")
        options = _options(self.kind)
        return FsspecStore.from_url(str(self), storage_options=options, read_only=True)


def as_path(given: str | Path) -> Path:
    """Take a path, and an address for what it is; what follows ``.zarr/`` lies inside the store."""
    if isinstance(given, RemotePath):
        return given
    found = _ADDRESS.fullmatch(given.as_posix() if isinstance(given, Path) else given)
    if found is None:
        return given if isinstance(given, Path) else Path(given)
    return RemotePath(f"{found[1]}:/{_INSIDE.sub('.zarr:/', found[2], count=1)}")


def asked(path: RemotePath, what: str, *arguments: Any, **options: Any) -> Any:
    """Ask the store about an address, as a method of fsspec does.

    Raises
    ------
    PathMissingError
        When nothing is there.
    ContentError
        When it cannot be reached, or not by this user.
    """
    with _reaching(path) as system:
        return getattr(system, what)(str(path), *arguments, **options)


def put(files: Mapping[RemotePath, Path]) -> None:
    """Copy files to the object store in which all of these addresses are.

    Raises
    ------
    PathMissingError, ContentError
        When one of them cannot be written.
    """
    if files:
        with _reaching(next(iter(files))) as system:
            system.put([str(each) for each in files.values()], [str(each) for each in files])


@contextmanager
def _reaching(path: RemotePath) -> Iterator["AbstractFileSystem"]:
    package = _PACKAGES[path.kind]
    if find_spec(package) is None:
        raise ContentError(
            f"{path} is read through {package}, which is not installed; pip install 'emseg[cloud]'"
        )
    try:
        yield _system(path.kind)
    except _NOT_THERE as error:
        raise PathMissingError(f"there is nothing at {path}; check the address") from error
    except Exception as error:  # of botocore, gcsfs, aiohttp, and what they stand on
        raise ContentError(f"{path} cannot be reached ({why(error)}); {CURE}") from error


CURE = "check the address, the network and your credentials (docs/object-stores.md)"
"""What helps when a store cannot be read."""


def why(error: Exception) -> str:
    """Give the reason in one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) < 120 else said[:117] + "..."


@lru_cache
def _system(kind: str) -> "AbstractFileSystem":
    import fsspec

    return fsspec.filesystem(kind, **_options(kind))


@lru_cache
def _options(kind: str) -> dict[str, Any]:
    """Come as nobody where this user has no name: a public bucket of S3 asks for none.

    Looking for a name asks files and, on machines of Amazon, the network: once a process.
    """
    if kind != "s3":
        return {}
    from botocore.session import Session

    return {"anon": Session().get_credentials() is None}
