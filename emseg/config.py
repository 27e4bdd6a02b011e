"""Everything a user can set, checked once, frozen, and written beside each result as TOML."""

import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from emseg.answering import Instances, Turns
from emseg.calibration import parse_distance, parse_pixel_size, parse_smallest
from emseg.errors import UnknownNameError, UnreadableFileError, UsageError
from emseg.naming import fault_of, shown
from emseg.schedules import parse_schedule


class Task(StrEnum):
    """What a network does with a micrograph."""

    SEGMENTATION = "segmentation"
    CLASSIFICATION = "classification"


def parse_slices(text: str) -> slice:
    """Read ``"0:20"``, ``":20"`` or ``"20:"``: planes of a stack or files of a folder.

    Raises
    ------
    UsageError
        When the text is no range, or an empty one.
    """
    start, colon, stop = text.partition(":")
    try:
        first = int(start) if start.strip() else 0
        last = int(stop) if stop.strip() else None
    except ValueError:
        colon = ""
    if not colon or (last is not None and first >= 0 and 0 <= last <= first):
        raise UsageError(f"{text!r} is no range of slices; write 0:20 for the first twenty")
    return slice(first, last)


def _check_slices(text: Any) -> Any:
    if isinstance(text, str):
        parse_slices(text)
    return text


def _parse_bytes(text: Any) -> Any:
    """Read ``"2G"``, ``"1.5 GB"`` or ``"800M"``: powers of a thousand, as sizes are sold."""
    if not isinstance(text, str):
        return text
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([kmgt])i?b?\s*", text.lower())
    if found is None or not float(found[1]):
        raise UsageError(f"{text!r} is no size of memory; write 2G or 800M")
    return int(float(found[1]) * 1000 ** (1 + "kmgt".index(found[2])))


Memory = Annotated[int, BeforeValidator(_parse_bytes), Field(ge=1)]
Threads = Annotated[int | None, Field(ge=1, le=1024)]
Slices = Annotated[str, BeforeValidator(_check_slices)]


class Config(BaseModel):
    """What all configurations share: frozen, no unknown keys, TOML in and out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read a configuration file.

        Raises
        ------
        UnreadableFileError
            When the file cannot be read, is no TOML, or holds a key or value that does not
            belong there.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UnreadableFileError(f"{path} is no valid configuration: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise UnreadableFileError(
                f"{path} is no valid configuration: {key}: {first['msg']}; correct or remove it"
            ) from error

    @classmethod
    def from_options(cls, **options: Any) -> Self:
        """Build from what a user typed.

        Raises
        ------
        UsageError
            When a value makes no sense; names the option, the value and the reason.
        """
        try:
            return cls(**options)
        except ValidationError as error:
            first = error.errors()[0]
            said = first.get("ctx", {}).get("error")
            if isinstance(said, UsageError):
                raise said from error
            if first["type"] == "enum":
                known = re.findall(r"'([^']+)'", first["ctx"]["expected"])
                raise UnknownNameError(str(first["loc"][0]), str(first["input"]), known) from error
            name = str(first["loc"][0]).removesuffix("_fraction").replace("_", "-")
            reason = first["msg"][0].lower() + first["msg"][1:]
            raise UsageError(f"--{name} {first['input']}: {reason}") from error

    def to_toml(self) -> str:
        """Write every setting that has a value; None is left out, as TOML has none."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


class Rescale(StrEnum):
    """What happens to an image at another pixel size than the model's."""

    AUTO = "auto"
    NEVER = "never"


def _check_pixel_size(text: Any) -> Any:
    if isinstance(text, str):
        parse_pixel_size(text)
    return text


def _check_distance(text: Any) -> Any:
    if isinstance(text, str):
        parse_distance(text)
    return text


class _Reading(Config):
    """How micrographs are read; every command that takes them shares these options."""

    axes: str | None = None
    signal: str | None = None
    channels: str | None = None
    pixel_size: Annotated[str | None, BeforeValidator(_check_pixel_size)] = None
    crop: str | None = None
    keep_bar: bool = False
    allow_external: bool = False
    rescale: Rescale = Rescale.AUTO


class Optimiser(StrEnum):
    """What turns gradients into steps."""

    ADAMW = "adamw"
    ADAM = "adam"
    SGD = "sgd"


class Precision(StrEnum):
    """In what numbers the network computes while it trains; weights are always float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


def _check_schedule(text: Any) -> Any:
    if isinstance(text, str):
        parse_schedule(text)
    return text


def _check_licence(text: Any) -> Any:
    fault = fault_of(text) if isinstance(text, str) else None
    if fault is not None:
        raise UsageError(f"--licence {shown(text)} {fault}; write its short name, as in CC-BY-4.0")
    return text


_RATE_OF_SGD = 0.05
_COUPLED = 1e-4  # weight decay that Adam and SGD add to the gradient, as usual for them


class TrainConfig(_Reading):
    """How a model is trained.

    ``epochs`` or ``steps`` end the training, or ``minutes``, whichever comes first; without any
    of them it runs for 60 epochs.
    """

    images: tuple[Path, ...]
    masks: tuple[Path, ...] = ()
    mask_folders: dict[str, Path] = Field(default_factory=dict)
    val_images: tuple[Path, ...] = ()
    val_masks: tuple[Path, ...] = ()
    val_mask_folders: dict[str, Path] = Field(default_factory=dict)
    val_fraction: float = Field(default=0.2, gt=0, lt=1)
    slices: Slices | None = None
    val_slices: Slices | None = None
    invert: bool = False

    task: Task = Task.SEGMENTATION
    classes: tuple[str, ...] | None = None
    labels: dict[int, str] | None = None
    unlabelled: int | None = None

    network: str = "unet"
    encoder: str | None = None
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)
    pretrained: str = "auto"
    freeze: str = "none"
    unfreeze_every: int | None = Field(default=None, ge=1)

    out: Path
    epochs: int | None = Field(default=None, ge=1)
    minutes: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**32)
    device: str = "auto"
    threads: Threads = None
    batch: int = Field(default=8, ge=1)
    crop_size: int = Field(default=256, ge=16, le=4096)
    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto"] = 2e-3
    head_learning_rate: float | None = Field(default=None, gt=0)
    optimiser: Optimiser = Optimiser.ADAMW
    momentum: float | None = Field(default=None, ge=0, lt=1)
    schedule: Annotated[str, BeforeValidator(_check_schedule)] = "trapezoid"
    warm_up: int = Field(default=10, ge=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    label_smoothing: float | None = Field(default=None, ge=0, lt=1)
    accumulate: int = Field(default=1, ge=1)
    clip: float = Field(default=1.0, ge=0)
    precision: Precision = Precision.FLOAT32
    licence: Annotated[str, BeforeValidator(_check_licence)] = "unspecified"

    @model_validator(mode="before")
    @classmethod
    def _defaults_that_depend(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Fill in what a classifier, or another optimiser, wants otherwise than the usual."""
        usual: dict[str, Any] = {}
        if values.get("task") == Task.CLASSIFICATION:
            usual = {"network": "densenet121", "batch": 16, "crop_size": 224, "learning_rate": 1e-3}
        if values.get("optimiser") in (Optimiser.ADAM, Optimiser.SGD):
            usual["weight_decay"] = _COUPLED
        if values.get("optimiser") == Optimiser.SGD:
            usual |= {"learning_rate": _RATE_OF_SGD, "momentum": 0.9}
        return usual | {key: value for key, value in values.items() if value is not None}

    @property
    def usual_learning_rate(self) -> float:
        """The peak rate of this task and optimiser when none is given."""
        given = self.model_dump(exclude={"learning_rate"}, exclude_none=True)
        return float(TrainConfig(**given).learning_rate)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse options of which one makes the other pointless."""
        if self.momentum is not None and self.optimiser is not Optimiser.SGD:
            raise UsageError(
                f"--momentum {self.momentum:g} is an option of sgd, and {self.optimiser} has its "
                "own; leave it out, or add --optimiser sgd"
            )
        if self.head_learning_rate is not None and self.learning_rate == "auto":
            raise UsageError(
                f"--head-learning-rate {self.head_learning_rate:g} needs a --learning-rate beside "
                "it that is a number; run emseg lr-find, then give both"
            )
        is_timed = self.minutes and not (self.steps or self.epochs)
        if is_timed and parse_schedule(self.schedule).known_from == 0:
            raise UsageError(
                f"--schedule {self.schedule} needs the length of the run before its first step, "
                "which --minutes does not tell; leave hold out, or give --steps"
            )
        return self


class ImageFormat(StrEnum):
    """What label images and probabilities are written as."""

    OME_TIFF = "ome.tif"
    OME_ZARR = "ome.zarr"
    HSPY = "hspy"


def _check_smallest(text: Any) -> Any:
    if isinstance(text, str):
        parse_smallest(text)
    return text


def _check_hole(text: Any) -> Any:
    if isinstance(text, str):
        parse_smallest(text, "--fill-holes")
    return text


class _Computing(_Reading):
    """What computes a network; every command that only predicts with one shares these options."""

    device: str = "auto"
    threads: Threads = None
    backend: str = "auto"
    precision: str | None = None
    max_ram: Memory | None = None
    max_vram: Memory | None = None


class PredictConfig(_Computing):
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
    smallest: Annotated[str | None, BeforeValidator(_check_smallest)] = None
    fill_holes: Annotated[str | None, BeforeValidator(_check_hole)] = None
    instances: Instances | None = None
    top_k: int = Field(default=3, ge=1)


class Numbered(StrEnum):
    """Whose values number objects; the other side is binary."""

    BOTH = "both"
    PREDICTIONS = "predictions"
    MASKS = "masks"


class EvaluateConfig(_Computing):
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
    smallest: Annotated[str, BeforeValidator(_check_smallest)] = "1"
    group_by: str = "image"
    draws: int = Field(default=1000, ge=0, le=100_000)  # more say nothing new, and take hours
    seed: int = Field(default=0, ge=0)
    compare: tuple[Path, Path] | None = None
    instances: Numbered | None = None
    images: Path | None = None
    report: bool = True


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
    smallest: Annotated[str, BeforeValidator(_check_smallest)] = "1"
    border: Border = Border.CORRECT
    sections: bool = False
    slices: Slices | None = None
    axes: str | None = None
    signal: str | None = None
    channels: str | None = None
    pixel_size: Annotated[str | None, BeforeValidator(_check_pixel_size)] = None
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
