"""The label images that ``emseg measure`` measures, and those that it could not."""

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emseg.calibration import PixelSize
from emseg.errors import EmsegError
from emseg.outcomes import Outcome, failed, raise_failures, tell_failure
from emseg.reading import Plane
from emseg.reading.stacks.label_images import LabelDescription


@dataclass(frozen=True, slots=True)
class Field:
    """One label image that is measured; nothing of it is in memory.

    Parameters
    ----------
    name : str
        What outputs are named after, unlike that of any other field: the stem of the file, and
        the plane behind it.
    plane : Plane
        Its pixels.
    described : LabelDescription or None
        What emseg wrote about it; None for the label images of another program.
    micrograph : Plane or None
        The micrograph that it describes, when the user named it.
    pixel_size : PixelSize or None
        What the user says, the label image, or its micrograph; in that order.
    """

    name: str
    plane: Plane
    described: LabelDescription | None
    micrograph: Plane | None
    pixel_size: PixelSize | None

    @property
    def title(self) -> str:
        """The name in tables: ``"series[3]"``."""
        count = len(self.plane.stack)
        stem = self.name if count == 1 else self.name.rpartition("_")[0]
        return stem if count == 1 else f"{stem}[{self.plane.index}]"


class Failures:
    """Inputs that could not be measured; the log says why as soon as it is known."""

    def __init__(self) -> None:
        self._found: list[Outcome[Any]] = []

    def __iter__(self) -> Iterator[Outcome[Any]]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def note(self, path: Path, error: EmsegError | MemoryError, *, of: int) -> None:
        """Remember and tell that one of several inputs failed.

        Raises
        ------
        UsageError
            When it is the command that is wrong, for every file.
        """
        outcome = failed(path, error, "close other programs, or measure a --crop")
        self._found.append(outcome)
        tell_failure(outcome, of)

    def require_any(self, left: Sized) -> None:
        """Refuse to go on without anything to measure: raise the one error, or that all failed."""
        if not left:
            raise_failures(self._found, len(self), kind="label images", done="measured")
