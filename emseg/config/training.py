"""How a model is trained."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from emseg.config.base import Device, Reading, Slices, Task
from emseg.config.setting import Setting, checked, many, text
from emseg.errors import UsageError
from emseg.learning import Augment, parse_weights, split_losses
from emseg.mask_values import parse_labels, parse_names, parse_value
from emseg.naming import fault_of, shown
from emseg.schedules import parse_schedule
from emseg.starting import parse_options

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


def _check_licence(licence: str) -> None:
    fault = fault_of(licence)
    if fault is not None:
        raise UsageError(
            f"--licence {shown(licence)} {fault}; write its short name, as in CC-BY-4.0"
        )


_USUAL_LOSS = ("dice+ce", "none")
_RATE_OF_SGD = 0.05
_COUPLED = 1e-4  # weight decay that Adam and SGD add to the gradient, as usual for them


class TrainConfig(Device, Reading):
    """How a model is trained.

    ``epochs`` or ``steps`` end the training, or ``minutes``, whichever comes first; without any
    of them it runs for 60 epochs.
    """

    images: Annotated[
        tuple[Path, ...],
        Setting(
            "Micrographs, then their masks: folders, files, stacks or quoted globs. For a "
            "classifier one folder with a sub-folder a class, or a CSV file,label.",
            "IMAGES [MASKS]",
            is_argument=True,
            is_needed=False,
        ),
    ]
    masks: Annotated[
        tuple[Path, ...],
        Setting(
            "One folder of binary masks a class, in place of MASKS; repeat it. Where masks overlap "
            "the later class wins.",
            "NAME=DIR",
        ),
    ] = ()
    mask_folders: dict[str, Path] = Field(default_factory=dict)
    out: Annotated[Path, Setting("Run folder; runs/NETWORK-N when it is left out.")]
    task: Annotated[
        Task, Setting("segmentation or classification; inferred when left out.", "TEXT", default="")
    ] = Task.SEGMENTATION
    classes: Annotated[
        tuple[str, ...] | None,
        text(parse_names),
        Setting("Class names in the order of the mask values: matrix,small,large."),
    ] = None
    labels: Annotated[
        dict[int, str] | None,
        text(parse_labels),
        Setting("Class of each mask value: 0=membrane,255=cell; of colours: '#6da34d=silica'."),
    ] = None
    unlabelled: Annotated[
        int | None,
        text(parse_value),
        Setting(
            "Mask value, or colour ('#000000'), left out of the loss and the metrics.", "VALUE"
        ),
    ] = None
    network: Annotated[
        str,
        Setting(
            "unet, fpn, ...; forest in seconds; auto for the better of both; densenet121 or any of "
            "timm or torchvision.",
            default="",
        ),
    ] = "unet"
    encoder: Annotated[
        str | None, Setting("Encoder of segmentation-models-pytorch, such as resnet34.")
    ] = None
    epochs: Annotated[
        int | None, Field(ge=1), Setting("Train this many epochs of 16 steps (60 by default).")
    ] = None
    minutes: Annotated[
        float | None, Field(gt=0), Setting("Train this long, validation included.")
    ] = None
    steps: Annotated[
        int | None, Field(ge=1), Setting("Train this many steps; replays a run given minutes.")
    ] = None
    patience: Annotated[
        int | None, Field(ge=1), Setting("End after N validations that bring nothing better.", "N")
    ] = None
    val_fraction: Annotated[
        float,
        Field(gt=0, lt=1),
        Setting("Fraction held out for validation when nothing else is.", flags=("--val",)),
    ] = 0.2
    folds: Annotated[
        int | None,
        Field(ge=2, le=100),
        Setting("Train K models, each validated with another K-th: RUN/fold-1 and on.", "K"),
    ] = None
    fold: int | None = Field(default=None, ge=1)
    group_by: Annotated[
        str,
        Setting(
            "What is held out together: image, stack, folder, a regular expression, a CSV file; as "
            "of emseg evaluate.",
            "RULE",
        ),
    ] = "image"
    val_images: Annotated[tuple[Path, ...], Setting("Micrographs to validate with.")] = ()
    val_masks: Annotated[
        tuple[Path, ...], Setting("Their masks; NAME=DIR and repeated when --masks is.")
    ] = ()
    val_mask_folders: dict[str, Path] = Field(default_factory=dict)
    slices: Annotated[
        Slices, Setting("Planes of a stack, or files of a folder, to train on.", "A:B")
    ] = None
    val_slices: Annotated[Slices, Setting("The same, to validate with.", "A:B")] = None
    neighbours: Annotated[
        int,
        Field(ge=0, le=MOST_NEIGHBOURS),
        Setting("Show it N slices of a stack before and after each.", "N"),
    ] = 0
    invert: Annotated[bool, Setting("Swap dark and bright of the micrographs.")] = False

    seed: Annotated[int, Field(ge=0, lt=2**32), Setting("The same seed gives the same model.")] = 0
    devices: Annotated[
        int,
        Field(ge=1, le=1024),
        Setting(
            "GPUs of a machine, or processes on its processor, that train together; each step "
            "takes N times --batch crops.",
            "N",
        ),
    ] = 1
    nodes: Annotated[
        int,
        Field(ge=1, le=1024),
        Setting("Machines with so many each, under torchrun or srun.", "M"),
    ] = 1
    batch: Annotated[int, Field(ge=1), Setting("Crops a step, of each device.", default="")] = 8
    crop_size: Annotated[
        int,
        Field(ge=16, le=4096),
        Setting("Side of the crops that it learns from, in pixels.", default=""),
    ] = 256
    options: Annotated[
        dict[str, bool | int | float | str],
        many(parse_options),
        Setting(
            "Option of the network: dropout=0.2, normalisation=group; repeat it. emseg networks "
            "show NAME lists them.",
            "NAME=VALUE",
            ("--option",),
        ),
    ] = Field(default_factory=dict)
    pretrained: Annotated[
        str,
        Setting(
            "auto, none, imagenet, micronet, hf:ORG/NAME, a file of weights, or a model of emseg "
            "to train on from.",
            "WEIGHTS",
        ),
    ] = "auto"
    freeze: Annotated[
        str,
        Setting(
            "Leave the encoder, or its first N stages, as they were loaded.",
            "encoder|N-stages|none",
        ),
    ] = "none"
    unfreeze_every: Annotated[
        int | None,
        Field(ge=1),
        Setting("Let one frozen stage learn after each so many.", "EPOCHS"),
    ] = None
    learning_rate: Annotated[
        Annotated[float, Field(gt=0)] | Literal["auto"],
        Setting(
            "Peak learning rate; auto asks emseg lr-find first.",
            "X|auto",
            ("--learning-rate", "--lr"),
            default="",
        ),
    ] = 2e-3
    head_learning_rate: Annotated[
        float | None,
        Field(gt=0),
        Setting("Another peak rate for what was not loaded: the decoder, the head."),
    ] = None
    optimiser: Annotated[
        Optimiser,
        Setting("adamw, adam or sgd.", "NAME", ("--optimiser", "--optimizer")),
    ] = Optimiser.ADAMW
    momentum: Annotated[float | None, Field(ge=0, lt=1), Setting("Momentum of sgd (0.9).")] = None
    schedule: Annotated[
        str,
        checked(parse_schedule),
        Setting(
            "How the rate goes: trapezoid, constant, step, multi-step, exponential, cosine, "
            "cyclic, one-cycle; step:every=0.3,factor=0.1.",
            "NAME[:KEY=VALUE,...]",
        ),
    ] = "trapezoid"
    warm_up: Annotated[
        int,
        Field(ge=0),
        Setting("Steps in which the rate rises; 0 for none.", "STEPS"),
    ] = 10
    weight_decay: Annotated[
        float, Field(ge=0), Setting("Weight decay (0.01; adam and sgd 0.0001).", default="")
    ] = 1e-2
    label_smoothing: Annotated[
        float | None,
        Field(ge=0, lt=1),
        Setting("Share of each label given to all classes (classifiers 0.1, else 0)."),
    ] = None
    loss: Annotated[
        str,
        checked(split_losses),
        Setting(
            "Losses of a segmentation, added up: dice, ce, focal, tversky, lovasz, cldice, "
            "boundary.",
            "NAME+NAME",
        ),
    ] = "dice+ce"
    class_weights: Annotated[
        str,
        checked(parse_weights),
        Setting(
            "How much classes count in dice, ce and focal; auto counts rare ones more.",
            "auto|CLASS=X,...",
        ),
    ] = "none"
    augment: Annotated[
        Augment,
        Setting("How much crops are varied; strong for micrographs of other microscopes."),
    ] = Augment.USUAL
    rotate: Annotated[
        bool, Setting("Turn and mirror crops; not where labels depend on direction.")
    ] = True
    accumulate: Annotated[
        int, Field(ge=1), Setting("Batches whose gradients make one step.", "N")
    ] = 1
    clip: Annotated[
        float, Field(ge=0), Setting("Largest norm of the gradient; 0 for no limit.")
    ] = 1.0
    precision: Annotated[
        Precision,
        Setting("In what numbers it learns; auto is bfloat16 where that is faster."),
    ] = Precision.AUTO
    licence: Annotated[
        str,
        checked(_check_licence),
        Setting("Licence of the model, for its card: MIT, CC-BY-4.0.", default=""),
    ] = "unspecified"
    tensorboard: Annotated[
        bool, Setting("Write losses, rates and scores for TensorBoard into the folder.")
    ] = False

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
