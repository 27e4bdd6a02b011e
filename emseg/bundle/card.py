"""The card: what a model is, what it was trained on, and how it wants to be used."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from emseg.calibration import PixelSize
from emseg.config import EvaluateConfig, PredictConfig, Task
from emseg.intensity import IntensityRule
from emseg.micrograph import LabelClass
from emseg.networks import NetworkSpec
from emseg.reading import ReadOptions

_Byte = Annotated[int, Field(ge=0, le=255)]
_Length = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Architecture(_Part):
    """The network and its arguments."""

    name: str
    encoder: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class CardClass(_Part):
    """One class: its name, its colour, and the mask values that meant it."""

    name: str
    colour: tuple[_Byte, _Byte, _Byte]
    values: tuple[int, ...] = ()


class CardReading(_Part):
    """How the micrographs of the training were read; prediction reads alike unless told otherwise.

    The fields are those of `emseg.reading.ReadOptions` which say what the network sees.
    """

    signal: str | None = None
    channels: str | None = None
    invert: bool = False


class Polarity(_Part):
    """Which way round the grey values of the training are."""

    quantiles: tuple[tuple[float, ...], ...] = Field(
        description="of the normalised values of each channel, at shares spread evenly"
    )
    reach: float = Field(ge=0, description="mean distance of the furthest training micrograph")


class Craft(_Part):
    """How the weights were brought to learn: the options of docs/training-craft.md."""

    optimiser: str
    momentum: float | None = None
    schedule: str
    warm_up: int
    weight_decay: float
    label_smoothing: float
    accumulate: int
    clip: float = Field(description="largest norm of the gradient; 0 for no limit")
    precision: str
    learning_rate_found: bool = Field(default=False, description="by the range test")
    head_learning_rate: float | None = None


class PretrainedRecord(_Part):
    """What the training started from, and what of it stayed as it was."""

    asked: str = Field(description="what stood behind --pretrained")
    weights: str = Field(description="what was loaded; none when it started from scratch")
    origin: str | None = Field(default=None, description="address or path of the file")
    tensors: int = Field(ge=0, description="how many were loaded, counters of norms left out")
    of: int = Field(ge=0, description="how many the network has")
    sha256: str | None = Field(default=None, description="of the file")
    frozen: str = Field(default="none", description="what stood behind --freeze")
    unfreeze_every: int | None = Field(default=None, description="epochs")


class TrainingRecord(_Part):
    """How the model came about.

    ``planned_steps`` replays a run that was given minutes: ``--steps N`` with the same seed. It is
    more than ``steps`` when the run was stopped or its time ran out before.
    """

    images: int
    validation_images: int
    fingerprint: str = Field(description="sha256 over the pixels and labels it was trained on")
    steps: int
    planned_steps: int
    best_step: int
    seconds: float
    seed: int
    batch: int
    crop: int
    learning_rate: float
    device: str
    torch: str
    craft: Craft | None = None


def _check_names(classes: tuple[CardClass, ...]) -> tuple[CardClass, ...]:
    if len({each.name for each in classes}) < len(classes):
        raise ValueError("two classes have the same name")
    return classes


class ModelCard(_Part):
    """Everything that prediction needs to know."""

    emseg: str
    task: Task
    architecture: Architecture
    in_channels: int = Field(ge=1)
    channels: tuple[str, ...] = ()
    reading: CardReading = CardReading()
    classes: Annotated[tuple[CardClass, ...], AfterValidator(_check_names)] = Field(min_length=2)
    pixel_size_nm: tuple[_Length, _Length] | None = Field(default=None, description="y, x")
    pixel_size_source: str | None = None
    intensity: IntensityRule = IntensityRule.ZSCORE
    polarity: Polarity | None = None
    crop: int = Field(ge=1, description="side of the crops it was trained on, in pixels")
    stride: int = Field(default=1, ge=1)
    tile: int | None = Field(default=None, description="side of a tile; None: as memory allows")
    halo: int = Field(default=0, ge=0, description="measured margin that a tile does not keep")
    receptive_field: int | None = None
    global_context: bool = False
    bytes_per_pixel: int = 0
    pretrained: PretrainedRecord | None = None
    training: TrainingRecord | None = None
    scores: dict[str, float | None] = Field(default_factory=dict)
    licence: str = "unspecified"
    sha256: str = Field(default="", description="of model.safetensors")

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse the text of ``config.json``; raises pydantic's ValidationError."""
        return cls.model_validate_json(text)

    def read_options(self, config: PredictConfig | EvaluateConfig | None = None) -> ReadOptions:
        """How micrographs are read for this model: as in training, unless the user says otherwise.

        Parameters
        ----------
        config : PredictConfig or EvaluateConfig, optional
            What the user typed; what it leaves None is as in training.
        """
        trained = ReadOptions(**self.reading.model_dump())
        if config is None:
            return trained
        said = ReadOptions.of(config)
        return replace(
            said,
            signal=said.signal or trained.signal,
            channels=said.channels or trained.channels,
            invert=trained.invert if config.invert is None else config.invert,
        )

    @property
    def label_classes(self) -> tuple[LabelClass, ...]:
        """The classes as label images carry them."""
        return tuple(LabelClass(each.name, each.colour, each.values) for each in self.classes)

    @property
    def spec(self) -> NetworkSpec:
        """What is needed to build the network."""
        return NetworkSpec(
            task=self.task,
            name=self.architecture.name,
            encoder=self.architecture.encoder,
            in_channels=self.in_channels,
            classes=len(self.classes),
            options=self.architecture.options,
        )

    @property
    def pixel_size(self) -> PixelSize | None:
        """The pixel size it was trained at."""
        if self.pixel_size_nm is None:
            return None
        return PixelSize(*self.pixel_size_nm, source=self.pixel_size_source or "the model's card")


def card_classes(classes: Sequence[LabelClass]) -> tuple[CardClass, ...]:
    """Write classes the way a card holds them."""
    return tuple(
        CardClass(name=each.name, colour=each.colour, values=each.values) for each in classes
    )
