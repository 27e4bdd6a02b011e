"""Tiles and strips that a TIFF page does not hold, or that nothing here can decode.

Missing ones read as its nodata value.

Writers of sparse files (GDAL, Bio-Formats) give a tile in which nothing was seen the offset 0 and
the length 0; a file that was damaged may look alike.
"""

import math

import tifffile

from emseg.errors import listed


def missing_pieces(page: tifffile.TiffPage | tifffile.TiffFrame, key: tifffile.TiffPage) -> str:
    """Say which tiles or strips of a page are missing; empty when none is.

    Parameters
    ----------
    page : TiffPage or TiffFrame
        The page.
    key : TiffPage
        The page whose layout it has; itself, unless it is one of a series.
    """
    if key.jpegheader is not None or (key.is_contiguous and page.dataoffsets[0]):
        return ""
    counts = page.databytecounts
    total = max(math.prod(key.chunked), len(counts))
    lost = [at for at in range(total) if at >= len(counts) or not counts[at]]
    if not lost:
        return ""
    kind = "tiles" if key.is_tiled else "strips"
    return (
        f"has {len(lost):,} of {total:,} {kind} missing (number {listed(lost)}, counted from 0); "
        f"they read as {key.nodata}, which is right only where nothing was recorded"
    )


def why_undecodable(page: tifffile.TiffPage) -> str:
    """Say which compression of a page is unknown; empty when it can be decoded."""
    try:
        tifffile.TIFF.DECOMPRESSORS[page.compression]
    except KeyError:
        name = getattr(page.compression, "name", "an unknown compression")
        return (
            f"its pixels are compressed with {name} (TIFF compression {int(page.compression)}), "
            "which emseg does not read; save it with LZW, deflate or none"
        )
    return ""
