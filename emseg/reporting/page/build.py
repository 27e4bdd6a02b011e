"""One HTML file that opens without a network."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from emseg.evaluation.classification import ClassificationReport
from emseg.evaluation.metrics.calibration import BinnedCalibration
from emseg.evaluation.report import SegmentationReport
from emseg.reporting.page.classified import ClassifiedPage, classified_page
from emseg.reporting.page.gallery import Gallery
from emseg.reporting.page.provenance import Provenance
from emseg.reporting.page.segmented import SegmentedPage, segmented_page
from emseg.writing import whole_file

if TYPE_CHECKING:
    from jinja2 import Environment

_MOST_FILES = 1000
_TIED = re.compile(r"(?<=\d) (?=%|nm\b|px\b|µm\b)")
_BIDIRECTIONAL = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))  # turn what follows a name round
_NEVER = (*range(9), 11, 12, *range(14, 32), 127, *_BIDIRECTIONAL)
_CONTROLS = dict.fromkeys(_NEVER, "\N{REPLACEMENT CHARACTER}")


def write_page(
    path: Path,
    report: SegmentationReport | ClassificationReport,
    gallery: Gallery,
    provenance: Provenance,
    *,
    calibration: BinnedCalibration | None = None,
) -> None:
    """Write what an evaluation found as one HTML file, whole or not at all.

    The file holds its pictures, style and script, and forbids a browser to load anything else.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    report : SegmentationReport or ClassificationReport
        What was found.
    gallery : Gallery
        Pictures of the worst; one that has seen nothing leaves their sections out.
    provenance : Provenance
        How the result was made.
    calibration : BinnedCalibration, optional
        Points of the reliability diagram, where there are probabilities.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    page: SegmentedPage | ClassifiedPage
    if isinstance(report, SegmentationReport):
        kind, page = "segmented", segmented_page(report, gallery, calibration)
    else:
        kind, page = "classified", classified_page(report, gallery)
    style, script = _part("style.css"), _part("script.js")
    chunks = (
        _environment()
        .get_template(f"{kind}.html.j2")
        .generate(
            page=page,
            about=provenance,
            most_files=_MOST_FILES,
            style=style,
            script=script,
            policy=_policy(style, script),
        )
    )
    # names of files may hold bytes that are no text: they become question marks
    with (
        whole_file(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="replace", newline="\n") as file,
    ):
        file.writelines(chunks)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("emseg.reporting.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters["tied"] = _tied
    return environment


def _printable(value: object) -> object:
    """Replace what no HTML may hold, or what turns text round; names of files may hold anything."""
    return value.translate(_CONTROLS) if type(value) is str else value


def _tied(text: str) -> str:
    """Keep a percent sign and a unit on the line of their number."""
    return _TIED.sub("\N{NO-BREAK SPACE}", text)


def _part(name: str) -> str:
    return files("emseg.reporting.page").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Allow pictures inside the file, this style and this script, and nothing else."""
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
