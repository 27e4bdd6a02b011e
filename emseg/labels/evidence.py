"""How the values of one mask lie: how many pixels each has, in one piece, in areas or at edges."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.labels.masks import distinct_values, mask_plane
from emseg.micrograph import Micrograph, count_values

LOSSY = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})
"""Suffixes of files that change the values they are given."""

_REACH = 2  # pixels from an edge within which smoothing changes values
_WINDOW = 8192  # rows and columns that are looked at for how values lie; counted are all
_MOST_VALUES = 256  # of a mask of 8 bits that smoothing blurred; more number objects
_LOOKED_AT = 200  # pixels of a value whose neighbours are looked at
_TOLERANCE = 8  # levels of 255 by which JPEG strays from a value that it is near to
_BLURRED_PART = 0.8  # of the pixels of a value that lie between their neighbours
_MOST_OBJECTS = 2000  # values of a mask that are looked at for pieces
_MOST_SCATTERED = 0.2  # of the objects of a mask, of which others cut some
_COMPACT = 8  # times the plane that the boxes of compact objects cover together, at most


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen in one mask.

    Parameters
    ----------
    name : str
        The file, as messages name it.
    counts : dict of int to int
        Pixels of each value, ascending; a colour has the value of its code.
    is_lossy : bool
        Whether the file has the suffix of a format that changes values.
    is_coloured : bool
        Whether values are colours.
    between : frozenset of int
        Values that fill no square of 3 x 3 pixels and lie between those of areas on both sides,
        as smoothing makes them.
    near : frozenset of int
        Such values that are nearly those of the area they lie in, as JPEG makes them.
    colours : dict of int to int
        The colour of each value where the file has a colour table; empty without one.
    table : bytes
        The whole table.
    objects, whole : int
        Of the values but 0: how many were looked at, and how many have pixels that hang together;
        too few where it is clear that they are classes.
    """

    name: str
    counts: dict[int, int]
    is_lossy: bool = False
    is_coloured: bool = False
    between: frozenset[int] = frozenset()
    near: frozenset[int] = frozenset()
    colours: dict[int, int] = field(default_factory=dict)
    table: bytes = b""
    objects: int = 0
    whole: int = 0

    def marked(self, unlabelled: int | None = None) -> frozenset[int]:
        """Values other than 0 and the unlabelled one."""
        return frozenset(self.counts) - {0, unlabelled}


def look_at(mask: Micrograph) -> Evidence:
    """Count the values of a mask and see how they lie.

    Parameters
    ----------
    mask : Micrograph
        As `mask_plane` takes it.

    Raises
    ------
    LabelError
        When the mask is a picture of many colours or holds no whole numbers.
    """
    plane = mask_plane(mask)
    values = distinct_values(plane)
    found = dict(zip(values.tolist(), _counted(plane, values).tolist(), strict=True))
    suffix = mask.path.suffix.lower() if mask.path else ""
    seen = Evidence(str(mask.path or mask.name), found, suffix in LOSSY, len(mask.pixels) == 3)
    colours = _colours(values, mask.palette)
    if mask.palette is not None and colours:
        seen = replace(seen, colours=colours, table=mask.palette.tobytes())
    if len(found) < 3:
        return seen
    codes = _codes(plane[:_WINDOW, :_WINDOW], values)
    parts = _parts(colours.values() or found, is_coloured=bool(colours) or seen.is_coloured)
    between, near = _blurred(codes, values, parts)
    objects, whole = (0, 0) if seen.is_coloured else _whole(codes, values)
    return replace(seen, between=between, near=near, objects=objects, whole=whole)


def _colours(values: NDArray[Any], palette: NDArray[np.uint8] | None) -> dict[int, int]:
    """Look up the colour codes of values; empty where a table lacks one of them."""
    if palette is None or not len(values) or values[0] < 0 or values[-1] >= len(palette):
        return {}
    return {int(v): int.from_bytes(palette[v].tobytes(), "big") for v in values}


def _counted(plane: NDArray[Any], values: NDArray[Any]) -> NDArray[np.int64]:
    if plane.dtype.kind == "u" and plane.dtype.itemsize <= 2:
        counts: NDArray[np.int64] = count_values(plane)[values]
        return counts
    counts = np.zeros(len(values), np.int64)
    for row in plane:  # positions take 64 bits
        counts += np.bincount(np.searchsorted(values, row), minlength=len(values))
    return counts


def _codes(plane: NDArray[Any], values: NDArray[Any]) -> NDArray[np.integer[Any]]:
    """Positions of the pixels' values among all values, ascending."""
    codes = np.empty(plane.shape, np.min_scalar_type(len(values)))
    if plane.dtype.kind == "u" and plane.dtype.itemsize <= 2:
        table = np.zeros(int(values.max(initial=0)) + 1, codes.dtype)
        table[values] = np.arange(len(values))
        np.take(table, plane, out=codes, mode="clip")
        return codes
    for stored, row in zip(plane, codes, strict=True):
        row[:] = np.searchsorted(values, stored)
    return codes


def _in_areas(codes: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Say where the 3 x 3 pixels around a pixel are all alike; shape (Y - 2, X - 2)."""
    along, down = codes[:, 1:] == codes[:, :-1], codes[1:] == codes[:-1]
    rows = along[:, 1:] & along[:, :-1]
    columns = down[1:] & down[:-1]
    alike: NDArray[np.bool_] = rows[2:] & rows[1:-1] & rows[:-2] & columns[:, 1:-1]
    return alike


def _blurred(
    codes: NDArray[np.integer[Any]], values: NDArray[Any], parts: NDArray[np.float64]
) -> tuple[frozenset[int], frozenset[int]]:
    """Find the values that smoothing made, between the areas nearby or near to one of them."""
    is_area = np.zeros(len(values), bool)
    if min(codes.shape) > 2 and len(values) <= _MOST_VALUES:
        is_area[np.unique(codes[1:-1, 1:-1][_in_areas(codes)])] = True
    if not is_area.any():
        return frozenset(), frozenset()
    between: set[int] = set()
    near: set[int] = set()
    for code in np.flatnonzero(~is_area):
        lowest, highest = _around(codes, int(code), parts, is_area)
        own = parts[code]
        inside = ((lowest - _TOLERANCE <= own) & (own <= highest + _TOLERANCE)).all(axis=1)
        if len(inside) and inside.mean() >= _BLURRED_PART:
            spread = (highest - lowest)[inside].max(axis=1)
            is_between = (spread > 2 * _TOLERANCE).mean() >= 0.5
            (between if is_between else near).add(int(values[code]))
    return frozenset(between), frozenset(near)


def _parts(values: Iterable[int], *, is_coloured: bool) -> NDArray[np.float64]:
    """Red, green and blue of values that are colours, else the values; shape (N, parts)."""
    stored = np.array(list(values))
    if is_coloured:
        return np.stack([stored >> 16, stored >> 8 & 255, stored & 255], axis=1).astype(np.float64)
    return stored.astype(np.float64)[:, None]


def _around(
    codes: NDArray[np.integer[Any]],
    code: int,
    parts: NDArray[np.float64],
    is_area: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest parts of the areas around pixels of a value; those near none are out."""
    places = np.flatnonzero(codes == code)
    places = places[:: max(1, len(places) // _LOOKED_AT)]
    y, x = np.unravel_index(places, codes.shape)
    steps = np.arange(-_REACH, _REACH + 1)
    rows = np.clip(y[:, None, None] + steps[:, None], 0, codes.shape[0] - 1)
    columns = np.clip(x[:, None, None] + steps, 0, codes.shape[1] - 1)
    nearby = codes[rows, columns].reshape(len(places), -1)
    known = is_area[nearby]
    lowest = np.where(known[..., None], parts[nearby], np.inf).min(axis=1)
    highest = np.where(known[..., None], parts[nearby], -np.inf).max(axis=1)
    is_beside = known.any(axis=1)
    return lowest[is_beside], highest[is_beside]


def _whole(codes: NDArray[np.integer[Any]], values: NDArray[Any]) -> tuple[int, int]:
    """Count the values but 0 that were looked at, and those whose pixels hang together."""
    from scipy.ndimage import find_objects, label

    boxes = find_objects(codes.astype(np.int32) + 1, max_label=len(values))
    seen = [code for code, box in enumerate(boxes) if box is not None and values[code] != 0]
    looked = sorted(seen[:_MOST_OBJECTS], key=lambda code: _area(boxes[code]))
    if sum(_area(boxes[code]) for code in looked) > _COMPACT * codes.size:
        return len(looked), 0
    whole, scattered = 0, 0
    for code in looked:
        if label(codes[boxes[code]] == code, np.ones((3, 3)))[1] == 1:
            whole += 1
        elif (scattered := scattered + 1) > _MOST_SCATTERED * len(looked):
            break  # classes
    return len(looked), whole


def _area(box: Sequence[slice]) -> int:
    return int(np.prod([part.stop - part.start for part in box]))
