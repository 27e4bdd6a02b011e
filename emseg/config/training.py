"""How a model is trained."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from emseg.config.base import (
    Reading,
    Slices,
    Task,
    Threads,
)
from emseg.errors import UsageError
from emseg.learning import Augment, parse_weights, split_losses
from emseg.naming import fault_of, shown
from emseg.schedules import parse_schedule

MOST_NEIGHBOURS = 16
"""Slices before and after each; further ones show something else."""


class Optimiser(StrEnum):
    """What turns gradients into steps."""

    ADAMW = "adamw"
    ADAM = "adam"
    SGD = "sgd"


class Precision(StrEnum):
    """In what numbers the network computes while it trains; weights are always float32.

    ``auto`` is bfloat16 on a device that multiplies matrices of it, and float32 elsewhere.
    """

    AUTO = "auto"
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


def _check_loss(text: Any) -> Any:
    if isinstance(text, str):
        split_losses(text)
    return text


def _check_weights(text: Any) -> Any:
    if isinstance(text, str):
        parse_weights(text)
    return text


_USUAL_LOSS = ("dice+ce", "none")
_RATE_OF_SGD = 0.05
_COUPLED = 1e-4  # weight decay that Adam and SGD add to the gradient, as usual for them


class TrainConfig(Reading):
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
    group_by: str = "image"
    folds: int | None = Field(default=None, ge=2, le=100)
    fold: int | None = Field(default=None, ge=1)
    slices: Slices | None = None
    val_slices: Slices | None = None
    neighbours: int = Field(default=0, ge=0, le=MOST_NEIGHBOURS)
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
    patience: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**32)
    device: str = "auto"
    devices: int = Field(default=1, ge=1, le=1024)
    nodes: int = Field(default=1, ge=1, le=1024)
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
    loss: Annotated[str, BeforeValidator(_check_loss)] = "dice+ce"
    class_weights: Annotated[str, BeforeValidator(_check_weights)] = "none"
    augment: Augment = Augment.USUAL
    rotate: bool = True
    accumulate: int = Field(default=1, ge=1)
    clip: float = Field(default=1.0, ge=0)
    precision: Precision = Precision.AUTO
    licence: Annotated[str, BeforeValidator(_check_licence)] = "unspecified"
    tensorboard: bool = False

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

    @property
    def processes(self) -> int:
        """How many processes train together, each with a batch of its own."""
        return self.devices * self.nodes

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
        if self.task is Task.CLASSIFICATION and (self.loss, self.class_weights) != _USUAL_LOSS:
            raise UsageError(
                f"--loss {self.loss} and --class-weights {self.class_weights} are for pixels, and "
                "this is a classifier, which sees each class equally often; leave them out"
            )
        if self.task is Task.CLASSIFICATION and self.neighbours:
            raise UsageError(
                f"--neighbours {self.neighbours} is for pixels that are labelled slice by slice, "
                "and this is a classifier, which sees each micrograph alone; leave it out"
            )
        if self.folds and (self.val_images or self.val_slices):
            raise UsageError(
                f"--folds {self.folds} validates with each part in turn, and --val-images or "
                "--val-slices names what to validate with; leave one of them out"
            )
        is_timed = self.minutes and not (self.steps or self.epochs)
        if is_timed and parse_schedule(self.schedule).known_from == 0:
            raise UsageError(
                f"--schedule {self.schedule} needs the length of the run before its first step, "
                "which --minutes does not tell; leave hold out, or give --steps"
            )
        return self
