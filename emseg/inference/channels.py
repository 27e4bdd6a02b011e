"""A micrograph's channels are brought to those that a model reads."""

import logging

import numpy as np

from emseg.errors import MismatchError
from emseg.micrograph import Micrograph

_log = logging.getLogger(__name__)
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


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
        grey = np.tensordot(_LUMA, micrograph.pixels, axes=1)[None]
        return Micrograph(
            grey, micrograph.name, micrograph.path, micrograph.plane, micrograph.pixel_size
        )
    raise MismatchError(
        f"{where} has {found} channel(s) and the model reads {channels}; give it micrographs with "
        "the channels that it was trained on"
    )
