"""What an evaluation saw of the images, and the page that shows it."""

import hashlib
from datetime import datetime
from json import dumps
from pathlib import Path

from emseg import __version__
from emseg.bundle import StoredModel
from emseg.config import EvaluateConfig
from emseg.evaluation import (
    ClassificationReport,
    ClassifiedFile,
    Compared,
    ComparedPair,
    SegmentationReport,
)
from emseg.meters import progress
from emseg.micrograph import Micrograph
from emseg.reporting.page import Gallery, Provenance, write_page

_MOST_HASHED = 1 << 32  # bytes; the files behind them are named without a hash


class ReportWriter:
    """Sees every image of an evaluation while it is in memory.

    Parameters
    ----------
    config : EvaluateConfig
        What is compared; without a report no pictures are kept.
    command : str
        How it was asked for, which stands in what is written.
    """

    def __init__(self, config: EvaluateConfig, command: str) -> None:
        self.config, self.command = config, command
        self.model: StoredModel | None = None
        self._gallery = Gallery()
        self._files: dict[Path, None] = {}

    def look(self, pair: ComparedPair, compared: Compared) -> None:
        """See a pair of label images."""
        self._files |= dict.fromkeys(compared.files)
        if self.config.report:
            self._gallery.look(pair, compared.micrograph)

    def join(self, other: "ReportWriter") -> None:
        """Take what another one saw of further images."""
        self._files |= other._files
        self._gallery.join(other._gallery)

    def look_at_file(self, file: ClassifiedFile, micrograph: Micrograph) -> None:
        """See a classified file; pictures of mistakes, doubts and certainties are kept."""
        if micrograph.path is not None:
            self._files[micrograph.path] = None
        names = [each.name for each in self.model.card.classes] if self.model else []
        values = list(map(float, file.probabilities))  # type: ignore[arg-type]
        said = max(range(len(values)), key=values.__getitem__)
        if self.config.report and names:
            is_right = names[said] == file.label
            self._gallery.look_at_file(file.file, values[said], micrograph, is_right=is_right)

    def as_text(self, report: SegmentationReport | ClassificationReport) -> str:
        """Write what ``metrics.json`` holds: the report, the worst tiles and the provenance."""
        found = report.as_json()
        if self._gallery.worst_tiles:
            found["worst_tiles"] = [
                {
                    "image": each.name,
                    "rows": [each.region.top, each.region.bottom],
                    "columns": [each.region.left, each.region.right],
                    "wrong": each.wrong,
                }
                for each in self._gallery.worst_tiles
            ]
        found["provenance"] = {"emseg": __version__, "command": self.command}
        if self.model is not None:
            found["provenance"]["model_sha256"] = self.model.card.sha256
        return dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def write_page(self, path: Path, report: SegmentationReport | ClassificationReport) -> None:
        """Write the report as one HTML file."""
        with progress("report"):
            write_page(
                path, report, self._gallery, self._provenance(), calibration=report.calibration
            )

    def _provenance(self) -> Provenance:
        config = self.config
        judged = f"{config.model} on {config.inputs}" if config.model else str(config.inputs)
        truth = f" against {config.masks}" if config.masks else ""
        return Provenance(
            title=f"{judged}{truth}",
            command=self.command,
            version=__version__,
            date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
            files=hashed(self._files),
            model=card_lines(self.model) if self.model else (),
        )


def hashed(files: dict[Path, None]) -> tuple[tuple[str, str], ...]:
    """Hash files until that would take too long."""
    left, found = _MOST_HASHED, []
    for path in files:
        size = path.stat().st_size if path.is_file() else None  # Zarr is a folder
        if size is None or size > left:
            found.append((str(path), ""))
            continue
        left -= size
        with path.open("rb") as file:
            found.append((str(path), hashlib.file_digest(file, "sha256").hexdigest()))
    return tuple(found)


def card_lines(model: StoredModel) -> tuple[tuple[str, str], ...]:
    """Say which model it is."""
    card = model.card
    return (
        ("network", str(card.spec)),
        ("classes", ", ".join(each.name for each in card.classes)),
        ("pixel size", str(card.pixel_size or "unknown")),
        ("weights, SHA-256", card.sha256),
    )
