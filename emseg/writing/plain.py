"""Micrographs for programs that know no microscopy: TIFF, PNG and NumPy arrays."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from emseg.calibration import PixelSize
from emseg.reading.print_resolution import is_measured
from emseg.writing.content import Content
from emseg.writing.ome_tiff import calibration_tags, is_big
from emseg.writing.whole import whole_file

_NM_PER_INCH = 2.54e7
_NM_PER_M = 1e9
_LARGEST_PER_M = 2**31 - 1  # PNG, third edition, 11.3.4.3: pHYs
_PNG_DIGITS = 1e-6  # pHYs counts whole pixels in a metre, 5e8 of them at 2 nm


def write_tiff(path: Path, content: Content) -> None:
    """Write a plain TIFF: strips without compression, which any program opens.

    The pixel size is in the resolution tags and, with all digits, in Gatan's; red, green and
    blue are the samples of a pixel, other channels pages of their own.
    """
    from tifffile import TiffFile, TiffWriter

    from emseg import __version__

    coloured = _is_coloured(content)
    tags: dict[str, Any] = {"metadata": None, "software": f"emseg {__version__}"}
    tags["description"] = "{}"  # of the first page, until all are counted
    tags |= {"photometric": "rgb" if coloured else "minisblack"}
    tags |= calibration_tags(content.pixel_size)
    count = 0
    with whole_file(path) as temporary:
        with TiffWriter(temporary, bigtiff=is_big(content)) as tiff:
            for plane in content.planes:
                for page in [np.moveaxis(plane, 0, -1)] if coloured else plane:
                    tiff.write(np.ascontiguousarray(page), contiguous=True, **tags)
                count += 1
        with TiffFile(temporary, mode="r+") as written:
            said = _described(content, count, coloured=coloured)
            written.pages.first.tags["ImageDescription"].overwrite(said)


def _described(content: Content, count: int, *, coloured: bool) -> str:
    """Say what the pages are, as tifffile does for its own files."""
    shape, axes = content.shape(count), content.axes
    if coloured:
        shape, axes = (*shape[:-3], *shape[-2:], 3), axes.replace("C", "") + "S"
    return json.dumps({"shape": shape, "axes": axes})


def write_png(path: Path, content: Content) -> None:
    """Write one plane as PNG, with its pixel size as a resolution."""
    from PIL import Image

    (plane,) = content.planes
    pixels = plane[0] if len(plane) == 1 else np.moveaxis(plane, 0, -1)
    size = content.pixel_size
    said: dict[str, Any] = {}
    if size is not None:
        said["dpi"] = (_NM_PER_INCH / size.x_nm, _NM_PER_INCH / size.y_nm)
    with whole_file(path) as temporary:
        Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, format="PNG", **said)


def write_npy(path: Path, content: Content) -> None:
    """Write a NumPy array: (Y, X), (Z, Y, X), or (Z, C, Y, X) when there are channels."""
    planes = content.planes
    count = content.count
    if count is None:
        kept = list(planes)
        planes, count = iter(kept), len(kept)
    shape = (count, *content.size) if content.has_channels else content.shape(count)
    header = {
        "descr": np.lib.format.dtype_to_descr(content.dtype),
        "fortran_order": False,
        "shape": shape,
    }
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for plane in planes:
            file.write(np.ascontiguousarray(plane).data)


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
