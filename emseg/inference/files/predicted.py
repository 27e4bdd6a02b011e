"""What a prediction tells of a file, and leaves of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

Progress = Callable[[float, str], None]
"""Told which share of a file is done, 0 to 1, and in words what is done."""


def unheard(_share: float, _words: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """What one file was predicted to show.

    It is text, which takes a fifth of the memory: a run may be of very many files.

    Parameters
    ----------
    labels : str or None
        Where its label image lies; None for a classifier.
    text : str
        `rows` as JSON.
    """

    labels: str | None
    text: str = "[]"

    @classmethod
    def of(cls, written: Path | None, rows: Sequence[dict[str, object]]) -> Self:
        """Hold a label image by its path, and rows."""
        return cls(None if written is None else str(written), json.dumps(rows))

    @property
    def written(self) -> Path | None:
        """Its label image; None for a classifier."""
        return None if self.labels is None else Path(self.labels)

    @property
    def rows(self) -> tuple[dict[str, object], ...]:
        """A row a plane, as in ``predictions.csv``."""
        return tuple(json.loads(self.text))
