"""Files and folders that appear whole or not at all."""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from emseg.errors import EmsegError, NotWritableError, StorageError, UsageError
from emseg.writing.leftovers import hidden_beside, sweep

OURS = "emseg"
"""Attribute of the Zarr groups that emseg writes."""

_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")  # NumPy says it without a number
_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_PERMISSION = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,  # what /proc says to a new folder, and a folder that was removed meanwhile
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,  # a file where a folder should be
    errno.ENAMETOOLONG,
    errno.ELOOP,
}


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Write a file so that it appears complete or not at all.

    Yields a path beside the final one: same folder (made when missing), same suffix, hidden,
    and unlike that of any other process. When the block ends well, what lies there takes the
    final name in one step; otherwise it is removed, and a file that was there before stays. What
    killed processes of this machine were writing into the folder is removed first.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.

    Yields
    ------
    Path
        Where the block must write.

    Raises
    ------
    NotWritableError
        When the folder takes no file, or ``path`` is a folder.
    StorageError
        When the disk is full or fails.
    """
    path = Path(path)
    sweep(path.parent.absolute())
    temporary = hidden_beside(path)
    with empty_ones_removed(path.parent):
        try:
            with explained(path, temporary):
                path.parent.mkdir(parents=True, exist_ok=True)
                yield temporary
                temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Write a folder so that it appears complete or not at all.

    The same as `whole_file`: yields an empty, hidden folder beside the final one. A folder that
    was there before is moved aside, replaced, and only then removed.

    Parameters
    ----------
    path : Path
        The folder to write; an older one is replaced as a whole.

    Yields
    ------
    Path
        The folder that the block must fill.

    Raises
    ------
    NotWritableError
        When the parent takes no folder, or ``path`` is a file.
    StorageError
        When the disk is full or fails.
    """
    path = Path(path)
    sweep(path.parent.absolute())
    temporary = hidden_beside(path)
    with empty_ones_removed(path.parent):
        try:
            with explained(path, temporary):
                temporary.mkdir(parents=True)
                yield temporary
                exchange(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def hidden_folder(folder: Path) -> Iterator[Path]:
    """Make a hidden folder for what is not whole yet, in a folder; it goes when the block ends.

    Parameters
    ----------
    folder : Path
        In which; what killed processes of this machine have left there is removed first.
    """
    sweep(folder.absolute())
    hidden = hidden_beside(folder / "folder")
    with explained(folder, hidden):
        hidden.mkdir(parents=True)
    try:
        yield hidden
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def put_in_place(source: Path, path: Path) -> None:
    """Give a file or a folder that is whole its place on the same disk, in one step.

    Parameters
    ----------
    source : Path
        Where it is.
    path : Path
        Its place; what was there is replaced.

    Raises
    ------
    NotWritableError, StorageError
        As `whole_file` and `whole_folder`.
    """
    with explained(path, source):
        path.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            require_replaceable(path)
            exchange(source, path)
        else:
            source.replace(path)


def require_writable(folder: Path) -> None:
    """Make sure, before hours of work, that results can be written.

    Makes the folder when it is missing, writes one byte into it and removes that again. When
    this fails, the folders made on the way are removed too.

    Parameters
    ----------
    folder : Path
        Where results will go.

    Raises
    ------
    NotWritableError
        When the folder cannot be made or takes no file.
    StorageError
        When the disk is full.
    """
    folder = Path(folder)
    missing = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    probe = hidden_beside(folder / "probe")
    try:
        with explained(folder, probe):
            folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"\0")
            probe.unlink()
    except EmsegError:
        with suppress(OSError):
            probe.unlink()
        for made in missing:
            with suppress(OSError):
                made.rmdir()
        raise


def require_apart(
    results: Iterable[Path],
    inputs: Iterable[Path],
    what: str,
    *,
    original: str = "a micrograph",
    cure: str = "choose another --out",
) -> None:
    """Refuse results that would go where an input lies, or in the place of a strange folder.

    Parameters
    ----------
    results, inputs : iterable of Path
        What will be written, and what it is made of.
    what, original : str
        What a result and an input are called: ``"the label image"``.
    cure : str
        What a user does about it.

    Raises
    ------
    UsageError
        When a result would overwrite an input.
    NotWritableError
        As `require_replaceable` does.
    """
    originals = {path.resolve() for path in inputs}
    for path in results:
        if path.resolve() in originals:
            raise UsageError(f"{what} {path} would overwrite {original}; {cure}")
        require_replaceable(path)


def require_replaceable(path: Path) -> None:
    """Refuse to put a result in the place of a folder that emseg did not write.

    Parameters
    ----------
    path : Path
        Where a file, or a folder that is one image (Zarr), will go. A file may be replaced, and
        so may an empty folder or an image that emseg wrote.

    Raises
    ------
    NotWritableError
        When there is a folder with anything else.
    """
    try:
        is_empty = not any(path.iterdir())
    except OSError:  # no folder; what else may be wrong is told when it is written
        return
    if is_empty:
        return
    try:
        said = json.loads((path / ".zattrs").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = None
    if not isinstance(said, dict) or OURS not in said:
        raise NotWritableError(
            f"{path} is a folder that emseg did not write, and it is not replaced; move it, or "
            "choose another output folder"
        )


@contextmanager
def results_folder(folder: Path) -> Iterator[None]:
    """Make sure that results can be written, and leave no empty folder when there are none.

    Parameters
    ----------
    folder : Path
        Where the results of the block go; made when missing. What was made and is still empty
        after the block is removed, however the block ended.

    Raises
    ------
    NotWritableError, StorageError
        As `require_writable`, before the block begins.
    """
    folder = Path(folder)
    with empty_ones_removed(folder):
        require_writable(folder)
        yield


@contextmanager
def empty_ones_removed(folder: Path) -> Iterator[None]:
    """Remove a folder, and those above it, that the block makes and leaves empty."""
    missing = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    try:
        yield
    finally:
        for made in missing:
            with suppress(OSError):  # it holds something
                made.rmdir()


def exchange(temporary: Path, path: Path) -> None:
    """Put a folder in the place of another one, which comes back when that fails.

    Raises
    ------
    NotADirectoryError
        When a file is in its place.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "is a file, not a folder", str(path))
    if not path.exists():
        temporary.rename(path)
        return
    old = hidden_beside(path)
    path.rename(old)
    try:
        temporary.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def explained(path: Path, temporary: Path) -> Iterator[None]:
    """Turn what the system says about ``path`` into a refusal that says what to do.

    An error about another file (an input that is read while writing) passes unchanged.
    """
    try:
        yield
    except EmsegError:
        raise
    except OSError as error:
        if _SHORT_WRITE.fullmatch(str(error)):
            raise StorageError(
                f"{path} could not be written: the disk took a part only ({error}); make room or "
                "choose another disk"
            ) from error
        concerned = {None, str(temporary), str(path), *map(str, path.parents)}
        if error.errno in _STORAGE:
            raise StorageError(
                f"{path} could not be written: {error.strerror}; make room or choose another disk"
            ) from error
        if error.errno in _PERMISSION and _text(error.filename) in concerned:
            raise NotWritableError(
                f"{path} cannot be written: {error.strerror}; choose another output folder"
            ) from error
        raise


def _text(filename: object) -> str | None:
    """Name in an OSError as text; None when it names no file."""
    if filename is None or isinstance(filename, int):
        return None
    return os.fsdecode(filename) if isinstance(filename, (bytes, os.PathLike)) else str(filename)
