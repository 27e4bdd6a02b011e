"""Smallest and largest value of each image in a file."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emseg.reading.layout import Layout, why_not
from emseg.reading.signal import Signal
from emseg.reading.stack import opened

_MANY = 1 << 26  # values of a stack that are looked at: they are read in about a second
_MOST = 1 << 29  # values of a single plane, above which nothing is looked at


@dataclass(frozen=True, slots=True)
class ValueRange:
    """Extremes of the finite values of a signal.

    Parameters
    ----------
    low, high : float
        Integers stay exact up to 2**53.
    planes_read, planes : int
        How many planes were looked at, and how many there are.
    """

    low: float
    high: float
    planes_read: int
    planes: int

    @property
    def is_sampled(self) -> bool:
        """Whether some planes were not looked at."""
        return self.planes_read < self.planes


def value_ranges(path: Path) -> tuple[ValueRange | None, ...]:
    """Range of each signal, in the order of `describe`.

    Of a large stack, planes evenly spread over it are read. None stands for a signal that
    is no image, that has no finite value, or whose single plane is too large to look at.

    Raises
    ------
    PathMissingError, UnreadableFileError
        As `open_stack`.
    """
    with opened(path) as source:
        return tuple(_range(signal) for signal in source.signals)


def _range(signal: Signal) -> ValueRange | None:
    if why_not(signal):
        return None
    layout = Layout.of(signal.axes)
    values = layout.channel_count * math.prod(layout.size)
    if values > _MOST:
        return None
    count = min(max(_MANY // values, 1), layout.count)
    chosen = np.linspace(0, layout.count - 1, count).astype(int)
    low, high = math.inf, -math.inf
    for plane in chosen:
        pixels = signal.read(layout.index(int(plane)))
        finite = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
        if finite.size:
            low, high = min(low, finite.min().item()), max(high, finite.max().item())
    return ValueRange(low, high, len(chosen), layout.count) if low <= high else None
