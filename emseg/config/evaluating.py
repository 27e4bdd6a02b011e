"""What is compared with what."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from emseg.calibration import parse_distance
from emseg.config.base import INVERT, Cluster, Computing, Slices, Smallest
from emseg.config.setting import Setting, checked, listed_names, many, text
from emseg.errors import UsageError
from emseg.mask_values import parse_labels, parse_mask_folders, parse_names, parse_value


class Numbered(StrEnum):
    """Whose values number objects; the other side is binary."""

    BOTH = "both"
    PREDICTIONS = "predictions"
    MASKS = "masks"


class EvaluateConfig(Computing):
    """What is compared with what: label images with masks, or what a model says with the truth."""

    inputs: Annotated[
        Path,
        Setting(
            "Label images of emseg or of another program: a folder, file, stack or glob in "
            "quotes. With --model: images, or a folder with one sub-folder a class. With "
            "--compare: the truth, unless --masks NAME=DIR says it.",
            "PREDICTIONS",
            is_argument=True,
            is_needed=False,
        ),
    ]
    masks: Annotated[
        Path | None,
        Setting("The truth: a folder, file, stack or glob in quotes.", "MASKS", is_argument=True),
    ] = None
    model: Annotated[Path | None, Setting("A model or run folder, which predicts first.")] = None
    mask_folders: Annotated[
        dict[str, Path],
        many(parse_mask_folders),
        Setting(
            "Binary masks of one class, in place of MASKS; once for each but the background.",
            "NAME=DIR",
            ("--masks",),
        ),
    ] = Field(default_factory=dict)
    classes: Annotated[
        tuple[str, ...] | None,
        text(parse_names),
        Setting("Classes in the order of the mask values.", "NAME,..."),
    ] = None
    labels: Annotated[
        dict[int, str] | None,
        text(parse_labels),
        Setting("Class of each mask value.", "VALUE=NAME,..."),
    ] = None
    prediction_labels: Annotated[
        dict[int, str] | None,
        text(partial(parse_labels, option="--prediction-labels")),
        Setting(
            "Class of each value in label images of another program, where it differs.",
            "VALUE=NAME,...",
        ),
    ] = None
    unlabelled: Annotated[
        int | None,
        text(parse_value),
        Setting("Mask value, or colour, of pixels that are not scored.", "VALUE"),
    ] = None
    slices: Annotated[
        Slices,
        Setting("Planes of the mask stack, or files of the mask folder, counted from 0.", "A:B"),
    ] = None
    metrics: Annotated[
        tuple[str, ...] | None,
        listed_names("--metrics"),
        Setting(
            "Groups of numbers: overlap, boundary, objects, quantities; and, asked for by name: "
            "distances, partitions, membranes, probabilities; or all. The first four by default.",
            "LIST",
        ),
    ] = None
    distance: Annotated[
        str | None,
        checked(parse_distance),
        Setting(
            "How far a boundary may be off to be right: 5nm, or 3px. Two pixels by default.",
            "LENGTH",
        ),
    ] = None
    objects: Annotated[
        tuple[str, ...] | None,
        listed_names("--objects"),
        Setting(
            "Classes whose connected pixels are objects; all but the first by default.",
            "NAME,...",
        ),
    ] = None
    smallest: Annotated[
        Smallest,
        Setting(
            "Smallest object that counts: a number of pixels, an area such as 50nm2, or a "
            "diameter such as 5nm.",
            "SIZE",
        ),
    ] = "1"
    group_by: Annotated[
        str,
        Setting(
            "What is independent, for the intervals: image, stack, folder, a regular expression "
            "with one group, or a CSV file with the columns file and group.",
            "RULE",
        ),
    ] = "image"
    draws: Annotated[
        int,
        Field(ge=0, le=100_000),  # more say nothing new, and take hours
        Setting("Resamples for the intervals; 0 leaves them out."),
    ] = 1000
    seed: Annotated[int, Field(ge=0), Setting("Of the resamples.")] = 0
    compare: Annotated[
        tuple[Path, Path] | None,
        Setting("Two folders of label images; whether B is better than A, and by how much.", "A B"),
    ] = None
    instances: Annotated[
        Numbered | None,
        Setting(
            "Whose values number objects, as those of cellpose and StarDist do: both, predictions "
            "or masks.",
            "SIDE",
        ),
    ] = None
    top_k: Annotated[int, Field(ge=1), Setting("Largest k of top-k accuracy.")] = 5
    images: Annotated[
        Path | None,
        Setting("The micrographs of the label images, to be shown in the report.", "PATH"),
    ] = None
    report: Annotated[bool, Setting("Whether report.html is written.")] = True
    out: Annotated[Path, Setting("Folder of metrics.json and metrics.csv; made when missing.")] = (
        Path("evaluation")
    )
    invert: Annotated[bool | None, INVERT] = None
    cluster: Cluster = None

    @model_validator(mode="before")
    @classmethod
    def _named_once(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Find what is compared, and refuse a truth that is named twice."""
        inputs, masks, compare = (values.get(name) for name in ("inputs", "masks", "compare"))
        by_class = values.get("mask_folders")
        by_class = by_class[0] if isinstance(by_class, list) and by_class else by_class
        if compare is not None and by_class:
            if inputs is not None:
                raise UsageError(
                    f"the truth is named twice, as {inputs} and by --masks {by_class}; keep one"
                )
            return values | {"inputs": compare[0]}
        if inputs is None:
            raise UsageError(
                "name what is compared: emseg evaluate PREDICTIONS MASKS, or with --model the "
                "images"
            )
        if masks is not None and by_class:
            raise UsageError(
                f"masks are named twice, as {masks} and by --masks {by_class}; keep one"
            )
        return values
