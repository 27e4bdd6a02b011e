"""Turns pictures as their orientation says: tag 274 of TIFF 6.0 and of EXIF 2.32, 4.6.4.

::

    stored      1      2      3      4      5      6      7      8
    a b         a b    b a    d c    c d    a c    c a    d b    b d
    c d         c d    d c    b a    a b    b d    d b    c a    a c
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.micrograph import Region
from emseg.pixels import Pixels, window
from emseg.reading.signals.signal import Index, Shared, Signal

TAG = 274
_SHOWN = {
    2: "mirrored left to right",
    3: "turned by 180°",
    4: "mirrored top to bottom",
    5: "mirrored, and turned by 90° anticlockwise",
    6: "turned by 90° clockwise",
    7: "mirrored, and turned by 90° clockwise",
    8: "turned by 90° anticlockwise",
}
_UPSIDE_DOWN, _BACK_TO_FRONT, _CROSSED = (3, 4, 6, 7), (2, 3, 7, 8), (5, 6, 7, 8)


def turned(signal: Signal, orientation: object) -> Signal:
    """Bring a signal into the position in which it is shown.

    Parameters
    ----------
    signal : Signal
        As it is stored, with the axes y and x once each; any other is left as it is.
    orientation : object
        What the file says: 1 to 8; anything else is as good as 1.

    Returns
    -------
    Signal
        With its pixel size, its specimen and a notice.
    """
    names = [axis.name for axis in signal.axes]
    if not isinstance(orientation, int) or orientation not in _SHOWN:
        return signal
    if names.count("y") != 1 or names.count("x") != 1:
        return signal
    kind, y, x = int(orientation), names.index("y"), names.index("x")
    size, axes = (signal.axes[y].size, signal.axes[x].size), list(signal.axes)
    if kind in _CROSSED:
        axes[y] = dataclasses.replace(signal.axes[x], name="y")
        axes[x] = dataclasses.replace(signal.axes[y], name="x")
    return dataclasses.replace(
        signal,
        axes=tuple(axes),
        read=lambda index: _read(signal, kind, (y, x), index),
        pixel_size=_turned_size(signal.pixel_size, kind),
        specimen=signal.specimen and turned_region(signal.specimen, size, kind),
        orientation=kind,
        pieces=_turned_pieces(signal.pieces, kind, y, x),
        notices=(*signal.notices, _notice(kind)),
    )


def turn(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn pixels, whose last axes are y and x, from where they are stored to where they show."""
    if orientation in _UPSIDE_DOWN:
        pixels = pixels[..., ::-1, :]
    if orientation in _BACK_TO_FRONT:
        pixels = pixels[..., ::-1]
    return pixels.swapaxes(-1, -2) if orientation in _CROSSED else pixels


def turn_back(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn pixels back to where they are stored."""
    return turn(pixels, {6: 8, 8: 6}.get(orientation, orientation))


def as_stored(pixels: Pixels, orientation: int) -> Pixels:
    """Turn the pixels (C, Y, X) of a plane back; lazy ones stay so, unless rows become columns."""
    if is_crossed(orientation):
        return turn_back(np.asarray(pixels), orientation)
    mirrored = (orientation in _UPSIDE_DOWN, orientation in _BACK_TO_FRONT)
    return window(pixels, *(slice(None, None, -1 if each else 1) for each in mirrored))


def is_crossed(orientation: int) -> bool:
    """Whether rows that are shown are stored as columns."""
    return orientation in _CROSSED


def stored_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Height and width, as stored, of what is shown in this size."""
    return size[::-1] if orientation in _CROSSED else size


def turned_region(region: Region, size: tuple[int, int], orientation: int) -> Region:
    """Turn a part of a plane whose stored height and width are given."""
    top, bottom, left, right = region.top, region.bottom, region.left, region.right
    if orientation in _UPSIDE_DOWN:
        top, bottom = size[0] - bottom, size[0] - top
    if orientation in _BACK_TO_FRONT:
        left, right = size[1] - right, size[1] - left
    if orientation in _CROSSED:
        top, bottom, left, right = left, right, top, bottom
    return Region(top, bottom, left, right, region.source)


def _read(signal: Signal, kind: int, places: tuple[int, int], index: Index) -> NDArray[Any]:
    """Read what is stored where the index points to in the turned signal."""
    stored, flips = list(index), []
    for at, shown, is_mirrored in zip(
        places,
        reversed(places) if kind in _CROSSED else places,
        (kind in _UPSIDE_DOWN, kind in _BACK_TO_FRONT),
        strict=True,
    ):
        stored[at], is_descending = _mirrored(
            index[shown], signal.shape[at], is_mirrored=is_mirrored
        )
        if is_descending:
            flips.append(at)
    kept = [at for at, each in enumerate(stored) if isinstance(each, slice)]
    pixels = np.flip(signal.read(tuple(stored)), tuple(kept.index(at) for at in flips))
    y, x = (kept.index(at) for at in places)
    pixels = pixels.swapaxes(y, x) if kind in _CROSSED else pixels
    single = {kept.index(at): 0 for at in places if not isinstance(index[at], slice)}
    found: NDArray[Any] = pixels[tuple(single.get(at, slice(None)) for at in range(pixels.ndim))]
    return found


def _mirrored(wanted: int | slice, size: int, *, is_mirrored: bool) -> tuple[slice, bool]:
    """Where samples are stored, ascending, and whether they are wanted in descending order."""
    single = slice(wanted, wanted + 1 or None) if isinstance(wanted, int) else wanted
    places = range(size)[single]
    if is_mirrored:
        places = range(size - 1 - places.start, size - 1 - places.stop, -places.step)
    if not places:
        return slice(0, 0), False
    first, last = min(places[0], places[-1]), max(places[0], places[-1])
    return slice(first, last + 1, abs(places.step)), places.step < 0


def _turned_size(size: PixelSize | None, kind: int) -> PixelSize | None:
    if size is None or kind not in _CROSSED:
        return size
    return dataclasses.replace(size, y_nm=size.x_nm, x_nm=size.y_nm)


def _turned_pieces(pieces: tuple[int, ...], kind: int, y: int, x: int) -> tuple[int, ...]:
    turned = list(pieces)
    if pieces and kind in _CROSSED:
        turned[y], turned[x] = pieces[x], pieces[y]
    return tuple(turned)


def _notice(kind: int) -> Shared:
    return Shared(
        f"is read as a viewer shows it, {_SHOWN[kind]}: its orientation is {kind}",
        "{} more turned or mirrored as well, as their orientation says",
    )
