"""A micrograph's channels are brought to those that a model reads."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import MismatchError
from emseg.micrograph import Micrograph
from emseg.pixels import mapped
from emseg.reading.pictures.colours import RGB
from emseg.reading.pictures.grey import grey_of, is_colour, is_marked_grey


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
        return grey_of(micrograph)
    if channels == 3 and micrograph.is_grey_in_colour:
        pixels = mapped(micrograph.pixels, _three_times, 3, micrograph.pixels.dtype)
        return replace(micrograph, pixels=pixels, channels=RGB)
    instead = "--channels names those that it was trained on"
    if (found, channels) == (1, 3):
        instead = "--channels 0,0,0 gives it the grey three times"
    raise MismatchError(
        f"{micrograph.path or micrograph.title} has {found} channel(s) and the model reads "
        f"{channels}; {instead}"
    )


def _three_times(grey: NDArray[Any]) -> NDArray[Any]:
    return np.repeat(grey, 3, axis=0)


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
        grey = next(
            (each for each in alike if len(each.pixels) == 1 and not each.is_grey_in_colour), None
        )
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


def _place(micrograph: Micrograph) -> str:
    return str(micrograph.path or micrograph.title)
