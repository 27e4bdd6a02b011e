"""``emseg predict``: a model and micrographs become calibrated label images, or classes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.frame.options import Json
from emseg.cli.frame.signature import Typed, takes
from emseg.config import PredictConfig
from emseg.errors import UsageError
from emseg.outcomes import raise_failures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emseg.inference import Predicted
    from emseg.outcomes import Outcome


@takes(PredictConfig)
def predict(
    typed: Typed,
    *,
    mirror: Annotated[bool, typer.Option("--mirror", help="The same as --tta d4.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say how many tiles, how much memory and how long; predict nothing."
        ),
    ] = False,
    check_seams: Annotated[
        bool,
        typer.Option(
            "--check-seams",
            help="Predict twice, by tiles that begin elsewhere, and say whether their borders "
            "show; writes nothing.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Segment or classify images with a trained model.

    Everything else comes from the model's card. OUT holds a calibrated label image a micrograph,
    previews, and predictions.csv with the fraction of each class. A file that cannot be read
    costs only itself.

    Examples
    --------
    emseg predict runs/unet-1 new/*.dm4
    emseg predict runs/unet-1 series.tif --slices 0:24 --out series-labels
    emseg predict models/steel-phases micrographs/ --probabilities
    emseg predict runs/unet-1 mosaic.tif --format ome.zarr
    emseg predict runs/unet-1 runs/unet-2 cells/ --uncertainty
    emseg predict runs/unet-1 cells/ --fill-holes 50nm2 --smallest 200nm2 --instances watershed
    emseg predict runs/unet-1 /microscope/today --watch --recursive --log labels.jsonl
    """
    from emseg.cli.frame.machine import settle_threads

    if dry_run and check_seams:
        raise UsageError(
            "--dry-run predicts nothing, and --check-seams predicts twice; leave one out"
        )
    if (dry_run or check_seams) and "cluster" in typed:
        raise UsageError("--dry-run and --check-seams look at one process; leave out --cluster")
    if (dry_run or check_seams) and typed.get("watch"):
        raise UsageError(
            "--dry-run and --check-seams look at files that are there; leave out --watch"
        )
    settle_threads(typed.get("device", "auto"), typed.get("threads"))
    from emseg.commands import predict as command

    members, micrographs = _members_of(typed["inputs"])
    if mirror:
        typed["tta"] = _mirrored(typed.get("tta"))
    config = PredictConfig.from_options(**typed | {"members": members, "inputs": micrographs})
    if check_seams:
        from emseg.cli.printing.seams_table import tell_seams

        tell_seams(config, json=json)
        return
    if dry_run:
        from emseg.cli.printing.forecast_table import tell_forecasts

        tell_forecasts(config, json=json)
        return
    outcomes = command.predict(config)
    if json:
        from json import dumps

        from emseg.cli.terminal.console import print_json

        print_json(dumps(list(command.rows_of(outcomes)), indent=2))
    else:
        show(outcomes, config)
    raise_failures(outcomes, len(outcomes))


def _mirrored(tta: str | None) -> str:
    """Take ``--mirror`` for ``--tta d4``."""
    if tta not in (None, "d4"):
        raise UsageError(f"--mirror is --tta d4, and --tta {tta} says otherwise; leave one out")
    return "d4"


def _members_of(inputs: "Sequence[str]") -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Part what follows the first model: further models at the head of it, and micrographs."""
    from emseg.bundle.finding import is_model

    paths = [Path(each) for each in inputs]
    count = next((at for at, path in enumerate(paths) if not is_model(path)), len(paths))
    if count == len(paths):
        raise UsageError("there are models and no micrographs; name micrographs behind the models")
    return tuple(paths[:count]), tuple(paths[count:])


def show(outcomes: "Sequence[Outcome[Predicted]]", config: PredictConfig) -> None:
    """Print what was predicted, and where it lies."""
    from emseg.cli.printing.prediction_tables import prediction_table
    from emseg.cli.terminal.console import out, result
    from emseg.commands.predict import rows_of

    found = [each.path for each in outcomes if each.found]
    if next(rows_of(outcomes), None):
        out.print(prediction_table(rows_of(outcomes), found))
        result(f"written: {config.out / 'predictions.csv'}")
    if any(each.found and each.found.written for each in outcomes):
        kinds = f"label images (*.{config.format})"
        kinds += ", previews/" if config.previews else ""
        kinds += ", probabilities/" if config.probabilities else ""
        kinds += ", uncertainty/" if config.uncertainty else ""
        kinds += ", instances/" if config.instances else ""
        result(f"in {config.out}: {kinds}")
