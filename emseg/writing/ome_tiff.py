"""Images as calibrated OME-TIFF: tiled, compressed, with pyramids, written in bands of rows.

Tiles are compressed as they come and go into the file at once, whatever page they belong to. The
directories, which say where the tiles of each page and of its smaller copies lie, follow behind
the tiles of a plane::

    | header | tiles of plane 0, all channels and levels | pages of plane 0 | tiles of plane 1 ...
"""

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.micrograph import LabelClass
from emseg.writing.compression import compressing, deflated, effort_for, filled_up
from emseg.writing.content import Content
from emseg.writing.ome_xml import ome_xml
from emseg.writing.pyramid import Strip, level_count, level_size
from emseg.writing.sink import Sink
from emseg.writing.whole import whole_file

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffWriter

_CLASSIC_BYTES = 2**31  # BigTIFF beyond this, because classic TIFF ends at 4 GiB
_NM_PER_CM = 1e7
_LARGEST_RATIONAL = 2**32 - 1
_HORIZONTAL = 2  # differences of neighbours compress better than intensities
_OFFSETS = "TileOffsets"


@contextmanager
def ome_tiff_sink(path: Path, content: Content) -> Iterator[Sink]:
    """Write one image as OME-TIFF.

    The pixel size is in the OME-XML, in the resolution tags and in Gatan's tags, so that Fiji,
    hyperspy and DigitalMicrograph show it. Planes larger than 4096 pixels get smaller copies
    (SubIFDs). The same content gives the same bytes, in whatever bands it comes.

    Yields
    ------
    Sink
        Takes the planes.

    Raises
    ------
    MismatchError
        When rows are missing, or not as many planes come as were announced.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    from tifffile import TiffFile, TiffWriter

    with whole_file(path) as temporary:
        with (
            compressing() as pool,
            TiffWriter(temporary, bigtiff=is_big(content)) as writer,
        ):
            sink = _OmeTiffSink(path, temporary, content, writer, pool)
            yield sink
            sink.require_complete()
        with TiffFile(temporary, mode="r+") as tiff:
            sink.complete(tiff)


def calibration_tags(pixel_size: PixelSize | None) -> dict[str, Any]:
    """Tags with the pixel size for programs that do not read OME-XML.

    The resolution in pixels per cm is for ImageJ. Gatan's private tags (65003 to 65011: unit,
    origin and scale of x, y and z) are what DigitalMicrograph and rosettasciio look for.
    """
    if pixel_size is None:
        return {}
    tags: dict[str, Any] = {}
    resolution = (_NM_PER_CM / pixel_size.x_nm, _NM_PER_CM / pixel_size.y_nm)
    if max(resolution) < _LARGEST_RATIONAL and min(resolution) > 1 / _LARGEST_RATIONAL:
        tags |= {"resolution": resolution, "resolutionunit": "CENTIMETER"}
    sizes = (pixel_size.x_nm, pixel_size.y_nm, pixel_size.z_nm)
    tags["extratags"] = [
        tag
        for axis, size in enumerate(sizes)
        if size is not None
        for tag in (
            (65003 + axis, "s", 0, "nm", True),
            (65006 + axis, "d", 1, 0.0, True),
            (65009 + axis, "d", 1, float(size), True),
        )
    ]
    return tags


def is_big(content: Content) -> bool:
    """Whether the file may outgrow classic TIFF; an unknown number of planes may."""
    return content.count is None or content.count * content.plane_bytes > _CLASSIC_BYTES


class _OmeTiffSink(Sink):
    """Tiles as they come, and behind each plane the pages that say where they lie."""

    def __init__(
        self,
        path: Path,
        temporary: Path,
        content: Content,
        writer: "TiffWriter",
        pool: ThreadPoolExecutor,
    ) -> None:
        _, height, width = content.size
        self._sizes = [
            level_size(height, width, level) for level in range(1 + level_count(height, width))
        ]
        super().__init__(path, temporary, content, len(self._sizes) - 1)
        self._writer, self._pool = writer, pool
        self._tags, self._effort = _tags(content), effort_for(content)
        self._checksum = 0
        self._lengths: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        self._offsets: list[list[int]] = []  # of each page and copy, in the order of the file
        self._open: defaultdict[tuple[int, int], list[int]] = defaultdict(list)

    def complete(self, tiff: "TiffFile") -> None:
        """Say in the pages where their tiles lie, and in the first one what the file shows."""
        offsets = iter(self._offsets)
        for page in tiff.pages:
            for each in (page.aspage(), *(page.aspage().pages or ())):
                each.aspage().tags[_OFFSETS].overwrite(next(offsets), erase=False)
        xml = ome_xml(self.content, self.count, f"{self._checksum:08x}")
        tiff.pages.first.tags["ImageDescription"].overwrite(xml)

    def _take(self, strip: Strip) -> None:
        level, band = strip.level, strip.pixels
        tall, wide = self._tile(level)
        tiles = [
            page[:, left : left + wide] for page in band for left in range(0, page.shape[1], wide)
        ]
        encoded = self._pool.map(lambda tile: self._encoded(tile, (tall, wide)), tiles)
        if level == 0:
            for page in band:
                self._checksum = zlib.crc32(np.ascontiguousarray(page).data, self._checksum)
        across = len(tiles) // len(band)
        file = self._writer.filehandle
        for number, data in enumerate(encoded):
            place = number // across, level
            self._open[place].append(file.tell())
            self._lengths[place].append(len(data))
            file.write(data)

    def _encoded(self, tile: NDArray[Any], size: tuple[int, int]) -> bytes:
        """Compress a tile; where it hangs over the edge of the plane it is filled up."""
        import imagecodecs

        whole = filled_up(tile, size)
        if "predictor" in self._tags:
            whole = imagecodecs.delta_encode(whole, axis=-1)
        return deflated(whole, self._effort)

    def _end_plane(self) -> None:
        """Write a page for each channel, and one for each of its smaller copies."""
        for channel in range(self.content.size[0]):
            copies = len(self._sizes) - 1
            is_first = self.count == 1 and channel == 0
            said = {"description": "OME-XML" if is_first else None, "subifds": copies or None}
            self._write_page((channel, 0), said | self._tags)
            plain = {
                key: self._tags[key]
                for key in self._tags
                if key not in ("resolution", "resolutionunit", "extratags")
            }
            for level in range(1, copies + 1):
                self._write_page((channel, level), {"subfiletype": 1} | plain)
        self._open.clear()
        self._lengths.clear()

    def _write_page(self, place: tuple[int, int], tags: dict[str, Any]) -> None:
        """Write a page without its tiles, which are in the file already."""
        level = place[1]
        self._offsets.append(self._open[place])
        self._writer.write(
            ((b"", length) for length in self._lengths[place]),
            shape=self._sizes[level],
            dtype=self.content.dtype,
            tile=self._tile(level),
            **tags,
        )

    def _tile(self, level: int) -> tuple[int, int]:
        tall, wide = (
            min(self.content.chunk, -(-length // 16) * 16) for length in self._sizes[level]
        )
        return tall, wide


def _tags(content: Content) -> dict[str, Any]:
    """Collect what all pages of a file have in common."""
    from emseg import __version__

    tags: dict[str, Any] = {
        "compression": "zlib",
        "metadata": None,
        "software": f"emseg {__version__}",
    }
    shrinks = not content.classes and content.dtype.kind in "iu" and content.dtype.itemsize < 8
    tags |= {"predictor": _HORIZONTAL} if shrinks else {}
    return tags | calibration_tags(content.pixel_size) | _palette(content.classes, content.dtype)


def _palette(classes: Sequence[LabelClass], dtype: np.dtype[Any]) -> dict[str, Any]:
    """Tags that show class indices in the colours of the classes, when a byte holds them."""
    if not classes or dtype != np.uint8:
        return {"photometric": "minisblack"}
    colours = np.zeros((3, 256), np.uint16)
    colours[:, : len(classes)] = np.transpose([each.colour for each in classes])
    return {"photometric": "palette", "colormap": colours * 257}  # 255 becomes 65535
