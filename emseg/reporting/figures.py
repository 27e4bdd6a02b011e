"""matplotlib figures without its global state."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from emseg.micrograph import PICTURE_OF_RESULTS
from emseg.writing import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> "Figure":
    """Start a figure of this size in inches that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a figure as PNG, whole or not at all.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    with whole_file(path) as temporary, warnings.catch_warnings():
        # a name in a script that the font lacks is drawn as boxes, which says enough
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(temporary, format="png", metadata={"Comment": PICTURE_OF_RESULTS})


def plain(text: str) -> str:
    """Keep matplotlib from reading mathematics into a name, and from what is no character."""
    shown = "".join(each if each.isprintable() or each == "\n" else "?" for each in text)
    return shown.replace("$", r"\$")
