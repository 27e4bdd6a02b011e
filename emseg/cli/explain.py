"""``emseg explain``: what a model looks at in a micrograph."""

from pathlib import Path
from typing import TYPE_CHECKING

from emseg.cli.frame.options import Json
from emseg.cli.frame.signature import Typed, takes
from emseg.config import ExplainConfig

if TYPE_CHECKING:
    from emseg.explanation import HeatMap, Record


@takes(ExplainConfig)
def explain(typed: Typed, *, json: Json = False) -> None:
    """Show what a model looks at: filters, feature maps and heat maps on a micrograph.

    Filters of the first layer, feature maps from shallow to deep, Grad-CAM, class activation maps
    where the network allows them, and occlusion as an independent check of both; of a forest, which
    features its trees ask for (importance). OUT holds a
    picture of each, the numbers behind it (.npy, heat maps also as calibrated .ome.tif), and
    explanation.json. Occlusion takes longest; --what filters,features,gradcam leaves it out.

    Examples
    --------
    emseg explain models/steel_classes pearlite.jpg
    emseg explain runs/unet-1 image.dm4 --class precipitate --what gradcam,occlusion
    emseg explain runs/resnet18-1 image.tif --what features --layer layer1 --layer layer4.1.conv2
    """
    from emseg.cli.frame.machine import settle_threads

    config = ExplainConfig.from_options(**typed)
    settle_threads(config.device, config.threads)
    from emseg.cli.terminal.console import print_json
    from emseg.commands import explain as command

    record = command.explain(config)
    if json:
        print_json(record.to_json())
    else:
        _show(record, config.out)


def _show(record: "Record", out: Path) -> None:
    """Print what was found, and where it lies."""
    from emseg.cli.terminal.console import result
    from emseg.explanation import HeatMap

    answer = record.answer
    share = "" if answer.share is None else f", {100 * answer.share:.1f} % of the pixels"
    result(f"{record.micrograph.title}: {answer.class_name}, p = {answer.probability:.3f}{share}")
    for stem, agreement in record.agreements.items():
        said = "undefined, one of them is constant" if agreement is None else f"{agreement:.2f}"
        result(f"rank correlation of {stem} with occlusion: {said}")
    for figure in record.figures:
        if isinstance(figure.piece, HeatMap):
            _tell_empty(figure.piece, answer.class_name)
        result(f"written: {figure.files[0]}")
    for line in record.skipped:
        result(f"not drawn: {line}")
    result(f"the numbers behind the pictures (.npy, .ome.tif) and explanation.json are in {out}")


def _tell_empty(heat: "HeatMap", class_name: str) -> None:
    """Say that a heat map is zero everywhere, which looks like a defect and is none."""
    from emseg.cli.terminal.console import result

    if heat.is_empty:
        result(f"{heat.stem} is zero everywhere: nothing at this layer speaks for {class_name}")
