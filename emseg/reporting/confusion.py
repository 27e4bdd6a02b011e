"""The confusion matrix of a classifier as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from emseg.errors import MismatchError
from emseg.reporting.figures import new_figure, plain, write_figure

_MOST_NUMBERED = 30  # classes; beyond this the counts would not be legible
_LEVEL_LABEL = 6  # characters that fit under a column


def write_confusion(path: Path, names: Sequence[str], matrix: ArrayLike) -> None:
    """Write a PNG of a confusion matrix with its counts.

    The shade of a cell is its share of the row, so that a rare class is as legible as a
    frequent one; the number is the count.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    names : sequence of str
        K class names.
    matrix : array of int, shape (K, K)
        Rows are the truth, columns the prediction.

    Raises
    ------
    MismatchError
        When names and matrix do not fit.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    counts = np.asarray(matrix)
    if not names or counts.shape != (len(names), len(names)):
        raise MismatchError(
            f"{path}: a confusion matrix of shape {counts.shape} does not fit {len(names)} "
            "classes; give one row and one column a class"
        )
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    side = min(14.0, 2.4 + 0.62 * len(names))
    figure = new_figure(side + 0.8, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(names))
    labels = [plain(name) for name in names]
    axes.set_xticks(places, labels)
    if max(map(len, labels)) > _LEVEL_LABEL:
        axes.tick_params("x", labelrotation=45)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axes.set_yticks(places, labels)
    axes.set_xlabel("prediction")
    axes.set_ylabel("truth")
    axes.spines[:].set_visible(False)
    if len(names) <= _MOST_NUMBERED:
        for row, column in np.ndindex(counts.shape):
            shade = "white" if shares[row, column] > 0.5 else "0.15"
            axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=shade)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class")
    write_figure(path, figure)
