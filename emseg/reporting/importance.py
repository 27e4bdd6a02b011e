"""What a forest looks at, as bars."""

from pathlib import Path
from typing import TYPE_CHECKING

from emseg.reporting.figures import new_figure, plain, write_figure

if TYPE_CHECKING:
    from emseg.explanation import Importance

_MOST = 20  # bars
_BLUE = "#0072B2"  # of Okabe and Ito (2008)


def write_importance(path: Path, importance: "Importance") -> None:
    """Write a PNG with a bar for each filter, and one for each stage of the encoder.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    importance : Importance
        The 20 largest shares are drawn.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    groups = importance.groups
    names, shares = list(groups)[:_MOST], [100 * each for each in groups.values()][:_MOST]
    figure = new_figure(6.4, 1.2 + 0.22 * len(names))
    axes = figure.subplots()
    axes.barh(names, shares, color=_BLUE)
    axes.invert_yaxis()
    axes.set_xlabel("share of what the trees decide by (%)")
    title = f"{importance.class_name}: {len(names)} of {len(groups)} features"
    axes.set_title(plain(title), loc="left", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(axis="x", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    write_figure(path, figure)
