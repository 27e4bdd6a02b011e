"""Finds the information bar of an SEM image in its pixels, where no tag tells of it.

A bar is drawn, a specimen is recorded; that is what tells them apart::

    rows of specimen   no grey level owns most of a row
    ------------------ straight edge over the full width, perhaps a drawn line
    blank rows         one level, the ground, owns the row
    EHT = 5 kV   |--|  letters: strong contrast, standing on common lines
    blank rows
    at most 3 rows     a frame, or what is left of the specimen

All of it has to be there. A bar that is missed costs what every other program pays; a bar that
is none would cost specimen.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.pixels import Pixels, window

SMALLEST = 64
"""Pixels of the shorter side of an image that may have a bar."""

_THINNEST, _THICKEST = 0.015, 0.25  # of the height
_LEAST_ROWS = 10
_FRAME = 3  # rows outside the bar
_BEYOND = 64  # rows of specimen that are looked at
_COLUMNS = 1024  # columns that rows are judged by
_LETTER_COLUMNS = 4096
_BLANK = 0.88  # share of a row that the ground owns; logos and frames have the rest
_JPEG = 0.04  # of the range of values: how far compression throws the ground
_BLOCK = 8  # rows of a JPEG block, over which an edge spreads
_LINE = 0.8  # share of a row that a drawn line owns
_LEVELS = 8  # distinct values of a specimen; label images have fewer
_LETTERS, _ALIGNED, _MANY = 8, 5, 3000
_FREE = 0.15  # share of the rows of a bar without letters
_VARIED = 0.2  # spread of the widths of letters, of their mean


@dataclass(frozen=True, slots=True)
class _Side:
    """The rows at one side of an image, counted from that side inwards.

    Parameters
    ----------
    pixels : Pixels, shape (C, R, X)
        All channels and columns; what is lazy is read where letters are looked for.
    rows : array of float, shape (R, X')
        At most about a thousand columns of them.
    ground : float
        The level of the outermost rows.
    near : float
        Distance from the ground that still counts as ground.
    reach : float
        Largest distance of a value from the ground.
    height : int
        Rows of the whole image.
    """

    pixels: Pixels
    rows: NDArray[np.floating]
    ground: float
    near: float
    reach: float
    height: int

    @property
    def blank(self) -> NDArray[np.bool_]:
        """Rows that the ground owns."""
        owned = (np.abs(self.rows - self.ground) <= self.near).mean(axis=1)
        return np.asarray(owned >= _BLANK)


def rows_of_specimen(pixels: Pixels) -> tuple[int, int] | None:
    """Find the rows that show the specimen, if the rest is a bar below or above them.

    Parameters
    ----------
    pixels : Pixels, shape (C, Y, X)
        A plane with one to four channels, of any real dtype. Of a lazy one the quarters at its top
        and bottom are read, once, and about a thousand columns of them are held.

    Returns
    -------
    tuple of int or None
        First row, and the row behind the last; None when there is no bar.
    """
    channels, height, width = pixels.shape
    if min(height, width) < SMALLEST or channels > 4 or pixels.dtype.kind not in "iuf":
        return None
    outermost = int(_THICKEST * height) + _BEYOND
    every = slice(None)
    below = _Outermost(window(pixels, slice(None, -outermost - 1, -1), every), height)
    above = _Outermost(window(pixels, slice(outermost), every), height)
    for tolerance in (0.0, _JPEG):
        for side in (below, above):
            bar = _bar(side, tolerance)
            if bar is not None:
                return (0, height - bar) if side is below else (bar, height)
    return None


class _Outermost:
    """The outermost rows of a plane, (C, R, X), from its side inwards."""

    def __init__(self, pixels: Pixels, height: int) -> None:
        self.pixels, self.height = pixels, height

    @cached_property
    def rows(self) -> NDArray[np.floating]:
        """About a thousand columns, averaged over the channels, shape (R, X')."""
        sample = self.pixels[:, :, :: max(1, self.pixels.shape[2] // _COLUMNS)]
        precision = np.float32 if sample.dtype.itemsize <= 2 else np.float64
        if len(sample) > 1:
            return np.asarray(sample.mean(axis=0, dtype=precision))
        return np.asarray(sample[0], precision)


def _bar(outermost: _Outermost, tolerance: float) -> int | None:
    """Rows of the bar that begins at row 0 or shortly behind it."""
    side = _side(outermost, tolerance)
    if side is None:
        return None
    blank = side.blank
    most = int(_THICKEST * side.height)
    least = max(_LEAST_ROWS, round(_THINNEST * side.height))
    ends = np.flatnonzero(blank[:-1] & ~blank[1:]) + 1
    for end in ends[(ends >= least - _BLOCK) & (ends <= most)][::-1]:
        edge = _behind_line(side, _sharpened(side, int(end)) if tolerance else int(end))
        if (
            least <= edge <= most
            and (tolerance or not _is_blurred(side, edge))
            and _shows_specimen(side, blank, edge)
            and _is_lettered(side, edge)
        ):
            return edge
    return None


def _side(outermost: _Outermost, tolerance: float) -> _Side | None:
    """Look at the outermost rows; None when they have no ground."""
    rows, height, dtype = outermost.rows, outermost.height, outermost.pixels.dtype
    outer = rows[_FRAME : _FRAME + max(6, height // 100)]
    if not np.isfinite(rows).all():
        return None
    ground = float(np.median(outer))
    reach = float(np.abs(rows - ground).max())
    thrown = np.abs(outer - ground)
    near = tolerance * (255.0 if dtype == np.uint8 else float(np.ptp(rows)))
    near = min(near, max(near / 10, 2 * float(np.quantile(thrown, 0.8))))
    if reach <= 4 * near or (thrown <= near).mean() < 0.5:
        return None
    return _Side(outermost.pixels, rows, ground, near, reach, height)


def _is_blurred(side: _Side, edge: int) -> bool:
    """Whether compression has thrown pixels off the ground; smooth letters are a few pixels."""
    distance = np.abs(side.rows[_FRAME:edge] - side.ground)
    return bool(((distance > 0) & (distance <= _JPEG * side.reach)).mean() > 0.01)


def _sharpened(side: _Side, end: int) -> int:
    """Follow rows that compression has blurred to the first that is far from the ground."""
    distance = np.median(np.abs(side.rows - side.ground), axis=1)
    beyond = distance[end : end + _BEYOND]
    far = max(0.25 * float(np.median(beyond)), 2.0 * float(np.median(distance[:end])), 1e-9)
    first = np.flatnonzero((beyond[:-1] >= far) & (beyond[1:] >= far))
    return end + int(first[0]) if len(first) else end


def _behind_line(side: _Side, edge: int) -> int:
    """Count a line that is drawn along the edge as bar."""
    thin = max(3, side.height // 200)
    for row in range(edge, min(edge + thin + 1, len(side.rows))):
        level = float(np.median(side.rows[row]))
        owned = (np.abs(side.rows[row] - level) <= 3 * side.near).mean()
        if abs(level - side.ground) < 0.25 * side.reach or owned < _LINE:
            return row
    return edge  # too thick for a line


def _shows_specimen(side: _Side, blank: NDArray[np.bool_], edge: int) -> bool:
    """Whether a recorded image begins behind the edge, and begins at once."""
    beyond = side.rows[edge : edge + _BEYOND]
    if blank[edge : edge + max(_BLOCK, edge // 2)].any():
        return False
    first = np.abs(beyond[:_BLOCK] - side.ground) <= side.near
    return bool(first.mean() < _LINE) and np.unique(beyond).size >= _LEVELS


def _is_lettered(side: _Side, edge: int) -> bool:
    """Whether the rows before the edge hold letters that stand on common lines."""
    from scipy.ndimage import find_objects, label

    step = max(1, side.pixels.shape[2] // _LETTER_COLUMNS)
    drawn = side.pixels[:, :edge:step, ::step].mean(axis=0, dtype=np.float64)
    distance = np.abs(drawn - side.ground)
    reach = float(distance[_FRAME:].max())
    ink = distance > 0.5 * reach
    if reach < 0.25 * side.reach or (distance <= side.near).mean() < 0.6:
        return False
    ink[ink.mean(axis=1) > 0.5] = False  # lines along the bar
    ink[:, ink.mean(axis=0) > 0.7] = False  # lines across it
    found = find_objects(label(ink, np.ones((3, 3)))[0])
    if len(found) > _MANY:
        return False
    boxes = np.array([(y.start, y.stop, x.stop - x.start) for y, x in found]).reshape(-1, 3)
    return _are_letters(boxes, len(ink))


def _are_letters(boxes: NDArray[Any], rows: int) -> bool:
    """Whether enough boxes (top, bottom, width) have the size of letters and share their lines.

    Letters share top and bottom, as digits, capitals and small letters do among themselves, and
    leave rows free between their lines and along the edge; their widths differ. Particles on a
    flat ground lie anywhere, and those that stand in rows are all alike.
    """
    tall = boxes[:, 1] - boxes[:, 0]
    low = boxes[tall <= (0.35 if rows > 4 * _LEAST_ROWS else 0.8) * rows]
    free = np.ones(rows, bool)
    for top, bottom, _ in low:
        free[top:bottom] = False
    letters = boxes[(tall >= 4) & (tall <= 0.8 * rows) & (boxes[:, 2] <= 6 * tall)]
    if len(letters) < _LETTERS or free.mean() < _FREE or not free[-_LEAST_ROWS:].any():
        return False
    tops, bottoms = letters[:, 0], letters[:, 1]
    alike = [
        (np.abs(tops - top) <= 1) & (np.abs(bottoms - bottom) <= 1)
        for top, bottom in {(int(top), int(bottom)) for top, bottom in letters[:, :2]}
    ]
    line = letters[max(alike, key=np.count_nonzero)]
    widths = line[:, 2]
    return len(line) >= max(_ALIGNED, 0.15 * len(letters)) and bool(
        widths.std() >= _VARIED * widths.mean()
    )
