"""Smallest and largest value of an image."""

import math
from dataclasses import dataclass

import numpy as np

from emseg.reading.signals.bands import bands
from emseg.reading.signals.layout import Layout, why_not
from emseg.reading.signals.signal import Signal


@dataclass(frozen=True, slots=True)
class ValueRange:
    """Extremes of the finite values of a signal.

    Parameters
    ----------
    low, high : int or float
        As they are stored; integers are exact.
    """

    low: float
    high: float


def value_range(signal: Signal, *, whole: bool = False) -> ValueRange | None:
    """Read all values of a signal, some rows at a time.

    Parameters
    ----------
    signal : Signal
        Of an open file.
    whole : bool
        Whether its format reads only whole planes.

    Returns
    -------
    ValueRange or None
        None when the signal is no image or has no finite value.
    """
    if why_not(signal):
        return None
    layout = Layout.of(signal.axes)
    low, high = math.inf, -math.inf
    for plane in range(layout.count):
        for band in bands(signal, layout, plane, whole=whole):
            values = band.pixels
            finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
            if finite.size:
                low, high = min(low, finite.min().item()), max(high, finite.max().item())
    return ValueRange(low, high) if low <= high else None
