"""Which samples of a coloured pixel are kept: red, green, blue and alpha."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.pixels import Pixels, mapped, row_bands
from emseg.reading.signals.signal import Shared

RGB = ("red", "green", "blue")
_FEW = 1 << 16  # hidden pixels that are compared

_IN_ALPHA = Shared(
    "has one colour throughout and its labels in the transparency (alpha), which is read as the "
    "mask",
    "the transparency of {} more is read as the mask as well",
)


def without_alpha(pixels: Pixels) -> tuple[Pixels, tuple[str, ...]]:
    """Drop alpha, and keep one channel of a grey image that was stored as colour.

    Parameters
    ----------
    pixels : Pixels, shape (S, Y, X)
        Grey, grey and alpha, or red, green, blue and perhaps alpha.

    Returns
    -------
    Pixels, shape (1, Y, X) or (3, Y, X)
    tuple of str
        The names of the channels; empty for grey.
    """
    is_grey = len(pixels) < len(RGB) or all(_agree(band) for _, band in row_bands(pixels))
    count = 1 if is_grey else len(RGB)

    def kept(band: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(band[:count])

    return mapped(pixels, kept, count, pixels.dtype), () if is_grey else RGB


def _agree(band: NDArray[Any]) -> bool:
    red, green, blue = band[:3]
    return np.array_equal(red, green) and np.array_equal(red, blue)


def labels_of(pixels: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Take the labels of a mask from its alpha, where its colours say nothing.

    Parameters
    ----------
    pixels : array, shape (S, Y, X)
        As `without_alpha` takes it.

    Returns
    -------
    array, shape (S, Y, X)
        Alpha alone where it varies under one colour; else what was given.
    str
        What the user should know about it; empty when nothing is transparent.
    """
    if len(pixels) not in (2, 4):
        return pixels, ""
    colours, alpha = pixels[:-1], pixels[-1]
    opaque = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "iu" else 1
    if (alpha == opaque).all():
        return pixels, ""
    if all(each.min() == each.max() for each in colours):
        return pixels[-1:], _IN_ALPHA
    clear = alpha == 0
    hidden = colours[:, clear][:, :_FEW]
    if not hidden.size or (hidden == hidden[:, :1]).all():
        return pixels, ""
    return pixels, Shared(
        f"hides {100 * clear.mean():.2g} % of its pixels by transparency (alpha); their colours "
        "are read as if they showed; save it without alpha if they mean nothing",
        "{} more hide colours by transparency as well",
    )
