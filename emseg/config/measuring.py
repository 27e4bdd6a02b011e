"""What is measured."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import model_validator

from emseg.config.base import RESULTS, SLICES, Cluster, Files, Slices, Smallest
from emseg.config.setting import Setting, text
from emseg.errors import UsageError
from emseg.mask_values import parse_labels, parse_names, parse_value


class Border(StrEnum):
    """What becomes of objects that the border of an image cuts, where sizes are counted."""

    CORRECT = "correct"
    DROP = "drop"
    KEEP = "keep"


class MeasureConfig(Files):
    """Which objects and phases of which label images are measured, and how.

    ``axes`` and ``signal`` are of the label images, ``channels`` and ``keep_bar`` of the
    micrographs.
    """

    inputs: Annotated[
        tuple[Path, ...],
        Setting(
            "Label images of emseg or of another program: files, folders, stacks or globs.",
            "LABELS...",
            is_argument=True,
        ),
    ]
    images: Annotated[
        Path | None,
        Setting("The micrographs, matched by name: mean intensities, and pictures to check by."),
    ] = None
    measured: Annotated[
        tuple[str, ...],
        Setting(
            "Class whose objects are measured; repeatable. All but the first by default.",
            "NAME",
            ("--class",),
        ),
    ] = ()
    classes: Annotated[
        tuple[str, ...] | None,
        text(parse_names),
        Setting("Classes in the order of the values.", "NAME,..."),
    ] = None
    labels: Annotated[
        dict[int, str] | None,
        text(parse_labels),
        Setting("Class of each value, for other programs'.", "VALUE=NAME,..."),
    ] = None
    unlabelled: Annotated[
        int | None,
        text(parse_value),
        Setting("Value, or colour, of pixels that belong to no class.", "VALUE"),
    ] = None
    instances: Annotated[
        bool, Setting("Every value but 0 is an object: label images of cellpose, StarDist.")
    ] = False
    split: Annotated[
        bool,
        Setting(
            "Tell touching round objects apart, by watershed; with --instances, the pieces of a "
            "number that do not touch."
        ),
    ] = False
    smallest: Annotated[
        Smallest,
        Setting(
            "Smallest object: pixels, an area as in 50nm2, or the diameter of a circle of its "
            "area, as in 5nm.",
            "N|AREA|LENGTH",
        ),
    ] = "1"
    border: Annotated[
        Border,
        Setting(
            "Objects that the border cuts: left out of sizes and counts and made up for "
            "(Miles-Lantuejoul), only left out, or taken as they are."
        ),
    ] = Border.CORRECT
    sections: Annotated[
        bool, Setting("The images are random sections: area fractions are of volume.")
    ] = False
    slices: Annotated[Slices, SLICES] = None
    pictures: Annotated[
        bool, Setting("Draw size distributions, and the objects of each image.")
    ] = True
    parquet: Annotated[bool, Setting("Write objects.parquet too; needs pyarrow.")] = False
    out: Annotated[Path, RESULTS] = Path("measurements")
    cluster: Cluster = None

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
