"""The curated networks: what each is, where it was published, which weights there are.

They stand in tables beside this file, ``networks.csv``, ``encoders.csv`` and ``papers.csv``, as
their figures do (`emseg.networks.figures`); nothing heavy is imported, so that the catalogue is
listed at once. Several names in a cell are separated by spaces.
"""

import csv
from importlib.resources import files
from typing import Any

from emseg.config import Task
from emseg.networks.entry import EncoderFamily, NetworkEntry, Paper


def _rows(table: str) -> list[dict[str, Any]]:
    text = files("emseg.networks").joinpath(table).read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = list(csv.DictReader(text.splitlines()))
    for row in rows:
        for name in {"weights", "encoders"} & row.keys():
            row[name] = tuple(row[name].split())
    return rows


_PAPERS = {row.pop("key"): Paper(**row | {"year": int(row["year"])}) for row in _rows("papers.csv")}
ENTRIES = tuple(
    NetworkEntry(
        **row
        | {
            "task": Task(row["task"]),
            "paper": _PAPERS[row["paper"]],
            "encoder": row["encoder"] or None,
        }
    )
    for row in _rows("networks.csv")
)
CLASSIFIERS = tuple(each for each in ENTRIES if each.task is Task.CLASSIFICATION)
SEGMENTERS = tuple(each for each in ENTRIES if each.library == "smp")
CLASSIC_UNET, FOREST = (each for each in ENTRIES if each not in CLASSIFIERS + SEGMENTERS)
WITHOUT_ENCODER = (CLASSIC_UNET.name, FOREST.name)

ENCODER_FAMILIES = tuple(
    EncoderFamily(**row | {"paper": _PAPERS[row["paper"]]}) for row in _rows("encoders.csv")
)
"""Encoders of segmentation-models-pytorch; ``tu-NAME`` is any of timm besides."""
