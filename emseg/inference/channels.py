"""A micrograph's channels are brought to those that a model reads."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import MismatchError
from emseg.micrograph import Micrograph

_log = logging.getLogger(__name__)
_RGB = ("red", "green", "blue")
_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
_MARKS = 0.05  # share of the pixels that scale bars, arrows and letters in colour take
_SAME = 1 / 16  # of the range of values: how far JPEG throws channels that agree apart


def fit_channels(micrograph: Micrograph, channels: int) -> Micrograph:
    """Give a micrograph as many channels as a model reads.

    For a model of one channel a colour picture becomes grey, with a notice; for one of three, grey
    that was stored as red, green and blue is what was stored.

    Raises
    ------
    MismatchError
        When the channels do not fit in any other way.
    """
    found = micrograph.pixels.shape[0]
    if found == channels:
        return micrograph
    if channels == 1 and is_colour(micrograph):
        return _grey(micrograph)
    if channels == 3 and micrograph.is_grey_in_colour:
        return replace(micrograph, pixels=np.repeat(micrograph.pixels, 3, axis=0), channels=_RGB)
    instead = "--channels names those that it was trained on"
    if (found, channels) == (1, 3):
        instead = "--channels 0,0,0 gives it the grey three times"
    raise MismatchError(
        f"{micrograph.path or micrograph.title} has {found} channel(s) and the model reads "
        f"{channels}; {instead}"
    )


def with_common_channels(micrographs: Sequence[Micrograph]) -> list[Micrograph]:
    """Bring the micrographs of a training to the same channels.

    Grey that was stored in colour is grey beside grey, coloured marks on it or not, and colour
    beside colour.

    Raises
    ------
    MismatchError
        When some are grey and others are colour pictures, or their channels differ otherwise.
    """
    coloured = [each for each in micrographs if is_colour(each) and not is_marked_grey(each)]
    if not coloured:
        alike = [fit_channels(each, 1) if is_colour(each) else each for each in micrographs]
    elif all(is_colour(each) or each.is_grey_in_colour for each in micrographs):
        return [fit_channels(each, 3) for each in micrographs]
    else:
        alike = list(micrographs)
        grey = next((each for each in alike if len(each.pixels) == 1), None)
        if grey is not None:
            raise MismatchError(
                f"{_place(coloured[0])} is a colour picture and {_place(grey)} is grey; a training "
                "takes one kind: --channels 0 reads one channel of each (of colours the red), or "
                "leave one kind out"
            )
    for each in alike:
        if len(each.pixels) != len(alike[0].pixels):
            raise MismatchError(
                f"{_place(each)} has {len(each.pixels)} channel(s) and {_place(alike[0])} has "
                f"{len(alike[0].pixels)}; all micrographs of a training have the same channels: "
                "name them with --channels"
            )
    return alike


def is_colour(micrograph: Micrograph) -> bool:
    """Whether the channels of a micrograph are red, green and blue."""
    return micrograph.channels == _RGB and len(micrograph.pixels) == 3


def is_marked_grey(micrograph: Micrograph) -> bool:
    """Whether red, green and blue agree almost everywhere."""
    return _coloured_share(micrograph.pixels) <= _MARKS


def _grey(micrograph: Micrograph) -> Micrograph:
    share = _coloured_share(micrograph.pixels)
    if share > _MARKS:
        _log.warning(
            "%s is a colour picture; its luminance is used",
            _place(micrograph),
            extra={"more": "the luminance of {} more colour pictures is used as well"},
        )
        return replace(micrograph, pixels=_luminance(micrograph.pixels), channels=())
    _log.warning(
        "%s is grey stored in colour, with %.2g %% of its pixels coloured; it is read as grey, and "
        "--channels 0,1,2 reads the colours",
        _place(micrograph),
        100 * share,
        extra={"more": "{} more are read as grey although some of their pixels are coloured"},
    )
    pixels, kind = _luminance(micrograph.pixels), micrograph.pixels.dtype
    if kind.kind in "iu":
        pixels = np.rint(pixels)
    return replace(micrograph, pixels=pixels.astype(kind), channels=(), is_grey_in_colour=True)


def _coloured_share(colours: NDArray[Any]) -> float:
    """Share of the pixels whose red, green and blue differ, (3, Y, X)."""
    low, high = colours.min(axis=0), colours.max(axis=0)
    most = 255.0 if colours.dtype == np.uint8 else float(high.max()) - float(low.min())
    return float(np.mean(np.subtract(high, low, dtype=np.float32) > _SAME * most))


def _luminance(colours: NDArray[Any]) -> NDArray[Any]:
    """Weigh red, green and blue, shape (1, Y, X), one channel in memory at a time."""
    precision = np.float32 if colours.dtype.itemsize <= 2 else np.float64
    grey = np.zeros((1, *colours.shape[1:]), precision)
    for weight, channel in zip(_LUMA, colours, strict=True):
        grey[0] += np.multiply(channel, weight, dtype=precision)
    return grey


def _place(micrograph: Micrograph) -> str:
    return str(micrograph.path or micrograph.title)
