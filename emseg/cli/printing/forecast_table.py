"""``emseg predict --dry-run``: what a prediction would take."""

import json as json_module
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emseg.memory import free_bytes, in_words
from emseg.meters import duration
from emseg.outcomes import counted, raise_failures

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from emseg.config import PredictConfig
    from emseg.inference.trials.forecast import Forecast

_MOST_ROWS = 20


def tell_forecasts(config: "PredictConfig", *, json: bool) -> None:
    """Print tiles, bytes and expected seconds of each file; nothing is predicted or written.

    Raises
    ------
    EmsegError
        Whatever is wrong with the model, a file, or the memory that is allowed.
    """
    from emseg.bundle import open_model
    from emseg.cli.terminal.console import out, print_json, result
    from emseg.commands.predict import open_batch
    from emseg.inference.trials.forecast import forecast

    batch = open_batch(open_model(config.model), config)
    outcomes = list(counted(forecast(batch), len(batch.paths)))
    found = [(each.path, each.found) for each in outcomes if each.found is not None]
    if json:
        print_json(json_module.dumps([_entry(*each) for each in found], indent=2))
    elif found:
        out.print(_table(found))
        ram = max(each.plan.ram for _, each in found)
        seconds = sum(each.seconds for _, each in found)
        result(
            f"{len(found)} file(s), about {duration(seconds)} of computing and {in_words(ram)} of "
            f"memory at most beside what the program takes; {in_words(free_bytes())} are free"
        )
        result("nothing was predicted: leave out --dry-run")
    raise_failures(outcomes, len(batch.paths))


def _table(found: "Sequence[tuple[Path, Forecast]]") -> "Table":
    from emseg.cli.terminal.tables import add_row, new_table

    table = new_table("file", "pixels", "planes", "tiles", "of pixels", "memory", "time", "read")
    for path, each in found[:_MOST_ROWS]:
        plan = each.plan
        add_row(
            table,
            path.name,
            f"{each.size[0]} x {each.size[1]}",
            f"{each.planes}",
            f"{plan.tiles}",
            f"{plan.tile[0]} x {plan.tile[1]}",
            in_words(plan.ram + plan.on_device),
            duration(each.seconds),
            "in bands" if each.is_streamed else "at once",
        )
    if len(found) > _MOST_ROWS:
        table.caption = f"and {len(found) - _MOST_ROWS} more; --json lists all"
    return table


def _entry(path: "Path", each: "Forecast") -> dict[str, object]:
    plan = each.plan
    return {
        "file": str(path),
        "planes": each.planes,
        "height_px": each.size[0],
        "width_px": each.size[1],
        "tiles": plan.tiles,
        "tile_height_px": plan.tile[0],
        "tile_width_px": plan.tile[1],
        "tiles_at_once": plan.batch,
        "computed_px": plan.computed,
        "ram_bytes": plan.ram,
        "vram_bytes": plan.on_device,
        "is_read_in_bands": each.is_streamed,
        "seconds": round(each.seconds, 3),
    }
