"""``emseg evaluate``: how good a result is."""

from pathlib import Path

from emseg.cli.frame.options import Json
from emseg.cli.frame.signature import Typed, takes
from emseg.config import EvaluateConfig


@takes(EvaluateConfig, leave=("max_ram", "max_vram"))
def evaluate(typed: Typed, *, json: Json = False) -> None:
    """Compare predictions with reference masks.

    Files are matched by name, with or without endings such as _mask, and classes by name.
    Predictions of emseg know which mask values their classes had in training; label images of
    other programs are compared value by value. Scores pool the pixels of all images; the mean is
    over all classes that occur, class 0 included. Pixels that a mask leaves unlabelled are not
    scored; pixels that a prediction leaves unlabelled are missed. Each number has an interval of
    95 %, found by resampling the images, or whatever --group-by says is independent.

    With a classifier the truth is the name of each image's folder, or a CSV file with the columns
    file and label.

    Examples
    --------
    emseg evaluate predictions/ masks/
    emseg evaluate predictions/ masks/ --slices 25:30 --json
    emseg evaluate predictions/ masks/ --metrics all --distance 5nm
    emseg evaluate masks/ --compare predictions-a/ predictions-b/
    emseg evaluate foreign/ masks/ --labels 0=ice,255=cell --prediction-labels 1=ice,2=cell
    emseg evaluate cellpose/ masks/ --instances both
    emseg evaluate predictions/ --masks mitochondria=mito/ --masks membrane=mem/
    emseg evaluate --model runs/unet-1 images/ masks/
    emseg evaluate --model runs/tf_efficientnet_lite0-1 classes/
    """
    config = EvaluateConfig.from_options(**typed)
    if config.model is not None:
        from emseg.cli.frame.machine import settle_threads

        settle_threads(config.device, config.threads)
    if config.compare is not None:
        _compared(config, config.compare, json=json)
    else:
        show_evaluation(config, json=json)


def show_evaluation(config: EvaluateConfig, *, json: bool = False) -> None:
    """Compare as configured, and print the scores."""
    from emseg.cli.frame import typed
    from emseg.cli.printing.score_tables import show
    from emseg.cli.terminal import console
    from emseg.commands import evaluate as command

    report = command.evaluate(config, typed.command())
    out = config.out
    if json:
        console.print_json((out / command.METRICS).read_text(encoding="utf-8"))
        return
    show(report)
    names = [command.METRICS, command.TABLE, command.MARKDOWN, *[command.PAGE] * config.report]
    console.remark(f"written: {', '.join(str(out / name) for name in names)}")


def _compared(config: EvaluateConfig, rivals: tuple[Path, Path], *, json: bool) -> None:
    from emseg.cli.printing.evaluate_compare import show
    from emseg.cli.terminal import console
    from emseg.commands import compare as command

    found = command.compare(config, rivals)
    if json:
        console.print_json((config.out / command.RESULT).read_text(encoding="utf-8"))
        return
    show(found)
    console.remark(f"written: {config.out / command.RESULT}, {config.out / command.TABLE}")
