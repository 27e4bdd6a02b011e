"""What commands do, as calls: files in, files and what was found out."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from emseg.api.options import OnePath, Paths, command, in_python, paths_of
from emseg.config import (
    Config,
    ConvertConfig,
    EvaluateConfig,
    ExplainConfig,
    MeasureConfig,
    PredictConfig,
    TrainConfig,
)

if TYPE_CHECKING:
    from emseg.commands.convert import Converted
    from emseg.evaluation import ClassificationReport, SegmentationReport
    from emseg.evaluation.rivals import ComparisonReport
    from emseg.explanation import Record
    from emseg.inference import Predicted
    from emseg.outcomes import Outcome
    from emseg.survey import Summary
    from emseg.training import TrainedRun

_R = TypeVar("_R")


@command(TrainConfig, leave=("folds",))
def train(images: Paths, masks: Paths | Mapping[str, OnePath] = (), **options: Any) -> "TrainedRun":
    """Train a network on images and masks, or a classifier on folders of images.

    Parameters
    ----------
    images : path or sequence of paths
        Micrographs; for a classifier one folder with a sub-folder a class, or a CSV file.
    masks : path, sequence of paths, or mapping
        Their masks; of each class by its name, a folder of binary masks.
    options
        Those of ``emseg train``.

    Returns
    -------
    TrainedRun
        ``folder / "model"`` is the model, ``score`` how good it is on the validation micrographs.

    Raises
    ------
    EmsegError
        Whatever is wrong with the names, the files, the labels or the run folder.
    """
    from emseg.commands.numbered_folders import claimed
    from emseg.commands.train import train as work
    from emseg.commands.train_settings import train_config

    asked = {name: value for name, value in options.items() if value is not None}
    asked["images"] = paths_of(images)
    if masks:
        asked["masks"] = masks if isinstance(masks, Mapping) else paths_of(masks)
    for name in ("val_images", "val_masks"):
        if name in asked and not isinstance(asked[name], Mapping):
            asked[name] = paths_of(asked[name])
    config = train_config(asked)
    with nullcontext(config.out) if "out" in asked else claimed(config.out) as folder:
        return work(config.model_copy(update={"out": folder}), "emseg.train")


@command(PredictConfig)
def predict(
    model: OnePath | Sequence[OnePath], inputs: Paths, **options: Any
) -> "list[Outcome[Predicted]]":
    """Segment or classify files with a trained model, and write what is seen.

    Parameters
    ----------
    model : path or sequence of paths
        A model; several answer together.
    inputs : path or sequence of paths
        Micrographs: files, folders, stacks or globs.
    options
        Those of ``emseg predict``.

    Returns
    -------
    list of Outcome
        Of each file: ``found`` with ``rows`` and ``written``, or ``error``. Files that another run
        has in hand are left out.

    Raises
    ------
    EmsegError
        Whatever is wrong with the model or the output folder; what is wrong with one file is its
        outcome.
    """
    from emseg.commands.predict import predict as work

    first, *members = paths_of(model, "a model")
    config = PredictConfig.from_options(
        model=first, members=members, inputs=paths_of(inputs), **options
    )
    return _outcomes(work(config), PredictConfig)


@command(EvaluateConfig, leave=("mask_folders", "compare"))
def evaluate(
    predictions: OnePath, masks: OnePath | Mapping[str, OnePath] | None = None, **options: Any
) -> "SegmentationReport | ClassificationReport":
    """Compare predictions with reference masks, or what a ``model`` says with the truth.

    Parameters
    ----------
    predictions : path
        Label images; with ``model`` micrographs, or a folder with one sub-folder a class.
    masks : path or mapping, optional
        The truth; of each class by its name, a folder of binary masks.
    options
        Those of ``emseg evaluate``.

    Returns
    -------
    SegmentationReport or ClassificationReport
        Scores with their intervals; ``as_rows()`` makes a table of it.

    Raises
    ------
    EmsegError
        Whatever is wrong with the question, the files or the labels.
    """
    from emseg.commands.evaluate import evaluate as work

    truth = {"mask_folders" if isinstance(masks, Mapping) else "masks": masks} if masks else {}
    return work(
        EvaluateConfig.from_options(inputs=predictions, **truth, **options), "emseg.evaluate"
    )


@command(EvaluateConfig, leave=("compare", "model"))
def compare(a: OnePath, b: OnePath, masks: OnePath, **options: Any) -> "ComparisonReport":
    """Say which of two folders of label images is better, and by how much.

    Parameters
    ----------
    a, b : path
        The folders.
    masks : path
        The truth.
    options
        Those of ``emseg evaluate``.

    Raises
    ------
    MismatchError
        When the two are not results for the same images.
    EmsegError
        Whatever else is wrong.
    """
    from emseg.commands.compare import compare as work

    rivals = (Path(a), Path(b))
    return work(EvaluateConfig.from_options(inputs=masks, compare=rivals, **options), rivals)


@command(MeasureConfig)
def measure(inputs: Paths, **options: Any) -> "Summary":
    """Measure the objects and phases of label images in nanometres, and write tables of them.

    Parameters
    ----------
    inputs : path or sequence of paths
        Label images: files, folders, stacks or globs.
    options
        Those of ``emseg measure``.

    Returns
    -------
    Summary
        ``rows()`` has a row a class, over all images and of each.

    Raises
    ------
    EmsegError
        When no field could be measured, or the results cannot be written.
    """
    from emseg.commands.measure import measure as work

    return work(MeasureConfig.from_options(inputs=paths_of(inputs), **options))


@command(ConvertConfig)
def convert(inputs: Paths, **options: Any) -> "list[Outcome[Converted]]":
    """Write micrographs and label images in another format, with all that they hold.

    Parameters
    ----------
    inputs : path or sequence of paths
        Files, folders, stacks or globs.
    options
        Those of ``emseg convert``.

    Returns
    -------
    list of Outcome
        Of each file: ``found.written``, or ``error``.

    Raises
    ------
    UsageError
        When a result would overwrite something.
    EmsegError
        Whatever else is wrong with the command or the folder.
    """
    from emseg.commands.convert import convert as work

    return _outcomes(
        work(ConvertConfig.from_options(inputs=paths_of(inputs), **options)), ConvertConfig
    )


@command(ExplainConfig)
def explain(model: OnePath, image: OnePath, **options: Any) -> "Record":
    """Draw what a model looks at in a micrograph.

    Parameters
    ----------
    model, image : path
        A model, and a file.
    options
        Those of ``emseg explain``.

    Raises
    ------
    EmsegError
        Whatever is wrong with the model, the file or the output folder.
    """
    from emseg.commands.explain import explain as work

    return work(ExplainConfig.from_options(model=model, image=image, **options))


def _outcomes(done: "list[Outcome[_R]]", config: type[Config]) -> "list[Outcome[_R]]":
    for each in done:
        if each.error is not None:
            in_python(each.error, (config,))
    return [each for each in done if not each.is_left]
