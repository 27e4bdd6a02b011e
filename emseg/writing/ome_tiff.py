"""Images as calibrated OME-TIFF: tiled, compressed, with pyramids, one plane in memory."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.micrograph import LabelClass
from emseg.writing.content import Content
from emseg.writing.ome_xml import ome_xml
from emseg.writing.pyramid import level_count, smaller_copies
from emseg.writing.whole import whole_file

_TILE = 512
_CLASSIC_BYTES = 2**31  # BigTIFF beyond this, because classic TIFF ends at 4 GiB
_NM_PER_CM = 1e7
_LARGEST_RATIONAL = 2**32 - 1
_HORIZONTAL = 2  # differences of neighbours compress better than intensities


def write_ome_tiff(path: Path, content: Content) -> None:
    """Write one image as OME-TIFF.

    The pixel size is in the OME-XML, in the resolution tags and in Gatan's tags, so that Fiji,
    hyperspy and DigitalMicrograph show it. Planes larger than 4096 pixels get smaller copies
    (SubIFDs). The same content gives the same bytes.

    Raises
    ------
    MismatchError
        When the planes differ, or not as many come as were announced.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    from tifffile import TiffFile

    with whole_file(path) as temporary:
        count, fingerprint = _write_planes(temporary, content)
        xml = ome_xml(content, count, f"{fingerprint:08x}")
        with TiffFile(temporary, mode="r+") as tiff:
            tiff.pages.first.tags["ImageDescription"].overwrite(xml)


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


def _write_planes(path: Path, content: Content) -> tuple[int, int]:
    """Write each channel of each plane as a page; return the planes and a checksum."""
    from tifffile import TiffWriter

    count, checksum = 0, 0
    tags = _tags(content)
    with TiffWriter(path, bigtiff=is_big(content)) as tiff:
        for plane in content.planes:
            for channel, page in enumerate(plane):
                is_first = count == channel == 0
                _write_page(tiff, page, tags, averaged=not content.classes, is_first=is_first)
                checksum = zlib.crc32(np.ascontiguousarray(page).data, checksum)
            count += 1
    return count, checksum


def _write_page(
    tiff: Any, page: NDArray[Any], tags: dict[str, Any], *, averaged: bool, is_first: bool
) -> None:
    """Write one page and, if it is large, its smaller copies."""
    copies = level_count(*page.shape)
    description = "OME-XML" if is_first else None
    said = {"description": description, "subifds": copies or None} | tags
    tiff.write(page, tile=_tile(page), **said)
    plain = {key: tags[key] for key in tags if key not in ("resolution", "extratags")}
    for copy in smaller_copies(page, copies, averaged=averaged):
        tiff.write(copy, tile=_tile(copy), subfiletype=1, **plain)


def _tile(page: NDArray[Any]) -> tuple[int, ...]:
    return tuple(min(_TILE, -(-length // 16) * 16) for length in page.shape)


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
