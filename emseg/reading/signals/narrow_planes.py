"""Planes a few pixels wide: channels that were stored last, read as if they were columns.

An array of (96, 128, 2) that does not name its axes is 96 planes of 128 x 2 pixels by their
order, and two channels of 96 x 128 in truth::

    stored       96   128   2
    by order     z    y     x      no micrograph is 2 pixels wide
    likely       y    x     c      the last two axes that are long enough
"""

from collections.abc import Sequence

from emseg.calibration import Axis

_NARROW, _LONG = 16, 32  # pixels: a side below the first is no micrograph's beside the second
_MANY, _ASIDE = 64, 4  # channels at most, where planes are so many times larger
_BEFORE = "ztqpo"


def why_narrow(axes: Sequence[Axis], *, are_pages: bool = False) -> str:
    """Say that planes are hardly what their order makes them, and what to type.

    Parameters
    ----------
    axes : sequence of Axis
        As they would be read; ``y`` and ``x`` once each, else they are left alone.
    are_pages : bool
        Whether the format itself stores planes, so that only the narrowest ones are doubted.

    Returns
    -------
    str
        A reason that names the ``--axes`` that would work; empty where planes are wide enough,
        or nothing else is long.
    """
    names, shape = [axis.name for axis in axes], [axis.size for axis in axes]
    if names.count("y") != 1 or names.count("x") != 1:
        return ""
    y, x = names.index("y"), names.index("x")
    narrow = min(y, x, key=lambda at: shape[at])
    plane = _likely_plane(shape, narrow, _NARROW - 1 if are_pages else _MANY)
    if plane is None:
        return ""
    reason = (
        f"its planes would have {shape[y]} x {shape[x]} pixels; say --axes "
        f"{_letters(len(shape), *plane)} if they have {shape[plane[0]]} x {shape[plane[1]]}"
    )
    if min(shape[y], shape[x]) < 2:
        return reason
    return f"{reason}, or --axes {_letters(len(shape), y, x)} if they are as narrow as that"


def _likely_plane(shape: Sequence[int], narrow: int, most: int) -> tuple[int, int] | None:
    """Positions of the axes that span a plane, where one that does by order is too short."""
    short = shape[narrow]
    long = [at for at, size in enumerate(shape) if size >= _LONG and at != narrow]
    if len(long) < 2:
        return None
    y, x = long[-2:]
    smaller = min(shape[y], shape[x])
    is_last = narrow == len(shape) - 1 and max(shape[y], shape[x]) < 4 * smaller
    if short < _NARROW or (is_last and short <= most and smaller >= _ASIDE * short):
        return y, x
    return None


def _letters(count: int, y: int, x: int) -> str:
    """One letter for each axis, where two span the planes; those behind them are channels."""
    before = _BEFORE[: max(0, min(y, x))][::-1]
    letters = list(before.rjust(min(y, x), "q")) + ["c"] * (count - min(y, x))
    letters[y], letters[x] = "y", "x"
    return "".join(letters)
