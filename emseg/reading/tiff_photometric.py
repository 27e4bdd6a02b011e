"""What the values of a TIFF page mean: tag 262 of TIFF 6.0, pages 37 and 106 to 112."""

import dataclasses
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from emseg.micrograph import LABEL_NAMESPACE
from emseg.reading.colour_table import WHITE_IS_ZERO, table_of
from emseg.reading.signal import Index, Signal

_PHOTOMETRIC = tifffile.PHOTOMETRIC
_JPEG = (6, 7, 33007, 34892)  # decoders of which turn YCbCr into red, green and blue
_MEANINGS = {
    _PHOTOMETRIC.SEPARATED: "as printing inks (CMYK)",
    _PHOTOMETRIC.CIELAB: "as CIE L*a*b*",
    _PHOTOMETRIC.ICCLAB: "as ICC L*a*b*",
    _PHOTOMETRIC.ITULAB: "as ITU L*a*b*",
    _PHOTOMETRIC.LOGL: "as logarithms of light (LogL)",
    _PHOTOMETRIC.LOGLUV: "as logarithms of light (LogLuv)",
}


def as_shown(signal: Signal, tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> Signal:
    """Give values the meaning that the photometric tag of their page says.

    Parameters
    ----------
    signal : Signal
        Values as they are stored.
    tiff : tifffile.TiffFile
        An open file.
    page : tifffile.TiffPage
        The first page of the signal.

    Returns
    -------
    Signal
        Black is the smallest value; with the colour table, where the page has one; refused where
        colours are stored as something else than red, green and blue.
    """
    if page.photometric == _PHOTOMETRIC.MINISWHITE:
        return _inverted(signal, page)
    return dataclasses.replace(signal, palette=_palette(tiff, page), refusal=_refusal(page))


def _inverted(signal: Signal, page: tifffile.TiffPage) -> Signal:
    kind, bits = signal.dtype.kind, np.max(page.bitspersample)

    def read(index: Index) -> NDArray[Any]:
        stored = signal.read(index)
        if kind == "f":
            return np.negative(stored)
        return (
            ~stored if kind != "u" else np.subtract(stored.dtype.type(2 ** int(bits) - 1), stored)
        )

    return dataclasses.replace(signal, read=read, notices=(*signal.notices, WHITE_IS_ZERO))


def _palette(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> NDArray[np.uint8] | None:
    """Colour table of a page; that of a label image of emseg only colours its classes."""
    is_indexed = page.photometric == _PHOTOMETRIC.PALETTE and page.samplesperpixel == 1
    if not is_indexed or page.colormap is None or LABEL_NAMESPACE in (tiff.ome_metadata or ""):
        return None
    return table_of(page.colormap)


def _refusal(page: tifffile.TiffPage) -> str:
    """Say why colours are none that emseg reads; empty when they are."""
    stored = _MEANINGS.get(page.photometric, "") if page.photometric is not None else ""
    is_decoded = page.compression in _JPEG and page.planarconfig == 1 and not page.extrasamples
    if page.photometric == _PHOTOMETRIC.YCBCR and not is_decoded and page.samplesperpixel > 1:
        stored = "as YCbCr without JPEG compression"
    return f"its colours are stored {stored}; save it as RGB or as greyscale" if stored else ""
