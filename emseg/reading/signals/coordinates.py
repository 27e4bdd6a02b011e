"""Positions of samples along an axis, where a file lists them one by one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_APART = 2e-3  # of the length: how far samples may lie from even places
_JITTER = 1.0  # of a step: how far they may where positions were rounded or measured
_BEND = 0.02  # of a step: by how much the steps of both halves may differ then


def spacing(positions: NDArray[Any]) -> float | None:
    """Distance between samples, in the unit of their positions.

    Parameters
    ----------
    positions : array, shape (N,)
        N is 2 at least.

    Returns
    -------
    float or None
        Negative where positions fall. None when they are not evenly spaced: the mean of a
        logarithmic axis is the size of no pixel.
    """
    places = np.asarray(positions, dtype=np.float64)
    if not np.isfinite(places).all():
        return None
    first, last = float(places[0]), float(places[-1])
    even = np.linspace(first, last, len(places))
    rounded = np.finfo(positions.dtype).eps if positions.dtype.kind == "f" else 0.0
    step, apart = (last - first) / (len(places) - 1), float(np.abs(places - even).max())
    if apart <= _APART * abs(last - first) + 4 * rounded * float(np.abs(places).max()):
        return step
    middle = len(places) // 2
    before = (float(places[middle]) - first) / max(1, middle)
    after = (last - float(places[middle])) / max(1, len(places) - 1 - middle)
    is_straight = abs(after - before) <= _BEND * abs(step)
    return step if is_straight and apart <= _JITTER * abs(step) else None


def uneven(what: str, axes: Sequence[str]) -> tuple[str, ...]:
    """Word the notice that an array has axes without one step; empty where there is none.

    Parameters
    ----------
    what : str
        Name of the array in its file; empty where it has none.
    axes : sequence of str
        Names of its axes of uneven steps.
    """
    if not axes:
        return ()
    where = f"{what}: " if what else ""
    return (
        f"{where}samples along {' and '.join(axes)} are not evenly spaced, so no pixel size is "
        "taken from there; --pixel-size says what it is",
    )
