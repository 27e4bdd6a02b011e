"""A micrograph's channels are brought to those that a model reads."""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import MismatchError
from emseg.micrograph import Micrograph

_log = logging.getLogger(__name__)
_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


def fit_channels(micrograph: Micrograph, channels: int) -> Micrograph:
    """Give a micrograph as many channels as a model reads.

    A colour picture becomes grey for a model of one channel, with a notice.

    Raises
    ------
    MismatchError
        When the channels do not fit in any other way.
    """
    found = micrograph.pixels.shape[0]
    if found == channels:
        return micrograph
    where = micrograph.path or micrograph.title
    if channels == 1 and micrograph.channels == ("red", "green", "blue"):
        _log.warning("%s is a colour picture; its luminance is used", where)
        return replace(micrograph, pixels=_luminance(micrograph.pixels), channels=())
    raise MismatchError(
        f"{where} has {found} channel(s) and the model reads {channels}; give it micrographs with "
        "the channels that it was trained on"
    )


def _luminance(colours: NDArray[Any]) -> NDArray[np.float32]:
    """Weigh red, green and blue, shape (1, Y, X), one channel in memory at a time."""
    grey = np.zeros((1, *colours.shape[1:]), np.float32)
    for weight, channel in zip(_LUMA, colours, strict=True):
        grey[0] += np.multiply(channel, weight, dtype=np.float32)
    return grey
