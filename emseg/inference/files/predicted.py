"""What a prediction tells of a file, and leaves of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Progress = Callable[[float, str], None]
"""Told which share of a file is done, 0 to 1, and in words what is done."""


def unheard(_share: float, _words: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """What one file was predicted to show.

    Parameters
    ----------
    written : Path or None
        Its label image; None for a classifier.
    rows : tuple of dict
        A row a plane, as in ``predictions.csv``.
    """

    written: Path | None
    rows: tuple[dict[str, object], ...]
