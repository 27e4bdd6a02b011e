"""``emseg predict --check-seams``: whether the borders of tiles show."""

import json as json_module
from typing import TYPE_CHECKING

from emseg.errors import UsageError
from emseg.outcomes import counted, raise_failures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.table import Table

    from emseg.config import PredictConfig
    from emseg.inference.trials.seams import Seams

_CLEAR = 1.2  # an index above that is seen


def tell_seams(config: "PredictConfig", *, json: bool) -> None:
    """Predict the first plane of each file twice and print how much more borders changed.

    Raises
    ------
    EmsegError
        Whatever is wrong with the model or a file; or when it has no tiles with borders.
    """
    from emseg.bundle import open_model
    from emseg.cli.terminal.console import out, print_json, result
    from emseg.commands.predict import open_batch
    from emseg.inference.files.batch import SegmentationBatch

    batch = open_batch(open_model(config.model), config)
    if not isinstance(batch, SegmentationBatch):
        raise UsageError(f"{config.model} classifies whole images, which have no seams")
    outcomes = list(counted(batch.seams(), len(batch.paths)))
    found = [(each.path, each.found) for each in outcomes if each.found is not None]
    if json:
        print_json(json_module.dumps([_entry(*each) for each in found], indent=2))
    elif found:
        out.print(_table(found))
        worst = max(seams.index for _, seams in found)
        if worst < _CLEAR:
            result("the borders of tiles do not show (an index of 1 is none)")
        else:
            result(
                f"the borders of tiles show: a larger --halo than {batch.halo} helps, and so do "
                "fewer borders, with a larger --tile"
            )
    raise_failures(outcomes, len(batch.paths))


def _table(found: "Sequence[tuple[Path, Seams]]") -> "Table":
    from emseg.cli.terminal.tables import add_row, new_table

    table = new_table("file", "tiles of", "changed near borders", "elsewhere", "seam index")
    for path, seams in found:
        add_row(
            table,
            path.name,
            f"{seams.tile[0]} x {seams.tile[1]}",
            _share(seams.changed_near, seams.near),
            _share(seams.changed_between, seams.between),
            f"{seams.index:.2f}",
        )
    return table


def _share(changed: int, of: int) -> str:
    return f"{changed} of {of:,} ({100 * changed / max(1, of):.3f} %)"


def _entry(path: "Path", seams: "Seams") -> dict[str, object]:
    return {
        "file": str(path),
        "tile_height_px": seams.tile[0],
        "tile_width_px": seams.tile[1],
        "near_borders_px": seams.near,
        "changed_near_borders_px": seams.changed_near,
        "elsewhere_px": seams.between,
        "changed_elsewhere_px": seams.changed_between,
        "seam_index": seams.index,
    }
