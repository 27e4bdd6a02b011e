"""What became of the files of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emseg.errors import EmsegError

Progress = Callable[[float, str], None]
"""Told which share of a file is done, 0 to 1, and in words what is done."""


def unheard(_share: float, _words: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file.

    Parameters
    ----------
    path : Path
        The micrograph.
    written : Path or None
        Its label image; None for a classifier, and when it failed.
    rows : tuple of dict
        A row a plane, as in ``predictions.csv``; none when it failed.
    error : EmsegError or None
        Why it failed.
    """

    path: Path
    written: Path | None = None
    rows: tuple[dict[str, object], ...] = ()
    error: EmsegError | None = None
