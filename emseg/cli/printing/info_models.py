"""What ``emseg info`` says about models: of their cards, whose weights are not read."""

import json
import textwrap
from typing import TYPE_CHECKING, Any

from rich.text import Text

from emseg.cli.terminal.columns import GAP, hanging, printable

if TYPE_CHECKING:
    from emseg.bundle import ModelCard
    from emseg.outcomes import Outcome


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
