"""Reads TIFF through tifffile: plain, BigTIFF, tiled, pyramidal, ImageJ, OME, and vendors'.

A plane that lies in one piece on the disk is mapped; otherwise only the pages that hold it
are decoded.
"""

import logging
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from emseg.calibration import Axis
from emseg.errors import ContentError, UnreadableFileError
from emseg.reading.formats import Format
from emseg.reading.pictures.information_bar import tagged
from emseg.reading.quiet import mute
from emseg.reading.signals.annotation import in_ome_xml, restored
from emseg.reading.signals.narrow_planes import why_narrow
from emseg.reading.signals.orientation import TAG, turned
from emseg.reading.signals.signal import Index, OpenFile, Signal
from emseg.reading.tiff.calibration import calibrate
from emseg.reading.tiff.gaps import missing_pieces, why_undecodable
from emseg.reading.tiff.micro_manager import indexes_itself, ndtiff_files
from emseg.reading.tiff.ome_series import Members, OmeSeries, ome_series
from emseg.reading.tiff.ome_sets import COMPANION, UNCLEAR, companion_alone, ome_set_of
from emseg.reading.tiff.ome_xml import is_ome
from emseg.reading.tiff.photometric import as_shown, why_unlike
from emseg.reading.tiff.rows import can_read_rows, read_rows, rows_together
from emseg.reading.tiff.scale import Series, StatedScale

_log = logging.getLogger(__name__)
_MORE = "{} more pages have tiles or strips missing"
_COLOUR = (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR)
_UNNAMED = ("shaped", "uniform", "generic")  # kinds of series whose axes tifffile guesses
_ALPHA = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)


def open_source(path: Path, _format: Format) -> OpenFile:
    """Open a TIFF file and describe each of its series.

    Raises
    ------
    ContentError
        When it is a companion, and none of the files that it speaks of is there.
    UnreadableFileError
        When the file ends before its pixels or its pages do.
    tifffile.TiffFileError
        When it is no TIFF file.
    """
    mute("tifffile")
    if path.name.lower().endswith(COMPANION):
        raise ContentError(companion_alone(path))
    tiff, stopped = tifffile.TiffFile(path), ""
    try:
        found = ome_set_of(path, tiff.pages.first.description) if len(tiff.pages) else None
        members = Members(path, tiff)
        planes = ome_series(found, members) if found else ()
        if not planes:
            stopped = _check_chain(path, tiff)
            _check_imagej(path, tiff)
            tiff.is_ome = False
            tiff.is_mmstack = tiff.is_mmstack and indexes_itself(tiff)
            tiff.is_ndtiff = tiff.is_ndtiff and bool(ndtiff_files(path))
        series: Sequence[Series] = planes or tiff.series
        signals = tuple(
            _signal(path, tiff, each, number) for number, each in enumerate(series) if each.size
        )
    except BaseException:
        tiff.close()
        raise
    if all(each.kind == "generic" for each in series):
        signals = _told_apart(signals)
    unclear = [UNCLEAR] if found and found.images and not planes else []
    notices = (*(found.notices if found else ()), *unclear, *filter(None, [stopped]))
    return OpenFile(signals, members.close, notices)


def _told_apart(signals: tuple[Signal, ...]) -> tuple[Signal, ...]:
    """Tell of pages that have the size of others and do not belong to their stack.

    Programs that write pages one by one do so where they change how a page is stored.
    """
    sizes = [[(axis.name, axis.size) for axis in s.axes if axis.name in "yxsc"] for s in signals]
    told = []
    for at, (signal, size) in enumerate(zip(signals, sizes, strict=True)):
        rest = [str(other) for other in range(len(signals)) if sizes[other] == size and other != at]
        notice = (
            f"holds more pages of this size, which are stored in another way and not read with "
            f"these; --signal {' or '.join(rest)} reads them",
        )
        told.append(replace(signal, notices=signal.notices + notice) if rest else signal)
    return tuple(told)


def _signal(path: Path, tiff: tifffile.TiffFile, series: Series, number: int) -> Signal:
    found = calibrate(path, tiff, series, number)
    page = series.keyframe
    _check_length(page)
    names = [_axis_name(letter, page) for letter in series.axes]
    sizes = list(series.shape)
    axes = tuple(_axis(*each, found) for each in zip(names, sizes, strict=True))
    dtype = np.dtype(series.dtype)
    offset = None if series.is_multifile else series.dataoffset
    read = _paged(path, series) if offset is None else _mapped(path, series, offset)
    name = series.name if series.name and series.kind in ("ome", "generic") else ""
    count = math.prod(axis.size for axis in axes if axis.name == "c")
    channels = found.channels if len(found.channels) == count else ()
    signal = Signal(
        name,
        axes,
        dtype,
        read,
        found.pixel_size,
        channels,
        specimen=tagged(tiff, page),
        refusal=why_narrow(axes, are_pages=True),
        notices=(*_notices(series), *found.notices),
        is_named=len(axes) == 2 or series.kind not in _UNNAMED,
        needs=math.prod(page.chunks) * dtype.itemsize if offset is None else 0,
        pieces=() if offset is not None else _pieces(axes, rows_together(page)),
    )
    signal = as_shown(signal, tiff, page)
    alike = why_unlike(series) if isinstance(series, tifffile.TiffPageSeries) else ""
    if why := why_undecodable(page) or alike:
        signal = replace(signal, refusal=why)
    if not number:
        signal = restored(signal, lambda: in_ome_xml(tiff.ome_metadata or ""))
    return turned(signal, page.tags.valueof(TAG))


def _notices(series: Series) -> tuple[str, ...]:
    """Say what is missing of a series, or of its first page; of others when they are read."""
    said = series.notices if isinstance(series, OmeSeries) else ()
    return (*said, *filter(None, [missing_pieces(series.keyframe, series.keyframe)]))


def _axis_name(letter: str, page: tifffile.TiffPage) -> str:
    """Name an axis: samples are colours only where the photometric tag says so."""
    if letter.upper() != "S":
        return letter.lower()
    extra = page.extrasamples
    with_alpha = len(extra) == 1 and extra[0] in _ALPHA and page.samplesperpixel == 2
    return "s" if page.photometric in _COLOUR or with_alpha else "c"


def _axis(name: str, size: int, found: StatedScale) -> Axis:
    step = found.steps.get(name)
    return Axis(name, size, *((step.scale, 0.0, step.units) if step else ()))


def _pieces(axes: tuple[Axis, ...], rows: int) -> tuple[int, ...]:
    return tuple(min(rows, axis.size) if axis.name == "y" else axis.size for axis in axes)


def _mapped(path: Path, series: Series, offset: int) -> Callable[[Index], NDArray[Any]]:
    """Read from pixels that lie in one uncompressed piece."""
    dtype = np.dtype(series.dtype).newbyteorder(series.keyframe.parent.byteorder)
    shape = series.shape

    def read(index: Index) -> NDArray[Any]:
        array = np.memmap(path, dtype, "r", offset, shape)
        return np.array(array[index])

    return read


def _mapped_page(page: tifffile.TiffPage) -> NDArray[Any]:
    """Map a page that lies in one uncompressed piece; only what is taken of it is read."""
    file = page.parent.filehandle
    dtype = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
    start = page.dataoffsets[0]
    return np.memmap(Path(file.dirname) / file.name, dtype, "r", start, page.shape)


def _paged(path: Path, series: Series) -> Callable[[Index], NDArray[Any]]:
    """Read page by page; the leading axes of a series count its pages."""
    shape, key = series.shape, series.keyframe
    inside = next(at for at in range(len(shape) + 1) if math.prod(shape[at:]) == key.size)
    numbers = np.arange(math.prod(shape[:inside])).reshape(shape[:inside])
    row_axis = series.axes.find("Y", inside)

    def decode(number: int, index: Index) -> NDArray[Any]:
        page = series.pages[number]
        if page is None:
            raise UnreadableFileError(
                f"{path} refers to another file for page {number}, which is missing; put the "
                "files of the set into one folder"
            )
        _check_length(page)
        if number and (missing := missing_pieces(page, key)):
            _log.warning("%s: page %d %s", path, number, missing, extra={"more": _MORE})
        if isinstance(page, tifffile.TiffPage) and page.is_memmappable:
            return _mapped_page(page).reshape(shape[inside:])[index[inside:]]
        rows = index[row_axis] if row_axis >= 0 else 0
        start, stop, step = rows.indices(shape[row_axis]) if isinstance(rows, slice) else (0, 0, 0)
        if step != 1 or not 0 < stop - start < shape[row_axis] or not can_read_rows(page, key):
            with _open(page):
                return page.asarray().reshape(shape[inside:])[index[inside:]]
        some, rest = list(shape), list(index)
        some[row_axis], rest[row_axis] = stop - start, slice(None)
        return read_rows(page, key, start, stop).reshape(some[inside:])[tuple(rest[inside:])]

    def read(index: Index) -> NDArray[Any]:
        wanted = np.asarray(numbers[index[:inside]])
        planes = [decode(int(number), index) for number in wanted.ravel()]
        return np.stack(planes).reshape(wanted.shape + planes[0].shape)

    return read


@contextmanager
def _open(page: tifffile.TiffPage | tifffile.TiffFrame) -> Iterator[None]:
    """Open the file of a page for a moment; tifffile closes those of a set but the first."""
    file = page.parent.filehandle
    was_closed = file.closed
    if was_closed:
        file.open()
    try:
        yield
    finally:
        if was_closed:
            file.close()


def _check_length(page: tifffile.TiffPage | tifffile.TiffFrame) -> None:
    """Refuse a file that ends before its pixels do; decoders fill the rest with zeros."""
    ends = (at + count for at, count in zip(page.dataoffsets, page.databytecounts, strict=False))
    file = page.parent.filehandle
    needed, present = max(ends, default=0), file.size
    if needed > present:
        raise UnreadableFileError(
            f"{Path(file.dirname) / file.name} is cut short: its pixels need {needed:,} bytes and "
            f"it has {present:,}; copy it again from where it was recorded"
        )


def _check_chain(path: Path, tiff: tifffile.TiffFile) -> str:
    """Refuse a file whose last page names a next one behind the end, which tifffile ignores.

    Recorders of OME-TIFF write the place of the next page before there is one, and the OME-XML
    last: a recording that was stopped ends so, and a notice says how many pages it has.
    """
    if not len(tiff.pages):
        raise UnreadableFileError(
            f"{path} is cut short: its first page begins behind its end; copy it again from where "
            "it was recorded"
        )
    page, layout, handle = tiff.pages[-1], tiff.tiff, tiff.filehandle
    handle.seek(page.offset)
    (tags,) = struct.unpack(layout.tagnoformat, handle.read(layout.tagnosize))
    handle.seek(page.offset + layout.tagnosize + tags * layout.tagsize)
    (following,) = struct.unpack(layout.offsetformat, handle.read(layout.offsetsize))
    first, is_named_ome = tiff.pages.first, ".ome." in path.name.lower()
    rest = f"its {len(tiff.pages)} page(s) are read in the order of the file"
    if following >= handle.size and (first.is_micromanager or is_named_ome):
        return f"ends early, as a recording that was stopped: {rest}"
    if following < handle.size and is_named_ome and not is_ome(first.description):
        return f"has no OME-XML, as a recording that was stopped: {rest}"
    if following < handle.size:
        return ""
    raise UnreadableFileError(
        f"{path} is cut short: after {len(tiff.pages)} page(s) another begins at byte "
        f"{following:,} and the file has {handle.size:,}; copy it again from where it was "
        "recorded"
    )


def _check_imagej(path: Path, tiff: tifffile.TiffFile) -> None:
    """Refuse a large ImageJ stack that was cut: it has one page for all images behind it.

    A page that was saved alone may still say that it is one of many; nothing lies behind it.
    """
    images, page = (tiff.imagej_metadata or {}).get("images"), tiff.pages[0]
    if len(tiff.pages) > 1 or not isinstance(images, int) or not page.is_contiguous:
        return
    start, present = page.dataoffsets[0], tiff.filehandle.size
    needed = start + images * page.nbytes
    if page.offset < start and start + page.nbytes < present < needed:
        raise UnreadableFileError(
            f"{path} is cut short: its {images} images need {needed:,} bytes and it has "
            f"{present:,}; copy it again from where it was recorded"
        )
