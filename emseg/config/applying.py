"""How a model is applied, and what is compared with what."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from emseg.answering import Instances, Turns, parse_thresholds
from emseg.calibration import parse_distance, parse_smallest
from emseg.config.base import Device, Files, Memory, Reading, Slices, Smallest
from emseg.config.setting import Setting, checked, listed_names, many, text
from emseg.errors import UnknownNameError, UsageError
from emseg.mask_values import parse_labels, parse_mask_folders, parse_names, parse_value

_INPUTS = Setting("Micrographs: files, folders, stacks or globs.", "INPUTS...", is_argument=True)
_MODEL = Setting("A model folder, or the run folder around it.", "MODEL", is_argument=True)
_RESULTS = Setting("Folder for the results.")
_SLICES = Setting("Planes of the one stack, or files of the folder.", "A:B")
_INVERT = Setting(
    "Swap dark and bright; as in training by default.", flags=("--invert/--no-invert",)
)


class ImageFormat(StrEnum):
    """What label images and probabilities are written as."""

    OME_TIFF = "ome.tif"
    OME_ZARR = "ome.zarr"
    HSPY = "hspy"


class Computing(Device, Reading):
    """What computes a network; every command that only predicts with one shares these options."""

    backend: Annotated[
        str,
        Setting(
            "What computes the network; auto takes the fastest that is there and agrees.",
            "auto|torch|openvino|onnxruntime",
        ),
    ] = "auto"
    precision: Annotated[
        str | None,
        Setting(
            "In what numbers; by default bfloat16 where that is faster and agrees, else float32.",
            "float32|bfloat16|float16|int8",
        ),
    ] = None
    max_ram: Annotated[
        Memory,
        Setting("Memory that this run may take: 2G; half of what is free by default.", "SIZE"),
    ] = None
    max_vram: Annotated[
        Memory,
        Setting("Memory of the GPU that it may take; most of what is free by default.", "SIZE"),
    ] = None


class PredictConfig(Computing):
    """How a model is applied; what is None is as the model's card says."""

    model: Annotated[Path, _MODEL]
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
    out: Annotated[Path, _RESULTS] = Path("predictions")
    format: Annotated[
        ImageFormat, Setting("What label images and probabilities are written as.")
    ] = ImageFormat.OME_TIFF
    slices: Annotated[Slices, _SLICES] = None
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
        Instances | None,
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
    invert: Annotated[bool | None, _INVERT] = None


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


class ConvertConfig(Files):
    """What is written in another format; information bars stay unless they are cut off."""

    inputs: Annotated[tuple[Path, ...], _INPUTS]
    to: Annotated[
        str, Setting("Format of what is written.", "ome.tif|ome.zarr|hspy|tif|png|npy")
    ] = "ome.tif"
    out: Annotated[Path, _RESULTS] = Path("converted")
    replace: Annotated[bool, Setting("Replace results that exist already.")] = False
    slices: Annotated[Slices, _SLICES] = None
    drop_calibration: Annotated[
        bool, Setting("Write no pixel size, for formats without a place for it.")
    ] = False
    invert: Annotated[bool, Setting("Swap dark and bright.")] = False
    crop: Annotated[
        str | None, Setting("Cut out these rows and columns: 0:884,0:1024.", "A:B[,C:D]")
    ] = None
    keep_bar: bool = True


class Explanation(StrEnum):
    """What can be drawn of a network, in the order in which it is drawn."""

    IMPORTANCE = "importance"
    FILTERS = "filters"
    FEATURES = "features"
    GRADCAM = "gradcam"
    CAM = "cam"
    OCCLUSION = "occlusion"


def _parse_kinds(said: str) -> tuple[Explanation, ...]:
    """Read what is to be drawn, with commas between the names."""
    names = [each.strip().lower() for each in said.split(",")]
    for each in names:
        if each not in set(Explanation):
            raise UnknownNameError("kind of explanation (--what)", each, list(Explanation))
    return tuple(map(Explanation, names))


class ExplainConfig(Device, Reading):
    """What is drawn of a network that sees a micrograph; what is None is as usual for it."""

    model: Annotated[Path, _MODEL]
    image: Annotated[Path, Setting("A micrograph.", "IMAGE", is_argument=True)]
    what: Annotated[
        tuple[Explanation, ...] | None,
        text(_parse_kinds),
        Setting(
            f"What to draw: {','.join(Explanation)}; all that the network allows by default.",
            "LIST",
        ),
    ] = None
    layers: Annotated[
        tuple[str, ...],
        Setting(
            "Layer whose feature maps and Grad-CAM are drawn; give it again for more.",
            "NAME",
            ("--layer",),
        ),
    ] = ()
    class_name: Annotated[
        str | None,
        Setting(
            "Class to explain; by default the most probable one, of a segmentation the largest "
            "after the first.",
            "NAME",
            ("--class",),
        ),
    ] = None
    patch: Annotated[
        int | None,
        Field(ge=2),
        Setting("Side of the grey patch of occlusion in pixels of the network.", "N"),
    ] = None
    out: Annotated[Path, _RESULTS] = Path("explanation")
    slices: Annotated[Slices, Setting("Plane of a stack: the first of the range.", "A:B")] = None
    invert: Annotated[bool | None, _INVERT] = None


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
    invert: Annotated[bool | None, _INVERT] = None

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
