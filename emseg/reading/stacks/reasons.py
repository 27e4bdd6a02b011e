"""Why a file cannot be read, in one line for the user."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emseg.errors import EmsegError, UnreadableFileError
from emseg.memory import bounded, free_bytes, in_words, is_shortage
from emseg.reading import formats
from emseg.reading.admitting.admission import may_be_hdf5
from emseg.reading.inside import file_of
from emseg.remote import CURE, RemotePath, why


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn whatever a format library raises on a bad file into one line for the user.

    The libraries raise anything from `struct.error` to `AttributeError` on damaged files,
    which is why every exception counts.
    """
    try:
        with bounded():
            yield
    except EmsegError:
        raise
    except PermissionError as error:
        raise UnreadableFileError(f"{path} may not be read; ask for the permission") from error
    except Exception as error:
        if is_shortage(error):
            raise UnreadableFileError(
                f"{path} needs more memory than the {in_words(free_bytes())} that are free; close "
                "other programs, or cut the file into parts"
            ) from error
        raise UnreadableFileError(_reason(path, error)) from error


def _reason(path: Path, error: Exception) -> str:
    if isinstance(file_of(path), RemotePath):
        return f"{path} cannot be read ({why(error)}); {CURE}"
    claimed = formats.format_of(path).name
    actual = _sniff(path)
    if actual is not None and actual.split()[0] != claimed and claimed in formats.SNIFFED:
        return f"{path} is no {claimed} file but looks like {actual}; rename it"
    if may_be_hdf5(formats.format_of(path)) and (needed := _missing_filters(path)):
        return f"{path} cannot be read: {needed}"
    said = " ".join(str(error).replace(str(path), path.name).split()) or type(error).__name__
    said = said if len(said) < 120 else said[:117] + "..."
    return f"{path} cannot be read as {claimed} ({said}); save it again or leave it out"


def _missing_filters(path: Path) -> str:
    from emseg.reading.admitting.hdf5_filters import missing_filters

    try:
        return missing_filters(file_of(path))
    except (OSError, RuntimeError, KeyError, ValueError):  # it is damaged in other ways too
        return ""


def _sniff(path: Path) -> str | None:
    path = file_of(path)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return formats.looks_like(file.read(8))
