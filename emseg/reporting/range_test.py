"""What a learning-rate range test saw: the loss over the rate, and the rate that it suggests."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emseg.reporting.figures import new_figure, write_figure

_BLUE, _RED = "#0072B2", "#D55E00"  # of Okabe and Ito (2008)
_ROOM = 0.15  # of the range of the smoothed loss is left above and below it


def write_range_test(
    path: Path,
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    suggestion: float,
) -> None:
    """Write a PNG with the loss over the learning rate and the suggestion.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    rates, losses : sequence of float
        Of each step.
    smoothed : sequence of float
        Loss without its noise; may be shorter.
    suggestion : float
        The rate to mark.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    figure = new_figure(6.4, 4)
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.plot(rates, losses, color=_BLUE, alpha=0.3, linewidth=0.8, label="each step")
    axes.plot(rates[: len(smoothed)], smoothed, color=_BLUE, linewidth=1.8, label="smoothed")
    height = float(np.interp(np.log(suggestion), np.log(rates[: len(smoothed)]), smoothed))
    label = f"suggestion: {suggestion:.2g}"
    axes.axvline(suggestion, color=_RED, linewidth=1, linestyle="--")
    axes.plot(suggestion, height, "o", color=_RED, markersize=7, label=label)
    shown = [each for each in losses if each <= max(smoothed)] + list(smoothed)
    room = _ROOM * (max(shown) - min(shown))
    axes.set_ylim(min(shown) - room, max(shown) + room)  # one wild step must not flatten the rest
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    axes.grid(color="0.9", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="best")
    write_figure(path, figure)
