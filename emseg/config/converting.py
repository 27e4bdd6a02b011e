"""What is looked into, and what is written in another format."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import model_validator

from emseg.config.base import RESULTS, SLICES, Files, Slices
from emseg.config.setting import Setting
from emseg.config.unattended import Unattended
from emseg.errors import UsageError


class InfoConfig(Files):
    """What is looked into: files, and models."""

    files: Annotated[
        tuple[str, ...], Setting("Files, folders or globs.", "FILE...", is_argument=True)
    ]
    ranges: Annotated[
        bool, Setting("Read all pixels for their smallest and largest value.", flags=("--range",))
    ] = False
    thumbnails: Annotated[
        Path | None, Setting("Write a small picture of each image into this folder.", "OUT")
    ] = None
    invert: bool = False


class ConvertConfig(Files, Unattended):
    """What is written in another format; information bars stay unless they are cut off."""

    inputs: Annotated[
        tuple[Path, ...],
        Setting("Micrographs: files, folders, stacks or globs.", "INPUTS...", is_argument=True),
    ]
    to: Annotated[
        str, Setting("Format of what is written.", "ome.tif|ome.zarr|hspy|tif|png|npy")
    ] = "ome.tif"
    out: Annotated[Path, RESULTS] = Path("converted")
    overwrite: Annotated[
        bool,
        Setting(
            "Replace results that exist already, and do again what is done.",
            flags=("--overwrite", "--replace"),
        ),
    ] = False
    slices: Annotated[Slices, SLICES] = None
    drop_calibration: Annotated[
        bool, Setting("Write no pixel size, for formats without a place for it.")
    ] = False
    invert: Annotated[bool, Setting("Swap dark and bright.")] = False
    crop: Annotated[
        str | None, Setting("Cut out these rows and columns: 0:884,0:1024.", "A:B[,C:D]")
    ] = None
    keep_bar: bool = True

    @model_validator(mode="after")
    def _is_without_model(self) -> Self:
        """Refuse names that only predictions have."""
        if "{model" in (self.name or ""):
            raise UsageError(f"--name {self.name!r}: {{model}} is for emseg predict; leave it out")
        return self
