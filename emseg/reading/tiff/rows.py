"""Reads some rows of a TIFF page: decodes the strips or tiles that hold them, and no others.

::

    tile  0 | 1 | 2      rows 5:9 of tiles that are 4 high
          --+---+--
    tile  3 | 4 | 5      * decoded
          --+---+--
    tile  6 | 7 | 8      * decoded
"""

from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

Page = tifffile.TiffPage | tifffile.TiffFrame
_BUFFER = 1 << 23  # bytes of a file that are read at a time
_JPEG = (6, 7, 33007, 34892)


def can_read_rows(page: Page, key: tifffile.TiffPage) -> bool:
    """Whether a page, whose layout is that of the page ``key``, has pieces of its own."""
    return (
        len(page.dataoffsets) > 1
        and key.imagedepth == 1
        and key.axes.count("Y") == 1
        and not key.is_contiguous
        and key.jpegheader is None  # slide scanners: one JPEG that only looks tiled
    )


def rows_together(page: tifffile.TiffPage) -> int:
    """How many rows of a page are decoded together, counted from the top."""
    if page.is_contiguous:
        return 1
    if not can_read_rows(page, page):
        return int(page.imagelength)
    return int(page.tilelength if page.is_tiled else page.rowsperstrip)


def read_rows(page: Page, key: tifffile.TiffPage, start: int, stop: int) -> NDArray[Any]:
    """Decode rows of a page.

    Parameters
    ----------
    page : TiffPage or TiffFrame
        For which `can_read_rows` is true.
    key : TiffPage
        The page whose layout it has; itself, unless it is one of a series.
    start, stop : int
        The first row, and the first that is not wanted; they lie in the page.

    Returns
    -------
    array
        Shape and axes as `page.asarray`, with ``stop - start`` rows.
    """
    separate, _, _, width, samples = key.shaped
    rows = np.zeros((separate, stop - start, width, samples), key.dtype)
    tables = {"jpegtables": page.jpegtables} if key.compression in _JPEG else {}
    numbers = _segments(key, len(page.dataoffsets), start, stop)
    stored = page.parent.filehandle.read_segments(
        [page.dataoffsets[at] for at in numbers],
        [page.databytecounts[at] for at in numbers],
        indices=numbers,
        buffersize=_BUFFER,
    )
    for data, number in stored:
        decoded, (sample, _, top, left, _), (_, high, wide, _) = key.decode(data, number, **tables)
        if top >= stop or top + high <= start:
            continue
        first, last = max(top, start), min(top + high, stop)
        right = min(left + wide, width)
        part = (
            key.nodata if decoded is None else decoded[0, first - top : last - top, : right - left]
        )
        rows[sample, first - start : last - start, left:right] = part
    shape = list(key.shape)
    shape[key.axes.index("Y")] = stop - start
    return rows.reshape(shape)


def _segments(key: tifffile.TiffPage, count: int, start: int, stop: int) -> list[int]:
    """Numbers of the strips or tiles that hold the rows, in all separate samples."""
    high, across = (
        (key.tilelength, -(-key.imagewidth // key.tilewidth))
        if key.is_tiled
        else (key.rowsperstrip, 1)
    )
    down = -(-key.imagelength // high)
    return [
        number
        for number in range(count)
        if start // high <= number // across % down <= (stop - 1) // high
    ]
