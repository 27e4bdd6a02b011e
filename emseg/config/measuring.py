"""What is measured."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, model_validator

from emseg.config.base import (
    Config,
    Slices,
    check_pixel_size,
    check_smallest,
)
from emseg.errors import UsageError


class Border(StrEnum):
    """What becomes of objects that the border of an image cuts, where sizes are counted."""

    CORRECT = "correct"
    DROP = "drop"
    KEEP = "keep"


class MeasureConfig(Config):
    """Which objects and phases of which label images are measured, and how.

    ``axes`` and ``signal`` are of the label images, ``channels`` and ``keep_bar`` of the
    micrographs.
    """

    inputs: tuple[Path, ...]
    images: Path | None = None
    measured: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None
    labels: dict[int, str] | None = None
    unlabelled: int | None = None
    instances: bool = False
    split: bool = False
    smallest: Annotated[str, BeforeValidator(check_smallest)] = "1"
    border: Border = Border.CORRECT
    sections: bool = False
    slices: Slices | None = None
    axes: str | None = None
    signal: str | None = None
    channels: str | None = None
    pixel_size: Annotated[str | None, BeforeValidator(check_pixel_size)] = None
    crop: str | None = None
    keep_bar: bool = False
    allow_external: bool = False
    pictures: bool = True
    parquet: bool = False
    out: Path = Path("measurements")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse options of which one makes the other pointless."""
        if self.instances:
            given = {
                "--class": self.measured,
                "--classes": self.classes,
                "--labels": self.labels,
            }
            for option, value in given.items():
                if value:
                    raise UsageError(
                        "--instances takes every value but 0 as an object of its own, and "
                        f"{option} is about classes; keep one of them"
                    )
        if self.images is None and (self.channels is not None or self.keep_bar):
            option = "--keep-bar" if self.channels is None else f"--channels {self.channels}"
            raise UsageError(
                f"{option} says how micrographs are read; name them with --images, or leave it out"
            )
        return self
