"""What became of each pixel of a prediction: right, missed, false, or another class."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.confusion import Confusion
from emseg.micrograph import LabelImage
from emseg.writing.display import background_class
from emseg.writing.picture import PictureEntry

UNLABELLED_COLOUR = (238, 238, 238)
"""Of pixels that belong to no class, nearly white."""


class PixelVerdicts(IntEnum):
    """What became of a pixel; the value is its place in `VERDICT_COLOURS`."""

    CORRECT = 0
    MISSED = 1
    FALSE = 2
    CONFUSED = 3
    NOT_JUDGED = 4


# crimson, violet and black: apart from the class colours, and for colour-blind readers too
VERDICT_COLOURS = np.array(
    [
        (0, 0, 0, 0),
        (214, 0, 70, 255),
        (110, 60, 230, 255),
        (0, 0, 0, 255),
        (*UNLABELLED_COLOUR, 255),
    ],
    np.uint8,
)
"""Red, green, blue and opacity of each verdict, shape (5, 4); what is correct is clear."""


def verdicts_of(
    prediction: LabelImage, reference: LabelImage, background: int | None = None
) -> NDArray[np.uint8]:
    """Judge each pixel.

    Pixels are missed that belong to a class but were called background, false that are background
    but were called a class, and confused when one class was called another. Background is the
    class that `background_class` finds in the reference, unless one is named.

    Parameters
    ----------
    prediction, reference : LabelImage, shape (Y, X)
        Their classes are matched by name.
    background : int, optional
        The class of the reference that is background, where the whole image is known better.

    Returns
    -------
    array of uint8, shape (Y, X)
        Values of `PixelVerdicts`.
    """
    if background is None:
        background = background_class(reference)
    found = _translated(prediction, reference)
    judged = reference.pixels != reference.unlabelled
    is_background = reference.pixels == background
    called_background = (found == background) | (found == -1)
    conditions = (
        ~judged,
        found == reference.pixels,
        called_background & ~is_background,
        is_background,
    )
    kinds = (
        PixelVerdicts.NOT_JUDGED,
        PixelVerdicts.CORRECT,
        PixelVerdicts.MISSED,
        PixelVerdicts.FALSE,
    )
    return np.select(conditions, kinds, PixelVerdicts.CONFUSED).astype(np.uint8)


def verdict_counts(confusion: Confusion, background: int) -> NDArray[np.int64]:
    """Count the verdicts of an image whose confusion is known, shape (5,); what is not judged is 0.

    Parameters
    ----------
    confusion : Confusion
        Of the classes of the reference.
    background : int
        The class of the reference that is background.
    """
    counts, unnamed = confusion.counts, confusion.missed
    total, correct = int(counts.sum() + unnamed.sum()), int(np.trace(counts))
    missed = int(counts[:, background].sum() - counts[background, background])
    missed += int(unnamed.sum() - unnamed[background])
    false = int(counts[background].sum() - counts[background, background] + unnamed[background])
    return np.array([correct, missed, false, total - correct - missed - false, 0])


def verdict_legend(counts: NDArray[np.int64], background: str) -> list[PictureEntry]:
    """List the kinds of mistakes with their share of the labelled pixels.

    Parameters
    ----------
    counts : array of int64, shape (5,)
        Pixels of each `PixelVerdicts`.
    background : str
        Name of the class that is background.
    """
    judged = max(1, int(counts.sum() - counts[PixelVerdicts.NOT_JUDGED]))
    meanings = {
        PixelVerdicts.MISSED: f"missed, called {background}:",
        PixelVerdicts.FALSE: f"false, is {background}:",
        PixelVerdicts.CONFUSED: "called another class:",
    }
    legend = []
    for kind, meaning in meanings.items():
        if kind is not PixelVerdicts.CONFUSED or counts[kind]:
            red, green, blue = (int(each) for each in VERDICT_COLOURS[kind, :3])
            text = f"{meaning} {100 * counts[kind] / judged:.2f} %"
            legend.append(PictureEntry(text, (red, green, blue)))
    if counts[PixelVerdicts.NOT_JUDGED]:
        legend.append(PictureEntry("not labelled", UNLABELLED_COLOUR))
    return legend


def _translated(prediction: LabelImage, reference: LabelImage) -> NDArray[np.int32]:
    """Give the prediction the reference's indices; -1 is no class, -2 one it does not have."""
    place = {name: index for index, name in enumerate(reference.names)}
    table = np.full(prediction.unlabelled + 1, -1, np.int32)
    table[: len(prediction.names)] = [place.get(name, -2) for name in prediction.names]
    return np.take(table, prediction.pixels)
