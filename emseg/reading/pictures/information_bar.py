"""Which part of an SEM image shows the specimen, and which is the bar with its settings.

What the microscope wrote is asked first: its tags, then the text file beside the image. Where
both are silent the picture is looked at, in formats into which microscopes write with their bar.
"""

import configparser
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emseg.micrograph import Region
from emseg.pixels import Pixels
from emseg.reading import formats
from emseg.reading.pictures.sidecar import texts_beside

if TYPE_CHECKING:
    import tifffile

_log = logging.getLogger(__name__)

BARRED = frozenset({"TIFF", "PNG", "JPEG", "BMP", "GIF", "WebP"})
"""Formats in which the picture is looked at; the others hold what a detector gave."""
_TESCAN = 50431
_THICKEST = 0.35  # of the height of the file; more is no bar but a misunderstanding

_MORE = "the information bar of {} more is left out as well"

_Said = tuple[int, int, str]  # height and width of the specimen, and who says so


def tagged(tiff: "tifffile.TiffFile", page: "tifffile.TiffPage") -> Region | None:
    """Ask the tags of FEI, Thermo Fisher and TESCAN.

    Zeiss and JEOL write settings into tags, but not where the bar is.

    Parameters
    ----------
    tiff : tifffile.TiffFile
        An open file.
    page : tifffile.TiffPage
        The page of the image.

    Returns
    -------
    Region or None
        None when the tags tell of no bar, or not of this page.
    """
    size = page.imagelength, page.imagewidth
    for look in (_fei, _tescan_tag):
        try:
            said = look(tiff, page)
        except (KeyError, ValueError, TypeError, AttributeError):
            continue
        found = _above_bar(size, said)
        if found is not None:
            return found
    return None


def beside(path: Path, size: tuple[int, int]) -> Region | None:
    """Ask the text file that TESCAN, JEOL and Hitachi write beside an image.

    Parameters
    ----------
    path : Path
        The image; only formats of pictures have such a file.
    size : tuple of int
        Its height and width in pixels.

    Returns
    -------
    Region or None
        None when there is no such file, or it tells of no bar.
    """
    if not _is_picture(path):
        return None
    looks = (_tescan_header, _jeol, _hitachi)
    said = (look(text, size) for _, text in texts_beside(path) for look in looks)
    return next(filter(None, (_above_bar(size, each) for each in said)), None)


def in_picture(path: Path, size: tuple[int, int], read: Callable[[], Pixels]) -> Region | None:
    """Look for a bar in the pixels.

    Parameters
    ----------
    path : Path
        The image; other formats than those of pictures have no bar.
    size : tuple of int
        Its height and width in pixels.
    read : callable
        Gives a plane, shape (C, Y, X); of a lazy one the quarters at its top and bottom are read.

    Returns
    -------
    Region or None
        None when no bar is seen.
    """
    if not _is_picture(path):
        return None
    from emseg.reading.pictures.picture_bar import SMALLEST, rows_of_specimen

    if min(size) < SMALLEST:
        return None
    rows = rows_of_specimen(read())
    return Region(*rows, 0, size[1], "the picture") if rows else None


def tell(path: Path, specimen: Region, size: tuple[int, int]) -> None:
    """Tell the user which rows or columns are left out; of many files the first, and how many more.

    Parameters
    ----------
    path : Path
        The image.
    specimen : Region
        The part of it that stays.
    size : tuple of int
        Height and width of the image.
    """
    lines, start, stop, end = "rows", specimen.top, specimen.bottom, size[0]
    if (start, stop) == (0, end):  # of a picture that was turned on its side
        lines, start, stop, end = "columns", specimen.left, specimen.right, size[1]
    first, last = (0, start) if start else (stop, end)
    _log.warning(
        "%s: %s %d to %d are an information bar (from %s) and are left out; --keep-bar keeps them",
        path.name,
        lines,
        first,
        last - 1,
        specimen.source,
        extra={"more": _MORE},
    )


def _is_picture(path: Path) -> bool:
    return formats.format_of(path).name in BARRED


def _above_bar(size: tuple[int, int], said: _Said | None) -> Region | None:
    """Take what was said for this image: as wide as it is, and lower by a bar."""
    if said is None:
        return None
    height, width, source = said
    bar = size[0] - height
    if width != size[1] or height < 1 or not 0 < bar <= _THICKEST * size[0]:
        return None
    return Region(0, height, 0, width, source)


def _fei(tiff: "tifffile.TiffFile", _page: "tifffile.TiffPage") -> _Said | None:
    """ResolutionY counts the rows of the scan; the bar (DatabarHeight) is added below."""
    image: Mapping[str, Any] = (tiff.fei_metadata or {})["Image"]
    return int(image["ResolutionY"]), int(image["ResolutionX"]), "the FEI tags"


def _tescan_tag(_tiff: "tifffile.TiffFile", page: "tifffile.TiffPage") -> _Said | None:
    text = bytes(page.tags[_TESCAN].value).decode("latin-1")
    found = re.search(r"ImageStripSize\s*=\s*(\d+)", text)
    size = page.imagelength, page.imagewidth
    return (size[0] - int(found[1]), size[1], "the TESCAN tags") if found else None


def _tescan_header(text: str, size: tuple[int, int]) -> _Said | None:
    """``ImageStripSize`` of the section ``[MAIN]`` counts the rows of the bar."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(text)
        strip = parser.getint("MAIN", "ImageStripSize")
    except (configparser.Error, ValueError):
        return None
    return size[0] - strip, size[1], "the TESCAN header file"


def _jeol(text: str, _size: tuple[int, int]) -> _Said | None:
    """``$CM_FULL_SIZE 1280 960``: width and height of the scan."""
    found = re.search(r"^\$CM_FULL_SIZE\s+(\d+)\s+(\d+)", text, re.MULTILINE)
    return (int(found[2]), int(found[1]), "the JEOL text file") if found else None


def _hitachi(text: str, _size: tuple[int, int]) -> _Said | None:
    """``DataSize=1280x960``: width and height of the scan."""
    if "[SemImageFile]" not in text:
        return None
    found = re.search(r"^DataSize\s*=\s*(\d+)\s*x\s*(\d+)", text, re.MULTILINE | re.IGNORECASE)
    return (int(found[2]), int(found[1]), "the Hitachi text file") if found else None
