"""Files that appear whole or not at all."""

import os
from pathlib import Path

from emseg.errors import NotWritableError, StorageError, UsageError


def store(path: Path, content: bytes) -> Path:
    """Write a file beside its place and rename it, creating its folders.

    Parameters
    ----------
    path : Path
        Where the file goes; replaced when it exists.
    content : bytes
        What it holds.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    UsageError
        When a file lies where a folder should be, or the other way round.
    NotWritableError
        When the folder does not let us write.
    StorageError
        When the disk fails.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise UsageError(
            f"{path} cannot be written: {error.filename} is in the way; choose another folder"
        ) from error
    except PermissionError as error:
        raise NotWritableError(
            f"nothing can be written into {path.parent}; choose a folder of your own"
        ) from error
    except OSError as error:
        raise StorageError(
            f"{path} could not be written ({error.strerror}); check the disk and start again"
        ) from error
    return path


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
