"""The card: what a model is, what it was trained on, and how it wants to be used.

A card may come from a stranger, so that every text and every number in it has its bounds.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from emseg.calibration import PixelSize
from emseg.config import MOST_NEIGHBOURS, EvaluateConfig, ExplainConfig, PredictConfig, Task
from emseg.intensity import IntensityRule
from emseg.micrograph import LabelClass
from emseg.naming import LONGEST_TEXT, MOST_CLASSES, fault_of, is_visible, shown
from emseg.networks import NetworkSpec
from emseg.reading import ReadOptions
from emseg.tiling import padded_length

_MOST_CHANNELS = 4096  # the energy channels of a spectrum
_MOST_VALUES = 1 << 16  # of masks; more were refused when the model was trained
_QUANTILES = 31  # of each channel, as emseg.inference.preparing.polarity takes them
_TRAITS = 32  # of a tile, as emseg.inference.preparing.likeness takes them
MOST_TYPICAL = 128  # micrographs of a training whose traits are kept
_MOST_SCORES = 4 * MOST_CLASSES
_SIDE = 4096  # pixels of a crop or a halo; a network is given all of it at once, padded if need be
_TILE = 1 << 16  # pixels; a tile is clipped to the micrograph, and no device holds a larger one
_STRIDE = 256  # pixels, to which a micrograph is padded; no network of any library has more
_LARGEST = 1 << 63


def _check_name(name: str) -> str:
    fault = fault_of(name)
    if fault is not None:
        raise ValueError(f"the class name {shown(name)} {fault}")
    return name


def _check_text(text: str) -> str:
    if not is_visible(text):
        raise ValueError(f"{shown(text)} holds characters that cannot be shown")
    return text


_Byte = Annotated[int, Field(ge=0, le=255)]
_Length = Annotated[float, Field(gt=1e-6, lt=1e9)]  # nm: far beyond any microscope either way
_Count = Annotated[int, Field(ge=0, lt=_LARGEST)]
_Side = Annotated[int, Field(ge=1, le=_SIDE)]
_Name = Annotated[str, AfterValidator(_check_name)]
_Text = Annotated[str, AfterValidator(_check_text)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_max_length=LONGEST_TEXT
    )


class Architecture(_Part):
    """The network and its arguments."""

    name: _Name
    encoder: _Text | None = None
    options: dict[_Name, Any] = Field(default_factory=dict, max_length=64)


class CardClass(_Part):
    """One class: its name, its colour, and the mask values that meant it."""

    name: _Name
    colour: tuple[_Byte, _Byte, _Byte]
    values: tuple[Annotated[int, Field(gt=-_LARGEST, lt=_LARGEST)], ...] = Field(
        default=(), max_length=_MOST_VALUES
    )


class CardReading(_Part):
    """How the micrographs of the training were read; prediction reads alike unless told otherwise.

    The fields are those of `emseg.reading.ReadOptions` which say what the network sees.
    """

    signal: _Text | None = None
    channels: _Text | None = None
    invert: bool = False
    neighbours: int = Field(
        default=0,
        ge=0,
        le=MOST_NEIGHBOURS,
        description="slices of a stack before each, and as many after it, whose channels it sees",
    )


class Polarity(_Part):
    """Which way round the grey values of the training are."""

    quantiles: tuple[
        Annotated[tuple[float, ...], Field(min_length=_QUANTILES, max_length=_QUANTILES)], ...
    ] = Field(
        max_length=_MOST_CHANNELS,
        description="of the normalised values of each channel, at shares spread evenly",
    )
    reach: float = Field(ge=0, description="mean distance of the furthest training micrograph")


class Likeness(_Part):
    """What the micrographs of the training look like: traits of their tiles, as lines of numbers.

    ``emseg.inference.preparing.likeness`` takes them; a line holds what JSON would write one
    number a line.
    """

    typical: Annotated[tuple[_Text, ...], Field(min_length=1, max_length=MOST_TYPICAL)] = Field(
        description="points, whitened, that micrographs of the training are at"
    )
    whitening: Annotated[tuple[_Text, ...], Field(min_length=_TRAITS, max_length=_TRAITS)] = Field(
        description="lower triangle of the matrix that makes the spread of tiles 1 all round"
    )
    radii: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(),
        max_length=MOST_TYPICAL,
        description="how far from each point a micrograph may be; of older cards none, and 1",
    )

    @property
    def numbers(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
        """Points, shape (P, 32), the whitening matrix, shape (32, 32), and P radii or None."""
        matrix = np.zeros((_TRAITS, _TRAITS))
        for place, line in enumerate(self.whitening):
            matrix[place, : place + 1] = _numbers(line)
        points = np.array([_numbers(line) for line in self.typical])
        return points, matrix, np.array(self.radii) if self.radii else None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        """Refuse lines that do not hold as many finite numbers as they must."""
        counts = [(line, _TRAITS) for line in self.typical]
        counts += [(line, place + 1) for place, line in enumerate(self.whitening)]
        for line, count in counts:
            numbers = _numbers(line)
            if len(numbers) != count or not all(map(math.isfinite, numbers)):
                raise ValueError(f"likeness holds {shown(line)} in place of {count} numbers")
        if self.radii and len(self.radii) != len(self.typical):
            raise ValueError(
                f"likeness holds {len(self.radii)} radii of {len(self.typical)} points"
            )
        return self


def _numbers(line: str) -> list[float]:
    try:
        return [float(number) for number in line.split()]
    except ValueError:
        return []


class Craft(_Part):
    """How the weights were brought to learn: the options of docs/training-craft.md."""

    optimiser: _Text
    momentum: float | None = None
    schedule: _Text
    warm_up: _Count
    weight_decay: float
    label_smoothing: float
    accumulate: _Count
    clip: float = Field(description="largest norm of the gradient; 0 for no limit")
    precision: _Text
    learning_rate_found: bool = Field(default=False, description="by the range test")
    head_learning_rate: float | None = None
    loss: _Text = "dice+ce"
    class_weights: _Text = "none"
    augment: _Text = "usual"
    rotate: bool = True


class PretrainedRecord(_Part):
    """What the training started from, and what of it stayed as it was."""

    asked: _Text = Field(description="what stood behind --pretrained")
    weights: _Text = Field(description="what was loaded; none when it started from scratch")
    origin: _Text | None = Field(default=None, description="address or path of the file")
    tensors: _Count = Field(description="how many were loaded, counters of norms left out")
    of: _Count = Field(description="how many the network has")
    sha256: _Text | None = Field(default=None, description="of the file")
    licence: _Text | None = Field(default=None, description="of these weights, where it is known")
    frozen: _Text = Field(default="none", description="what stood behind --freeze")
    unfreeze_every: _Count | None = Field(default=None, description="epochs")


class TrainingRecord(_Part):
    """How the model came about.

    ``planned_steps`` replays a run that was given minutes: ``--steps N`` with the same seed. It is
    more than ``steps`` when the run was stopped or its time ran out before.
    ``chance`` is the score of the best answer that does not look: one class always, everywhere.
    """

    images: _Count
    validation_images: _Count
    fingerprint: _Text = Field(description="sha256 over the pixels and labels it was trained on")
    steps: _Count
    planned_steps: _Count
    best_step: _Count
    seconds: float = Field(ge=0, lt=1e12)
    seed: _Count
    batch: _Count
    pixels: _Count | None = Field(
        default=None, description="of a forest, that its trees were grown on"
    )
    processes: _Count = Field(default=1, description="each learnt from such a batch")
    crop: _Count
    learning_rate: float
    device: _Text
    torch: _Text
    interrupted: bool = False
    waited: float | None = Field(
        default=None, ge=0, le=1, description="share of the time of its steps without data"
    )
    chance: float | None = None
    craft: Craft | None = None
    contest: dict[_Text, float] = Field(
        default_factory=dict, max_length=8, description="scores of what --network auto compared"
    )

    @property
    def length(self) -> str:
        """How much was learnt, in words."""
        if self.pixels is None:
            return f"{self.steps} steps"
        return f"{self.steps} trees a class on {self.pixels} pixels"


def _check_names(classes: tuple[CardClass, ...]) -> tuple[CardClass, ...]:
    if len({each.name for each in classes}) < len(classes):
        raise ValueError("two classes have the same name")
    return classes


class ModelCard(_Part):
    """Everything that prediction needs to know."""

    emseg: _Text
    task: Task
    architecture: Architecture
    in_channels: int = Field(ge=1, le=_MOST_CHANNELS, description="of all slices that it sees")
    channels: tuple[_Text, ...] = Field(default=(), max_length=_MOST_CHANNELS)
    reading: CardReading = CardReading()
    classes: Annotated[tuple[CardClass, ...], AfterValidator(_check_names)] = Field(
        min_length=2, max_length=MOST_CLASSES
    )
    pixel_size_nm: tuple[_Length, _Length] | None = Field(default=None, description="y, x")
    pixel_size_source: _Text | None = None
    intensity: IntensityRule = IntensityRule.ZSCORE
    polarity: Polarity | None = None
    likeness: Likeness | None = None
    crop: _Side = Field(description="side of the crops it was trained on, in pixels")
    stride: Annotated[int, Field(ge=1, le=_STRIDE)] = 1
    tile: Annotated[int, Field(ge=1, le=_TILE)] | None = Field(
        default=None, description="side of a tile; None: as memory allows"
    )
    halo: int = Field(
        default=0, ge=0, le=_SIDE, description="measured margin that a tile does not keep"
    )
    receptive_field: _Count | None = None
    global_context: bool = False
    bytes_per_pixel: _Count = 0
    pretrained: PretrainedRecord | None = None
    training: TrainingRecord | None = None
    scores: dict[_Text, float | None] = Field(default_factory=dict, max_length=_MOST_SCORES)
    licence: _Name = "unspecified"
    sha256: _Text = Field(default="", description="of model.safetensors")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse numbers of which one makes the other impossible."""
        if self.tile is not None and not self.global_context:
            smallest = 2 * padded_length(self.halo, self.stride) + self.stride
            if self.tile < smallest:
                raise ValueError(
                    f"a tile of {self.tile} pixels keeps nothing inside a halo of {self.halo}"
                )
        if self.tile is not None and self.global_context and self.tile > _SIDE:
            raise ValueError(f"a tile of {self.tile} pixels is more than {_SIDE}, all at once")
        if self.in_channels % self.slices:
            raise ValueError(
                f"in_channels is {self.in_channels}, which is no multiple of {self.slices} slices"
            )
        if self.polarity is not None and len(self.polarity.quantiles) != self.slice_channels:
            raise ValueError(
                f"polarity is of {len(self.polarity.quantiles)} channels and a slice has "
                f"{self.slice_channels}"
            )
        return self

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse the text of ``config.json``; raises pydantic's ValidationError."""
        return cls.model_validate_json(text)

    def read_options(
        self, config: PredictConfig | EvaluateConfig | ExplainConfig | None = None
    ) -> ReadOptions:
        """How micrographs are read for this model: as in training, unless the user says otherwise.

        Parameters
        ----------
        config : PredictConfig, EvaluateConfig or ExplainConfig, optional
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
            neighbours=trained.neighbours,
        )

    @property
    def slices(self) -> int:
        """How many slices of a stack it sees at once: one, and its neighbours."""
        return 2 * self.reading.neighbours + 1

    @property
    def slice_channels(self) -> int:
        """Channels of each of them."""
        return self.in_channels // self.slices

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
