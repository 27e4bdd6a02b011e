"""The catalogue of networks as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emseg.networks.libraries import KnownName
    from emseg.networks.listed import Listed


def catalogue_json(rows: Sequence["Listed"]) -> str:
    """Write the rows of the catalogue; lengths are in pixels, null means the whole image."""
    return json.dumps([_row(each) for each in rows], indent=2, ensure_ascii=False)


def names_json(names: Sequence["KnownName"]) -> str:
    """Write every name that the libraries have."""
    return json.dumps([asdict(each) for each in names], indent=2)


def _row(row: "Listed") -> dict[str, Any]:
    figures = row.figures
    return {
        "task": row.task,
        "role": "encoder" if row.encoders else "network",
        "family": row.family,
        "name": row.name,
        "encoder": None if row.encoders else row.encoder,
        "encoders": row.encoders,
        "library": row.library,
        "title": row.title,
        "parameters": figures.parameters if figures else None,
        "multiply_adds_512": figures.macs if figures else None,
        "receptive_field": figures.receptive_field if figures else None,
        "stride": figures.stride if figures else None,
        "smallest_image": figures.smallest if figures else None,
        "options": figures.options if figures else {},
        "pretrained": row.weights,
        "paper": asdict(row.paper) if row.paper else None,
    }
