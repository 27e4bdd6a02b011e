"""Grey that is stored in colour, and grey made from colours."""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.micrograph import Micrograph
from emseg.pixels import Pixels, mapped, row_bands
from emseg.reading.pictures.colours import RGB

_log = logging.getLogger(__name__)
_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
_MARKS = 0.05  # share of the pixels that scale bars, arrows and letters in colour take
_SAME = 1 / 16  # of the range of values: how far JPEG throws channels that agree apart


def is_colour(micrograph: Micrograph) -> bool:
    """Whether the channels of a micrograph are red, green and blue."""
    return micrograph.channels == RGB and len(micrograph.pixels) == len(RGB)


def is_marked_grey(micrograph: Micrograph) -> bool:
    """Whether red, green and blue agree but for a few pixels, as those of a scale bar."""
    return is_colour(micrograph) and _coloured_share(micrograph.pixels) <= _MARKS


def grey_of(micrograph: Micrograph) -> Micrograph:
    """Make one channel of red, green and blue, with a notice.

    Parameters
    ----------
    micrograph : Micrograph
        Of which `is_colour` is true.

    Returns
    -------
    Micrograph
        Its luminance; in the dtype of the file where the channels agree but for a few pixels, and
        as floats otherwise.
    """
    colours, place = micrograph.pixels, micrograph.path or micrograph.title
    share = _coloured_share(colours)
    if share > _MARKS:
        _log.warning(
            "%s is a colour picture; its luminance is used",
            place,
            extra={"more": "the luminance of {} more colour pictures is used as well"},
        )
        pixels = mapped(colours, _luminance, 1, _precision(colours.dtype))
        return replace(micrograph, pixels=pixels, channels=())
    _log.warning(
        "%s is grey stored in colour, with %.2g %% of its pixels coloured; it is read as grey; "
        "where the colours count, train and measure with --channels 0,1,2",
        place,
        100 * share,
        extra={"more": "{} more are read as grey although some of their pixels are coloured"},
    )
    pixels = mapped(colours, _grey, 1, colours.dtype)
    return replace(micrograph, pixels=pixels, channels=(), is_grey_in_colour=True)


def _coloured_share(colours: Pixels) -> float:
    """Share of the pixels whose red, green and blue differ, (3, Y, X)."""
    most = 255.0 if colours.dtype == np.uint8 else _range(colours)
    coloured = 0
    for _, band in row_bands(colours):
        apart = np.subtract(band.max(axis=0), band.min(axis=0), dtype=np.float32)
        coloured += int(np.count_nonzero(apart > _SAME * most))
    return coloured / (colours.shape[1] * colours.shape[2])


def _range(pixels: Pixels) -> float:
    ends = np.array([(float(band.min()), float(band.max())) for _, band in row_bands(pixels)])
    return float(ends[:, 1].max() - ends[:, 0].min())


def _precision(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)


def _luminance(colours: NDArray[Any]) -> NDArray[Any]:
    """Weigh red, green and blue, shape (1, Y, X), one channel in memory at a time."""
    precision = _precision(colours.dtype)
    grey = np.zeros((1, *colours.shape[1:]), precision)
    for weight, channel in zip(_LUMA, colours, strict=True):
        grey[0] += np.multiply(channel, weight, dtype=precision)
    return grey


def _grey(colours: NDArray[Any]) -> NDArray[Any]:
    """Weigh them in the type of the file."""
    grey, kind = _luminance(colours), colours.dtype
    return (np.rint(grey) if kind.kind in "iu" else grey).astype(kind)
