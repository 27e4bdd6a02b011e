"""Micrographs for programs that know no microscopy: TIFF, PNG and NumPy arrays."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from os import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from emseg.calibration import PixelSize
from emseg.reading.pictures.print_resolution import is_measured
from emseg.writing.content import Content
from emseg.writing.ome_tiff import calibration_tags, is_big
from emseg.writing.pyramid import Strip
from emseg.writing.sink import Sink
from emseg.writing.whole import whole_file

if TYPE_CHECKING:
    from tifffile import TiffWriter

_NM_PER_INCH = 2.54e7
_NM_PER_M = 1e9
_LARGEST_PER_M = 2**31 - 1  # PNG, third edition, 11.3.4.3: pHYs
_PNG_DIGITS = 1e-6  # pHYs counts whole pixels in a metre, 5e8 of them at 2 nm


@contextmanager
def tiff_sink(path: Path, content: Content) -> Iterator[Sink]:
    """Write a plain TIFF: one strip a page without compression, which any program opens.

    The pixel size is in the resolution tags and, with all digits, in Gatan's; red, green and
    blue are the samples of a pixel, other channels pages of their own.

    Yields
    ------
    Sink
        Takes the planes; raises as it says.
    """
    from tifffile import TiffFile, TiffWriter

    with whole_file(path) as temporary:
        with TiffWriter(temporary, bigtiff=is_big(content)) as writer:
            sink = _TiffSink(path, temporary, content, writer)
            yield sink
            sink.require_complete()
        with TiffFile(temporary, mode="r+") as written:
            said = _described(content, sink.count, coloured=_is_coloured(content))
            written.pages.first.tags["ImageDescription"].overwrite(said)


class _TiffSink(Sink):
    """Rows as they come, into pages for which room was made."""

    def __init__(self, path: Path, temporary: Path, content: Content, writer: "TiffWriter") -> None:
        from emseg import __version__

        super().__init__(path, temporary, content)
        self._writer = writer
        self._is_coloured = _is_coloured(content)
        self._pages: list[int] = []  # where the pages of this plane begin
        self._tags: dict[str, Any] = {"metadata": None, "software": f"emseg {__version__}"}
        self._tags["description"] = "{}"  # of the first page, until all are counted
        self._tags |= {"photometric": "rgb" if self._is_coloured else "minisblack"}
        self._tags |= calibration_tags(content.pixel_size)

    def _take(self, strip: Strip) -> None:
        pages = [np.moveaxis(strip.pixels, 0, -1)] if self._is_coloured else list(strip.pixels)
        if strip.top == 0:
            self._pages = [self._room() for _ in pages]
        file = self._writer.filehandle
        for start, page in zip(self._pages, pages, strict=True):
            file.seek(start + strip.top * page[0].nbytes)
            file.write(np.ascontiguousarray(page).data)
        file.seek(0, SEEK_END)

    def _room(self) -> int:
        """Make room for a page; return where it begins."""
        channels, *size = self.content.size
        found = self._writer.write(
            shape=(*size, channels) if self._is_coloured else tuple(size),
            dtype=self.content.dtype,
            contiguous=True,
            returnoffset=True,
            **self._tags,
        )
        return found[0] if found else 0


def _described(content: Content, count: int, *, coloured: bool) -> str:
    """Say what the pages are, as tifffile does for its own files."""
    shape, axes = content.shape(count), content.axes
    if coloured:
        shape, axes = (*shape[:-3], *shape[-2:], 3), axes.replace("C", "") + "S"
    return json.dumps({"shape": shape, "axes": axes})


@contextmanager
def png_sink(path: Path, content: Content) -> Iterator[Sink]:
    """Write one plane as PNG, with its pixel size as a resolution; the plane is in memory.

    Yields
    ------
    Sink
        Takes the plane; raises as it says.
    """
    from PIL import Image

    size = content.pixel_size
    said: dict[str, Any] = {}
    if size is not None:
        said["dpi"] = (_NM_PER_INCH / size.x_nm, _NM_PER_INCH / size.y_nm)
    with whole_file(path) as temporary:
        sink = _PngSink(path, temporary, content)
        yield sink
        sink.require_complete()
        plane = sink.plane
        pixels = plane[0] if len(plane) == 1 else np.moveaxis(plane, 0, -1)
        Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, format="PNG", **said)


class _PngSink(Sink):
    """A plane in memory, because PNG is written at once."""

    def __init__(self, path: Path, temporary: Path, content: Content) -> None:
        super().__init__(path, temporary, content)
        self.plane = np.empty(content.size, content.dtype)

    def _take(self, strip: Strip) -> None:
        self.plane[:, strip.rows] = strip.pixels


@contextmanager
def npy_sink(path: Path, content: Content) -> Iterator[Sink]:
    """Write a NumPy array: (Y, X), (Z, Y, X), or (Z, C, Y, X) when there are channels.

    Yields
    ------
    Sink
        Takes the planes; raises as it says.
    """
    with whole_file(path) as temporary, temporary.open("wb") as file:
        _write_header(file, content, content.count or 1)
        sink = _NpySink(path, temporary, content, file)
        yield sink
        sink.require_complete()
        file.seek(0)
        _write_header(file, content, sink.count)  # as long as the first: it leaves room to grow


def _write_header(file: BinaryIO, content: Content, count: int) -> None:
    shape = (count, *content.size) if content.has_channels else content.shape(count)
    header = {
        "descr": np.lib.format.dtype_to_descr(content.dtype),
        "fortran_order": False,
        "shape": shape,
    }
    np.lib.format.write_array_header_1_0(file, header)


class _NpySink(Sink):
    """Rows as they come, each at its place behind the header."""

    def __init__(self, path: Path, temporary: Path, content: Content, file: BinaryIO) -> None:
        super().__init__(path, temporary, content)
        self._file, self._start = file, file.tell()

    def _take(self, strip: Strip) -> None:
        channels, height, _ = self.content.size
        for channel, page in enumerate(strip.pixels):
            row = (self.count * channels + channel) * height + strip.top
            self._file.seek(self._start + row * page[0].nbytes)
            self._file.write(np.ascontiguousarray(page).data)


def is_png_calibration(size: PixelSize) -> bool:
    """Whether the resolution of a PNG can say this size, and be understood as a calibration."""
    return all(_is_in_png(nm) for nm in (size.y_nm, size.x_nm))


def _is_in_png(nm: float) -> bool:
    per_metre = round(_NM_PER_M / nm) if nm > _NM_PER_M / _LARGEST_PER_M else 0
    if not per_metre or not is_measured(nm, nm):
        return False
    return math.isclose(_NM_PER_M / per_metre, nm, rel_tol=_PNG_DIGITS)


def _is_coloured(content: Content) -> bool:
    names = tuple(each.name for each in content.channels)
    return names == ("red", "green", "blue") and content.dtype.name in ("uint8", "uint16")
