"""Probabilities, which are no labels: how they look, and how labels are made of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import LabelError
from emseg.micrograph import Micrograph

_ROUNDING = 0.01  # of a sum of probabilities, some of 16 bits
_SHARE = 0.99  # of the pixels whose probabilities add up; some programs leave a margin empty
_FEWEST_VALUES = 33  # of whole numbers; fewer are labels, or colours of a mask

_HOW = (
    "save the most probable class of each pixel (arg-max over the classes; Simple Segmentation in "
    "ilastik), or where one class is above 0.5 (Image > Adjust > Threshold in Fiji), as whole "
    "numbers"
)


def refuse_probabilities(mask: Micrograph, what: str = "the label image") -> None:
    """Refuse probabilities of one class or of several, and say how labels are made of them.

    Parameters
    ----------
    mask : Micrograph
        What was read as labels.
    what : str
        What it is called in the message.

    Raises
    ------
    LabelError
        Says what was seen.
    """
    found = probabilities_in(mask.array)
    if found:
        raise LabelError(f"{what} {mask.path or mask.name} holds {found} and no labels; {_HOW}")


def probabilities_in(pixels: NDArray[Any]) -> str | None:
    """Say that pixels are probabilities, and of how many classes; None when they may be labels.

    Parameters
    ----------
    pixels : array, shape (C, Y, X)
        Channels, or planes of a stack: fractions from 0 to 1; or one a class that add up to 1, or
        to 255 or 65535 where they were scaled to whole numbers.

    Returns
    -------
    str or None
        ``"probabilities (float32, 0.02 to 0.98)"``, ``"probabilities of 3 classes (uint8, which
        add up to 255)"``.
    """
    if not pixels.size or pixels.dtype.kind not in "fu":
        return None
    kind, classes = pixels.dtype, f" of {len(pixels)} classes" if len(pixels) > 1 else ""
    if kind.kind == "f":
        low, high = float(pixels.min()), float(pixels.max())  # NaN fails both comparisons
        if not (low >= -_ROUNDING and high <= 1 + _ROUNDING) or (pixels == np.rint(pixels)).all():
            return None
        return f"probabilities{classes} ({kind}, {low:.3g} to {high:.3g})"
    if not classes or len(np.unique(pixels[0])) < _FEWEST_VALUES:
        return None
    whole = np.iinfo(kind).max
    sums = pixels.sum(axis=0, dtype=np.float64)
    if (np.abs(sums - whole) <= max(len(pixels), _ROUNDING * whole)).mean() < _SHARE:
        return None
    return f"probabilities{classes} ({kind}, which add up to {whole})"
