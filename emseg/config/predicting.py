"""How a model is applied."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from emseg.answering import InstanceMethod, Turns, parse_thresholds
from emseg.calibration import parse_smallest
from emseg.config.base import (
    INVERT,
    MODEL,
    RESULTS,
    SLICES,
    Backends,
    Cluster,
    Computing,
    Config,
    Slices,
    Threads,
)
from emseg.config.setting import Setting, checked, many, text
from emseg.config.unattended import Unattended
from emseg.errors import UsageError


class ImageFormat(StrEnum):
    """What label images and probabilities are written as."""

    OME_TIFF = "ome.tif"
    OME_ZARR = "ome.zarr"
    HSPY = "hspy"


class PredictConfig(Computing, Unattended):
    """How a model is applied; what is None is as the model's card says."""

    model: Annotated[Path, MODEL]
    members: tuple[Path, ...] = ()
    inputs: Annotated[
        tuple[Path, ...],
        Setting(
            "Micrographs: files, folders, stacks or globs. Further models before them answer "
            "together with the first.",
            "INPUTS...",
            is_argument=True,
        ),
    ]
    out: Annotated[Path, RESULTS] = Path("predictions")
    format: Annotated[
        ImageFormat, Setting("What label images and probabilities are written as.")
    ] = ImageFormat.OME_TIFF
    slices: Annotated[Slices, SLICES] = None
    probabilities: Annotated[bool, Setting("Write class probabilities beside the labels.")] = False
    previews: Annotated[bool, Setting("Write a picture of each label image.")] = True
    tta: Annotated[
        Turns | None,
        Setting(
            "Average over the four flips, or the eight flips and turns (d4): better, 4 or 8 x as "
            "long."
        ),
    ] = None
    uncertainty: Annotated[
        bool,
        Setting("Write how unsure each pixel is: entropy, and the disagreement of several models."),
    ] = False
    thresholds: Annotated[
        dict[str, float],
        many(parse_thresholds),
        Setting(
            "A class is where its probability reaches this, and only there; repeatable.",
            "CLASS=P",
            ("--threshold",),
        ),
    ] = Field(default_factory=dict)
    smallest: Annotated[
        str | None,
        checked(parse_smallest),
        Setting(
            "Smaller objects go to the class around them: pixels, an area as in 50nm2, or the "
            "diameter of a circle of its area, as in 5nm.",
            "N|AREA|LENGTH",
        ),
    ] = None
    fill_holes: Annotated[
        str | None,
        checked(partial(parse_smallest, option="--fill-holes")),
        Setting(
            "Holes of objects that are no larger go to the class around them.", "N|AREA|LENGTH"
        ),
    ] = None
    instances: Annotated[
        InstanceMethod | None,
        Setting("Number the objects: an image and a table; a watershed tells touching ones apart."),
    ] = None
    top_k: Annotated[int, Field(ge=1), Setting("Classes a row, for a classifier.")] = 3
    tile: Annotated[
        int | None,
        Field(ge=16),
        Setting("Side of a tile in pixels; as memory allows by default."),
    ] = None
    halo: Annotated[
        int | None,
        Field(ge=0),
        Setting("Margin that a tile reads and does not keep; see the card."),
    ] = None
    invert: Annotated[bool | None, INVERT] = None
    cluster: Cluster = None


class BenchmarkConfig(Backends):
    """How fast a model is computed here."""

    model: Annotated[Path, MODEL]
    size: Annotated[int, Field(ge=64, le=16384), Setting("Side of the image in pixels.", "N")] = (
        2048
    )
    repeats: Annotated[
        int, Field(ge=1, le=100), Setting("Rounds; medians of them are told.", "N")
    ] = 3


class ExportKind(StrEnum):
    """What is made of a model, beside its weights."""

    ONNX = "onnx"
    OPENVINO = "openvino"
    INT8 = "int8"


class ExportConfig(Config):
    """What is exported of a model, and what it may cost."""

    model: Annotated[Path, MODEL]
    to: Annotated[ExportKind, text(str.lower), Setting("What is made.", noun="export (--to)")] = (
        ExportKind.ONNX
    )
    images: Annotated[
        tuple[str, ...], Setting("Micrographs such as will be predicted, for int8.", "PATH")
    ] = ()
    masks: Annotated[
        tuple[str, ...],
        Setting("Their masks, by which the loss of int8 is measured.", "PATH|NAME=DIR"),
    ] = ()
    max_loss: Annotated[float, Field(ge=0, le=1), Setting("Mean Dice that int8 may lose.", "X")] = (
        0.005
    )
    threads: Threads = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse options of which one makes the other pointless."""
        if self.to is ExportKind.INT8 and not self.images:
            raise UsageError(
                "--to int8 is calibrated on micrographs such as will be predicted: give --images"
            )
        if self.masks and self.to is not ExportKind.INT8:
            raise UsageError(f"--masks measures what int8 costs, and --to {self.to} costs nothing")
        return self
