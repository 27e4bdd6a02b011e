"""How a model is applied, and what is compared with what."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from emseg.answering import Instances, Turns
from emseg.calibration import parse_distance, parse_smallest
from emseg.config.base import (
    Memory,
    Reading,
    Slices,
    Threads,
    check_smallest,
)


class ImageFormat(StrEnum):
    """What label images and probabilities are written as."""

    OME_TIFF = "ome.tif"
    OME_ZARR = "ome.zarr"
    HSPY = "hspy"


def _check_hole(text: Any) -> Any:
    if isinstance(text, str):
        parse_smallest(text, "--fill-holes")
    return text


def _check_distance(text: Any) -> Any:
    if isinstance(text, str):
        parse_distance(text)
    return text


class Computing(Reading):
    """What computes a network; every command that only predicts with one shares these options."""

    device: str = "auto"
    threads: Threads = None
    backend: str = "auto"
    precision: str | None = None
    max_ram: Memory | None = None
    max_vram: Memory | None = None


class PredictConfig(Computing):
    """How a model is applied; what is None is as the model's card says."""

    model: Path
    members: tuple[Path, ...] = ()
    inputs: tuple[Path, ...]
    out: Path = Path("predictions")
    format: ImageFormat = ImageFormat.OME_TIFF
    slices: Slices | None = None
    invert: bool | None = None
    tile: int | None = Field(default=None, ge=16)
    halo: int | None = Field(default=None, ge=0)
    probabilities: bool = False
    previews: bool = True
    tta: Turns | None = None
    uncertainty: bool = False
    thresholds: dict[str, float] = Field(default_factory=dict)
    smallest: Annotated[str | None, BeforeValidator(check_smallest)] = None
    fill_holes: Annotated[str | None, BeforeValidator(_check_hole)] = None
    instances: Instances | None = None
    top_k: int = Field(default=3, ge=1)


class InfoConfig(Reading):
    """What is looked into: files, and models."""

    files: tuple[str, ...]
    ranges: bool = False
    thumbnails: Path | None = None
    invert: bool = False


class ConvertConfig(Reading):
    """What is written in another format; information bars stay unless they are cut off."""

    inputs: tuple[Path, ...]
    to: str = "ome.tif"
    out: Path = Path("converted")
    replace: bool = False
    slices: Slices | None = None
    invert: bool = False
    keep_bar: bool = True
    drop_calibration: bool = False


class Explanation(StrEnum):
    """What can be drawn of a network, in the order in which it is drawn."""

    IMPORTANCE = "importance"
    FILTERS = "filters"
    FEATURES = "features"
    GRADCAM = "gradcam"
    CAM = "cam"
    OCCLUSION = "occlusion"


class ExplainConfig(Reading):
    """What is drawn of a network that sees a micrograph; what is None is as usual for it."""

    model: Path
    image: Path
    what: tuple[Explanation, ...] | None = None
    layers: tuple[str, ...] = ()
    class_name: str | None = None
    patch: int | None = Field(default=None, ge=2)
    out: Path = Path("explanation")
    slices: Slices | None = None
    invert: bool | None = None
    device: str = "auto"
    threads: Threads = None


class Numbered(StrEnum):
    """Whose values number objects; the other side is binary."""

    BOTH = "both"
    PREDICTIONS = "predictions"
    MASKS = "masks"


class EvaluateConfig(Computing):
    """What is compared with what: label images with masks, or what a model says with the truth."""

    inputs: Path
    masks: Path | None = None
    mask_folders: dict[str, Path] = Field(default_factory=dict)
    model: Path | None = None
    classes: tuple[str, ...] | None = None
    labels: dict[int, str] | None = None
    prediction_labels: dict[int, str] | None = None
    unlabelled: int | None = None
    slices: Slices | None = None
    invert: bool | None = None
    out: Path = Path("evaluation")
    top_k: int = Field(default=5, ge=1)
    metrics: tuple[str, ...] | None = None
    distance: Annotated[str | None, BeforeValidator(_check_distance)] = None
    objects: tuple[str, ...] | None = None
    smallest: Annotated[str, BeforeValidator(check_smallest)] = "1"
    group_by: str = "image"
    draws: int = Field(default=1000, ge=0, le=100_000)  # more say nothing new, and take hours
    seed: int = Field(default=0, ge=0)
    compare: tuple[Path, Path] | None = None
    instances: Numbered | None = None
    images: Path | None = None
    report: bool = True
