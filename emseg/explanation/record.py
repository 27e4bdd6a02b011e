"""``explanation.json``: what was explained, with what result, and in which files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emseg.bundle import StoredModel
from emseg.explanation.agreement import rank_correlation
from emseg.explanation.explainer import Answer, HeatMap
from emseg.explanation.importance import Importance
from emseg.explanation.pieces import Features, Filters
from emseg.micrograph import Micrograph

Piece = Filters | Features | HeatMap | Importance


@dataclass(frozen=True, slots=True)
class Figure:
    """One picture with the arrays behind it.

    Parameters
    ----------
    piece : Filters, Features, HeatMap or Importance
        What it shows.
    files : tuple of Path
        The picture first.
    """

    piece: Piece
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """An explanation as a whole.

    Parameters
    ----------
    model : StoredModel
        What was looked into.
    micrograph : Micrograph
        What it saw.
    answer : Answer
        What it said.
    figures : tuple of Figure
        In the order in which they were made.
    skipped : tuple of str
        Why something was not drawn, a line each.
    """

    model: StoredModel
    micrograph: Micrograph
    answer: Answer
    figures: tuple[Figure, ...]
    skipped: tuple[str, ...] = ()

    @property
    def agreements(self) -> dict[str, float | None]:
        """Rank correlation of occlusion with each other heat map, by its name."""
        heats = [each.piece for each in self.figures if isinstance(each.piece, HeatMap)]
        return agreements(heats)

    def to_json(self) -> str:
        """Compose the text of the file; paths are relative to it."""
        card, micrograph, answer = self.model.card, self.micrograph, self.answer
        size = micrograph.pixel_size
        entry: dict[str, Any] = {
            "model": {
                "folder": str(self.model.folder),
                "network": str(card.spec),
                "task": card.task.value,
                "sha256": card.sha256,
                "emseg": card.emseg,
            },
            "micrograph": {
                "file": str(micrograph.path) if micrograph.path else None,
                "plane": micrograph.plane,
                "height_px": micrograph.size[0],
                "width_px": micrograph.size[1],
                "pixel_height_nm": size.y_nm if size else None,
                "pixel_width_nm": size.x_nm if size else None,
                "pixel_size_source": size.source if size else "unknown",
                "explained": answer.region.rectangle,
            },
            "class": answer.class_name,
            "probability": answer.probability,
            "predicted_share": answer.share,
            "probabilities": dict(zip(answer.names, answer.probabilities, strict=True)),
            "figures": [_entry(each) for each in self.figures],
            "rank_correlation_with_occlusion": self.agreements,
            "not_drawn": list(self.skipped),
        }
        return json.dumps(entry, indent=2, ensure_ascii=False)


def agreements(heats: Sequence[HeatMap]) -> dict[str, float | None]:
    """Correlate each heat map with that of occlusion, in cells of its step."""
    writer = next((each for each in heats if each.step is not None), None)
    if writer is None or writer.step is None:
        return {}
    others = [each for each in heats if each is not writer]
    return {each.stem: rank_correlation(each.values, writer.values, writer.step) for each in others}


def _entry(figure: Figure) -> dict[str, Any]:
    files = [each.name for each in figure.files]
    return _facts(figure.piece) | {"files": files}


def _facts(piece: Piece) -> dict[str, Any]:
    """Say what a picture shows, in numbers."""
    if isinstance(piece, Filters):
        return {"what": "filters", "layer": piece.layer, "shape": list(piece.weights.shape)}
    if isinstance(piece, Importance):
        return {"what": "importance", "shares": piece.groups}
    if isinstance(piece, Features):
        return {
            "what": "features",
            "layer": piece.layer,
            "shape": list(piece.maps.shape),
            "of": piece.region.rectangle,
            "most_active_channels": piece.order[:64],
        }
    what = piece.method.lower().replace("-", "")
    facts: dict[str, Any] = {"what": what, "layer": piece.layer}
    if piece.resolution is not None:
        facts["resolution"] = list(piece.resolution)
    if piece.patch is not None:
        facts |= {"patch_px": piece.patch, "step_px": piece.step}
    return facts | {
        "smallest": float(np.nanmin(piece.values)),
        "largest": float(np.nanmax(piece.values)),
    }
