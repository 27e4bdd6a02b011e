"""The figures of the catalogue, from the table beside this file; nothing heavy is imported.

``python -m emseg.networks.measuring`` writes the table anew; a test holds it true.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from emseg.config import Task

TABLE = "catalogue.csv"
SIDE = 512  # pixels of the square image that the figures are for
CLASSES = 3
_NUMBERS = ("parameters", "macs", "receptive_field", "stride", "smallest")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a network costs and sees, for one channel of 512 x 512 pixels and three classes.

    Parameters
    ----------
    task : Task
        Segmentation or classification.
    name : str
        Of the network.
    encoder : str or None
        Of segmentation-models-pytorch.
    parameters, macs : int
        Trainable numbers, and multiply-adds for one image.
    receptive_field : int or None
        Pixels along one axis that one output sees; None when it sees all.
    stride : int
        Total stride.
    smallest : int
        Side of the smallest square image that it predicts.
    options : mapping
        Its options with their defaults.
    """

    task: Task
    name: str
    encoder: str | None
    parameters: int
    macs: int
    receptive_field: int | None
    stride: int
    smallest: int
    options: Mapping[str, object]


@cache
def all_figures() -> tuple[Figures, ...]:
    """Read the table."""
    text = files("emseg.networks").joinpath(TABLE).read_text(encoding="utf-8")
    return tuple(_row(row) for row in csv.DictReader(text.splitlines()))


def find_figures(task: Task, name: str, encoder: str | None) -> Figures | None:
    """Find the figures of a network; None when it is not in the table."""
    wanted = (task, name, encoder)
    rows = all_figures()
    return next((row for row in rows if (row.task, row.name, row.encoder) == wanted), None)


def as_row(figures: Figures) -> dict[str, str]:
    """Write figures the way the table holds them."""
    row = asdict(figures) | {"options": json.dumps(dict(figures.options))}
    return {name: "" if value is None else str(value) for name, value in row.items()}


def _row(row: Mapping[str, str]) -> Figures:
    numbers = {name: int(row[name]) if row[name] else None for name in _NUMBERS}
    said: dict[str, Any] = {**row, "encoder": row["encoder"] or None, **numbers}
    return Figures(**said | {"task": Task(row["task"]), "options": json.loads(row["options"])})
