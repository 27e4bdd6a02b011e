"""Label images and probabilities as calibrated OME-TIFF, one plane in memory at a time."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.errors import MismatchError
from emseg.micrograph import LabelClass, LabelImage, label_dtype
from emseg.writing.ome_xml import Described, label_annotation, ome_xml
from emseg.writing.whole import whole_file

_TILE = 512
_CLASSIC_BYTES = 2**31  # BigTIFF beyond this, because classic TIFF ends at 4 GiB
_NM_PER_CM = 1e7
_LARGEST_RATIONAL = 2**32 - 1
_PROBABILITIES = "emseg/probabilities/1"

_Page = NDArray[Any]
_Plane = TypeVar("_Plane")


def write_label_images(
    path: Path, planes: Iterable[LabelImage], *, count: int | None = None
) -> None:
    """Write the label images of one micrograph or stack as one OME-TIFF.

    The file holds class indices in the smallest unsigned type, tiled and deflated, with the
    axes YX, or ZYX when there are several planes. The pixel size is in the OME-XML, in the
    resolution tags and in Gatan's tags, so that Fiji, hyperspy and DigitalMicrograph show it.
    Class names, colours, mask values and the unlabelled value are key-value pairs of the image,
    and with up to 254 classes a colour map shows them in any viewer. The same label images give
    the same bytes.

    Parameters
    ----------
    path : Path
        The file to write, ``.ome.tif``; an older one is replaced.
    planes : iterable of LabelImage, shape (Y, X) each
        Taken one at a time; alike in name, size, classes and pixel size.
    count : int or None
        How many planes must come; None takes the length of a sequence, and whatever comes from
        an iterator.

    Raises
    ------
    MismatchError
        When the planes differ, when there is none, or not ``count`` of them.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    first, planes, count = _peek(path, planes, count)
    name, classes, pixel_size = first.name, first.classes, first.pixel_size
    specimen = first.specimen
    dtype = label_dtype(len(classes))
    indices: list[int | None] = []

    def pages() -> Iterator[_Page]:
        for plane in planes:
            _require_alike(path, first, plane)
            indices.append(plane.plane)
            yield plane.pixels.astype(dtype, copy=False)

    def described(pages: int) -> Described:
        _require_count(path, count, pages)
        axes, shape = ("YX", ()) if pages == 1 else ("ZYX", (pages,))
        annotation = label_annotation(name, indices, classes, pixel_size, specimen)
        shape = (*shape, *first.pixels.shape)
        return Described(name, axes, shape, dtype.name, pixel_size, annotation)

    big = _is_big(count, first.pixels.size * dtype.itemsize)
    tags = _calibration_tags(pixel_size) | _palette(classes, dtype)
    _write(path, pages(), described, tags, big=big)


def write_probabilities(
    path: Path,
    planes: Iterable[NDArray[np.floating[Any]]],
    classes: Sequence[LabelClass],
    pixel_size: PixelSize | None,
    *,
    name: str | None = None,
    count: int | None = None,
) -> None:
    """Write the probability of each class as one OME-TIFF of float32.

    One channel a class, named and coloured like it; the axes are CYX, or ZCYX when there are
    several planes. It is float32 because the OME data model has no float16.

    Parameters
    ----------
    path : Path
        The file to write, ``.ome.tif``; an older one is replaced.
    planes : iterable of float arrays, shape (C, Y, X)
        Taken one at a time, alike in shape; C is the number of classes.
    classes : sequence of LabelClass
        In the order of the channels.
    pixel_size : PixelSize or None
        That of the micrograph.
    name : str or None
        Name of the micrograph; None takes it from ``path``.
    count : int or None
        As for `write_label_images`.

    Raises
    ------
    MismatchError
        When a plane has not the shape that ``classes`` and the first plane demand, when there
        is none, or not ``count`` of them.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    first, planes, count = _peek(path, planes, count)
    shape = (len(classes), *first.shape[-2:])
    title = name if name is not None else Path(path).name.removesuffix(".ome.tif")
    big = _is_big(count, first.size * np.dtype(np.float32).itemsize)
    del first

    def pages() -> Iterator[_Page]:
        for plane in planes:
            if plane.shape != shape:
                raise MismatchError(
                    f"{path}: probabilities of shape {plane.shape} where {shape} is expected; "
                    "all planes need one channel a class and the same size"
                )
            yield from plane.astype(np.float32, copy=False)

    def described(pages: int) -> Described:
        depth = pages // len(classes)
        _require_count(path, count, depth)
        axes, whole = ("CYX", shape) if depth == 1 else ("ZCYX", (depth, *shape))
        annotation = label_annotation(title, [None] * depth, classes, pixel_size)
        return Described(
            title, axes, whole, "float32", pixel_size, annotation, _PROBABILITIES, tuple(classes)
        )

    tags = _calibration_tags(pixel_size) | {"photometric": "minisblack"}
    _write(path, pages(), described, tags, big=big)


def _peek(
    path: Path, planes: Iterable[_Plane], count: int | None
) -> tuple[_Plane, Iterator[_Plane], int | None]:
    """Look at the first plane; returns it, all planes, and how many must come, if known."""
    if count is None and isinstance(planes, Sized):
        count = len(planes)
    remaining = iter(planes)
    for first in remaining:
        return first, chain((first,), remaining), count
    raise MismatchError(f"{path}: there is no plane to write; give at least one")


def _require_alike(path: Path, first: LabelImage, plane: LabelImage) -> None:
    """Refuse planes that cannot share one file."""
    for what in ("name", "classes", "pixel_size", "specimen"):
        if getattr(plane, what) != getattr(first, what):
            raise MismatchError(
                f"{path}: plane {plane.plane} has another {what.replace('_', ' ')} than plane "
                f"{first.plane}; write them into files of their own"
            )
    if plane.pixels.shape != first.pixels.shape:
        raise MismatchError(
            f"{path}: plane {plane.plane} has {plane.pixels.shape} pixels where plane "
            f"{first.plane} has {first.pixels.shape}; write them into files of their own"
        )


def _require_count(path: Path, expected: int | None, came: int) -> None:
    """Refuse a stack that ended early or went on."""
    if expected is not None and came != expected:
        raise MismatchError(
            f"{path}: {came} planes came where {expected} were announced; "
            "check that the stack is complete"
        )


def _is_big(count: int | None, plane_bytes: int) -> bool:
    """Whether the file may outgrow classic TIFF; an unknown number of planes may."""
    return count is None or count * plane_bytes > _CLASSIC_BYTES


def _write(
    path: Path,
    pages: Iterator[_Page],
    described: Callable[[int], Described],
    tags: dict[str, Any],
    *,
    big: bool,
) -> None:
    """Write pages as they come, then the OME-XML, which only then knows how many there are."""
    from tifffile import TiffFile

    with whole_file(path) as temporary:
        count, fingerprint = _write_pages(temporary, pages, tags, big=big)
        xml = ome_xml(described(count), f"{fingerprint:08x}")
        with TiffFile(temporary, mode="r+") as tiff:
            tiff.pages.first.tags["ImageDescription"].overwrite(xml)


def _write_pages(
    path: Path, pages: Iterator[_Page], tags: dict[str, Any], *, big: bool
) -> tuple[int, int]:
    """Write pages of shape (Y, X) and return their number and a checksum of their pixels."""
    from tifffile import TiffWriter

    from emseg import __version__

    count, checksum = 0, 0
    with TiffWriter(path, bigtiff=big) as tiff:
        for page in pages:
            tiff.write(
                page,
                tile=tuple(min(_TILE, -(-length // 16) * 16) for length in page.shape),
                compression="zlib",
                metadata=None,
                description="OME-XML" if count == 0 else None,
                software=f"emseg {__version__}",
                **tags,
            )
            checksum = zlib.crc32(np.ascontiguousarray(page).data, checksum)
            count += 1
    return count, checksum


def _palette(classes: Sequence[LabelClass], dtype: np.dtype[Any]) -> dict[str, Any]:
    """Tags that show class indices in the colours of the classes, when a byte holds them."""
    if dtype != np.uint8:
        return {"photometric": "minisblack"}
    colours = np.zeros((3, 256), np.uint16)
    colours[:, : len(classes)] = np.transpose([each.colour for each in classes])
    return {"photometric": "palette", "colormap": colours * 257}  # 255 becomes 65535


def _calibration_tags(pixel_size: PixelSize | None) -> dict[str, Any]:
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
