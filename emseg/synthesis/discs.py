"""Discs on a pixel grid: where particles and atoms lie, and the truth about them."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from emseg.synthesis.fields import Image
from emseg.synthesis.sample import KnownObject


def paint(
    objects: Iterable[KnownObject],
    classes: Sequence[str],
    size: tuple[int, int],
    pixel_size_nm: float,
) -> NDArray[np.uint8]:
    """Class of every pixel: that of the object whose disc holds the pixel's centre, or 0.

    Parameters
    ----------
    objects : iterable of KnownObject
        The discs; a later one covers an earlier one.
    classes : sequence of str
        Class names; an object's index is that of its name.
    size : tuple of int
        Y and X in pixels.
    pixel_size_nm : float
        Pixel size in nm.

    Returns
    -------
    array of uint8, shape (Y, X)
        Class indices.
    """
    truth = np.zeros(size, np.uint8)
    for each in objects:
        box, inside = _disc(each, size, pixel_size_nm)
        truth[box][inside] = classes.index(each.name)
    return truth


def in_frame(
    objects: Iterable[KnownObject], size: tuple[int, int], pixel_size_nm: float
) -> tuple[KnownObject, ...]:
    """Objects of which the image shows at least one pixel."""
    return tuple(each for each in objects if _disc(each, size, pixel_size_nm)[1].any())


def window(
    size: tuple[int, int], y: float, x: float, reach: float
) -> tuple[tuple[slice, slice], Image]:
    """Pixels around a point, and their distances to it.

    ::

        . . . . . .        the window is the smallest box of pixels that holds the disc,
        . +-----+ .        cut at the edges of the image; it may be empty
        . |  o  | .
        . +-----+ .

    Parameters
    ----------
    size : tuple of int
        Y and X of the image.
    y, x : float
        The point, in pixels.
    reach : float
        Radius of the disc in pixels.

    Returns
    -------
    tuple of slice
        Rows and columns.
    array of float64
        Distance in pixels of each pixel centre from the point.
    """
    rows, columns = (
        np.arange(max(0, int(np.ceil(c - reach))), max(0, min(n, int(np.floor(c + reach)) + 1)))
        for c, n in zip((y, x), size, strict=True)
    )
    box = tuple(slice(int(a[0]), int(a[-1]) + 1) if a.size else slice(0) for a in (rows, columns))
    distance: Image = np.hypot(rows[:, None] - y, columns[None, :] - x)
    return (box[0], box[1]), distance


def _disc(
    each: KnownObject, size: tuple[int, int], pixel_size_nm: float
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    radius = each.diameter_nm / 2 / pixel_size_nm
    box, distance = window(size, each.y_px, each.x_px, radius)
    return box, distance <= radius
