"""What ``emseg info`` says about models: of their cards, whose weights are not read."""

import json
import os
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from emseg.cli.columns import GAP, hanging, printable

if TYPE_CHECKING:
    from emseg.bundle import ModelCard
    from emseg.outcomes import Outcome

_WEIGHTS = "model.safetensors"
_CARD = "config.json"  # emseg.bundle, which knows more, brings PyTorch along


def models_among(given: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Tell models, and folders of runs, from files and folders of images."""
    models: list[Path] = []
    others: list[str] = []
    for each in given:
        found = list(_models(Path(each).expanduser()))
        models += found
        others += [] if found else [each]
    return models, others


def _models(path: Path) -> Iterator[Path]:
    if path.name in (_CARD, _WEIGHTS) and path.is_file():
        yield path
        return
    from emseg.reading.files import readable_files

    if not path.is_dir():
        return
    # a folder of images may hold somebody else's config.json, or a folder called model
    is_sure = os.path.lexists(path / _WEIGHTS) or (path / "train.toml").exists()
    if _is_model(path) and (is_sure or not readable_files(path)):
        yield path
    elif not readable_files(path) and any(_is_model(each) for each in path.iterdir()):
        from emseg.bundle import models_inside

        yield from models_inside(path)


def _is_model(path: Path) -> bool:
    return any(os.path.lexists(folder / _CARD) for folder in (path, path / "model"))


def model_block(report: "Outcome[ModelCard]", width: int) -> Text:
    """Describe a model by its card.

    Parameters
    ----------
    report : Outcome
        With the card, or with the reason why it cannot be read.
    width : int
        Columns of the terminal.
    """
    lines = Text(printable(report.path), style="bold").append(
        f"{GAP}model of emseg", "not bold dim"
    )
    said = _said(report.found) if report.found else [str(report.error)]
    style = "" if report.found else "red"
    for line in said:
        lines.append("\n").append_text(hanging(printable(line), 2, width, style))
    return lines.append("\n")


def _said(card: "ModelCard") -> list[str]:
    from emseg.bundle import model_facts

    reading = card.reading
    read = [
        f"signal {reading.signal}" if reading.signal else "",
        f"channels {reading.channels}" if reading.channels else "",
        "dark and bright exchanged" if reading.invert else "",
    ]
    scores = [
        f"{name} {'-' if value is None else f'{value:.3f}'}" for name, value in card.scores.items()
    ]
    return [
        f"network: {card.spec}",
        f"classes: {', '.join(f'{at} {each.name}' for at, each in enumerate(card.classes))}",
        *model_facts(card),
        *([f"reads: {', '.join(filter(None, read))}"] if any(read) else []),
        *([f"scores on its validation images: {', '.join(scores)}"] if scores else []),
        f"licence: {card.licence}",
    ]


def model_entry(report: "Outcome[ModelCard]") -> str:
    """Write one model as a JSON object, indented as a member of a list."""
    described: dict[str, Any] = {
        "file": str(report.path),
        "error": str(report.error) if report.error else None,
        "format": "emseg model",
        "model": report.found.model_dump(mode="json") if report.found else None,
    }
    return textwrap.indent(json.dumps(described, indent=2, ensure_ascii=False), "  ")
