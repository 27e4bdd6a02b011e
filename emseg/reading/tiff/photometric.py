"""What the values of a TIFF page mean: tag 262 of TIFF 6.0, pages 37 and 106 to 112."""

import dataclasses

import numpy as np
import tifffile
from numpy.typing import NDArray

from emseg.micrograph import LABEL_NAMESPACE
from emseg.reading.signals.colour_table import black_as_zero, table_of
from emseg.reading.signals.orientation import TAG
from emseg.reading.signals.signal import Shared, Signal

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


_ALIKE = {TAG: "their orientation", 320: "their colour tables"}  # 320: ColorMap
_BITS = Shared(
    "holds an array of true and false as tifffile writes it; true is read as 1, although viewers "
    "show it black",
    "{} more hold arrays of true and false as well",
)


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
    if page.photometric != _PHOTOMETRIC.MINISWHITE:
        return dataclasses.replace(
            signal,
            palette=_palette(tiff, page),
            refusal=_refusal(page) or signal.refusal,
            notices=(*signal.notices, *_beside_colours(page)),
        )
    if _is_array_of_bits(page):
        return dataclasses.replace(signal, notices=(*signal.notices, _BITS))
    return black_as_zero(signal, 2 ** int(np.max(page.bitspersample)) - 1)


def why_unlike(series: tifffile.TiffPageSeries) -> str:
    """Say why the pages of a series cannot be read alike; empty when they can."""
    if series.kind != "generic":  # another kind has one page that speaks for all
        return ""
    key = series.keyframe.tags
    for page in series.pages:
        tags = page.tags if isinstance(page, tifffile.TiffPage) else key
        for tag, said in _ALIKE.items():
            if not np.array_equal(tags.valueof(tag, 1), key.valueof(tag, 1)):
                return f"its {len(series.pages)} pages differ in {said}; save each as a file"
    return ""


def _beside_colours(page: tifffile.TiffPage) -> tuple[str, ...]:
    """Tell that samples beside red, green and blue are left out, unless they are alpha."""
    extra = [each for each in page.extrasamples if each == tifffile.EXTRASAMPLE.UNSPECIFIED]
    if page.photometric != _PHOTOMETRIC.RGB or not extra:
        return ()
    every = ",".join(str(at) for at in range(page.samplesperpixel))
    return (
        f"has {page.samplesperpixel} samples in each pixel, of which red, green and blue are read; "
        f"--channels {every} reads all",
    )


def _is_array_of_bits(page: tifffile.TiffPage) -> bool:
    """Whether tifffile wrote an array of true and false, whose true it calls black unasked."""
    by_tifffile = str(page.software).startswith("tifffile")
    return page.bitspersample == 1 and by_tifffile and page.is_shaped


def _palette(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> NDArray[np.uint8] | None:
    """Colour table of a page; that of a label image of emseg only colours its classes."""
    is_indexed = page.photometric == _PHOTOMETRIC.PALETTE and page.samplesperpixel == 1
    if not is_indexed or page.colormap is None or LABEL_NAMESPACE in tiff.pages.first.description:
        return None
    return table_of(page.colormap)


def _refusal(page: tifffile.TiffPage) -> str:
    """Say why colours are none that emseg reads; empty when they are."""
    stored = next((said for tag, said in _MEANINGS.items() if tag == page.photometric), "")
    is_decoded = page.compression in _JPEG and page.planarconfig == 1 and not page.extrasamples
    if page.photometric == _PHOTOMETRIC.YCBCR and not is_decoded and page.samplesperpixel > 1:
        stored = "as YCbCr without JPEG compression"
    return f"its colours are stored {stored}; save it as RGB or as greyscale" if stored else ""
