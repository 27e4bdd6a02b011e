"""Everything that emseg refuses, and the exit code that says so.

::

    EmsegError
    ├── UsageError (ValueError)              exit code 2: the command was wrong
    │   ├── UnknownNameError                 a network, class or metric that does not exist
    │   ├── PathMissingError (FileNotFoundError)
    │   └── NotWritableError (PermissionError)
    ├── PartialError                         exit code 3: some inputs failed, the others are done
    └── ContentError (ValueError)            exit code 4: content that cannot be used
        ├── UnreadableFileError (OSError)    a file that is not what its name says
        ├── LabelError                       masks whose values mean nothing
        ├── MismatchError                    images and masks that do not belong together
        ├── ModelError                       a model folder that is damaged or does not fit
        └── StorageError (OSError)           the disk is full or failed while writing

Every message says what is wrong, names the value, and says what to do.
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class EmsegError(Exception):
    """The root: catching it catches whatever emseg refuses."""

    exit_code: ClassVar[int] = 4


class UsageError(EmsegError, ValueError):
    """The command, an option or an argument is wrong."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is none of the known ones.

    Parameters
    ----------
    kind : str
        What the name stands for, in the singular (``"network"``).
    name : str
        The name that was given.
    known : iterable of str
        The names that would have been accepted.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        super().__init__(f"there is no {kind} {name!r}; {did_you_mean(name, self.known)}")


class PathMissingError(UsageError, FileNotFoundError):
    """A path that does not exist."""


class NotWritableError(UsageError, PermissionError):
    """An output folder into which nothing can be written."""


class PartialError(EmsegError):
    """Some of several inputs failed; the results of the others are kept."""

    exit_code = 3


class ContentError(EmsegError, ValueError):
    """Content that cannot be used."""

    exit_code = 4


class UnreadableFileError(ContentError, OSError):
    """A file that cannot be read as what it claims to be."""


class LabelError(ContentError):
    """Masks whose values cannot be mapped to classes."""


class MismatchError(ContentError):
    """Images and masks, or predictions and masks, that do not belong together."""


class ModelError(ContentError):
    """A model folder that is damaged, incomplete, or does not fit the images."""


class StorageError(ContentError, OSError):
    """The disk refused to take a result."""


def first_line(error: BaseException) -> str:
    """Say in one line what a library said; of an error without words its name."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def did_you_mean(name: str, known: Iterable[str], *, most: int = 12) -> str:
    """Say which known name was probably meant, or which there are.

    Parameters
    ----------
    name : str
        The mistyped name.
    known : iterable of str
        The names that exist.
    most : int
        How many names are listed at most when none is close.

    Returns
    -------
    str
        ``"did you mean 'unet'?"`` or ``"known are a, b and c"``.
    """
    names = list(known)
    lowered = {each.lower(): each for each in reversed(names)}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    if close:
        return f"did you mean {lowered[close[0]]!r}?"
    if not names:
        return "none is known"
    return f"known are {listed(names, most=most)}"


def listed(items: Iterable[object], *, most: int = 5) -> str:
    """List names or values in a message: the first ones, and how many more there are.

    Parameters
    ----------
    items : iterable
        In the order in which they are shown.
    most : int
        How many are named.

    Returns
    -------
    str
        ``"1.png, 2.png and 3 more"``; empty when there are none.
    """
    names = [str(each) for each in items]
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
