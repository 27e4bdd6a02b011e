"""Images as OME-Zarr: chunks that many programs and processes read at once.

Version 0.4 of the specification (https://ngff.openmicroscopy.org/0.4) on Zarr 2, because every
reader of OME-Zarr knows it and readers from before 2025 know nothing later. Chunks are deflated,
which every reader knows too, and which notices a damaged chunk; Blosc, the usual choice, does not.
"""

import json
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emseg.micrograph import unlabelled_value
from emseg.writing.content import Content
from emseg.writing.pyramid import level_count, level_size, smaller_copies
from emseg.writing.whole import OURS, require_replaceable, whole_folder

if TYPE_CHECKING:
    import zarr

_VERSION = "0.4"
_CHUNK = 512
_LEVEL = 4
_KINDS = {"c": "channel", "z": "space", "y": "space", "x": "space"}


def write_ome_zarr(path: Path, content: Content) -> None:
    """Write one image as an OME-Zarr folder, one plane in memory.

    Axes are in the order of the specification, CZYX. Lengths are in nanometres; an axis of
    unknown scale has no unit. What emseg says about the image stands in the attribute
    ``emseg``.

    Raises
    ------
    MismatchError
        When the planes differ, or not as many come as were announced.
    NotWritableError
        When the folder cannot be written, or one that emseg did not write is in its place.
    StorageError
        When the disk is full.
    """
    import zarr

    require_replaceable(path)
    with whole_folder(path) as temporary:
        root = zarr.open_group(temporary, mode="w", zarr_format=2)
        levels = _levels(root, content)
        count, ranges = _fill(levels, content)
        for level in levels:
            _cut(level, content, count)
        root.attrs.put(_attributes(content, len(levels), ranges))
        require_replaceable(path)


def _names(content: Content) -> str:
    """Axes in the order of the specification: channels, then space."""
    return "c" * content.has_channels + "z" * content.is_stack + "yx"


def _levels(root: "zarr.Group", content: Content) -> "list[zarr.Array[Any]]":
    """Make an array for the image and one for each smaller copy."""
    channels, height, width = content.size
    depth = content.count or 1
    compressor: dict[str, Any] = {"id": "zlib", "level": _LEVEL}
    levels = []
    for level in range(1 + level_count(height, width)):
        size = level_size(height, width, level)
        lengths = {"c": channels, "z": depth, "y": size[0], "x": size[1]}
        names = _names(content)
        chunks = {"c": 1, "z": 1, "y": min(_CHUNK, size[0]), "x": min(_CHUNK, size[1])}
        levels.append(
            root.create_array(
                str(level),
                shape=tuple(lengths[name] for name in names),
                chunks=tuple(chunks[name] for name in names),
                dtype=content.dtype,
                compressors=compressor,
                chunk_key_encoding={"name": "v2", "separator": "/"},
                fill_value=0,
                config={"write_empty_chunks": True},  # so that a chunk that is lost is noticed
            )
        )
    return levels


def _fill(
    levels: "list[zarr.Array[Any]]", content: Content
) -> tuple[int, list[tuple[float, float]]]:
    """Write all planes; return their number and the range of each channel."""
    count = 0
    ranges = [(np.inf, -np.inf)] * content.size[0]
    for plane in content.planes:
        for channel, page in enumerate(plane):
            copies = smaller_copies(page, len(levels) - 1, averaged=not content.classes)
            for level, pixels in zip(levels, (page, *copies), strict=True):
                _put(level, content, count, channel, pixels)
            ranges[channel] = _wider(ranges[channel], page)
        count += 1
    return count, ranges


def _put(
    level: "zarr.Array[Any]", content: Content, plane: int, channel: int, pixels: NDArray[Any]
) -> None:
    if content.is_stack and plane >= level.shape[-3]:  # nobody knows how many will come
        level.resize((*level.shape[:-3], 2 * plane, *level.shape[-2:]))
    where: dict[str, int | slice] = {"c": channel, "z": plane}
    # chunk by chunk: when one of many that are written at once fails, zarr does not wait for
    # the others, and they go on appearing in a folder that is being removed
    for y, x in product(range(0, pixels.shape[0], _CHUNK), range(0, pixels.shape[1], _CHUNK)):
        where |= {"y": slice(y, y + _CHUNK), "x": slice(x, x + _CHUNK)}
        chunk = pixels[y : y + _CHUNK, x : x + _CHUNK]
        level[tuple(where[name] for name in _names(content))] = chunk


def _cut(level: "zarr.Array[Any]", content: Content, count: int) -> None:
    """Leave off the planes that were made room for and did not come."""
    if content.is_stack and level.shape[-3] != count:
        level.resize((*level.shape[:-3], count, *level.shape[-2:]))


def _wider(extremes: tuple[float, float], page: NDArray[Any]) -> tuple[float, float]:
    """Extend a range by the finite values of a page."""
    finite = page[np.isfinite(page)] if page.dtype.kind == "f" else page
    if not finite.size:
        return extremes
    return min(extremes[0], finite.min().item()), max(extremes[1], finite.max().item())


def _attributes(content: Content, levels: int, ranges: list[tuple[float, float]]) -> dict[str, Any]:
    said = {key: json.loads(text) for key, text in content.annotation().items()}
    attributes = {
        "multiscales": [_multiscales(content, levels)],
        OURS: {"namespace": content.namespace, **said},
    }
    if content.classes:
        return attributes | {"image-label": _image_label(content)}
    return attributes | {"omero": _omero(content, ranges)}


def _multiscales(content: Content, levels: int) -> dict[str, Any]:
    size = content.pixel_size
    steps = {"z": size.z_nm, "y": size.y_nm, "x": size.x_nm} if size else {}
    axes = []
    for name in _names(content):
        known = steps.get(name) is not None
        unit = {"unit": "nanometer"} if known else {}
        axes.append({"name": name, "type": _KINDS[name], **unit})
    datasets = []
    for level in range(levels):
        grown = {"y": 2.0**level, "x": 2.0**level}
        scale = [(steps.get(name) or 1.0) * grown.get(name, 1.0) for name in _names(content)]
        transformations = [{"type": "scale", "scale": scale}]
        datasets.append({"path": str(level), "coordinateTransformations": transformations})
    return {
        "version": _VERSION,
        "name": content.name,
        "axes": axes,
        "datasets": datasets,
        "type": "nearest" if content.classes else "mean of 2 x 2 pixels",
    }


def _image_label(content: Content) -> dict[str, Any]:
    """Colour and name of each value."""
    return {
        "version": _VERSION,
        "colors": [
            {"label-value": value, "rgba": [*each.colour, 255]}
            for value, each in enumerate(content.classes)
        ]
        + [{"label-value": unlabelled_value(len(content.classes)), "rgba": [0, 0, 0, 0]}],
        "properties": [
            {"label-value": value, "class": each.name} for value, each in enumerate(content.classes)
        ],
    }


def _omero(content: Content, ranges: list[tuple[float, float]]) -> dict[str, Any]:
    """How viewers show the channels; one without a name has no label."""
    channels = []
    for channel, (low, high) in zip(content.channels, ranges, strict=True):
        low, high = (low, high) if low <= high else (0, 1)
        label = {"label": channel.name} if channel.name else {}
        red, green, blue = channel.colour
        channels.append(
            {
                **label,
                "color": f"{red:02X}{green:02X}{blue:02X}",
                "active": True,
                "window": {"start": low, "end": high, "min": low, "max": high},
            }
        )
    return {"version": _VERSION, "channels": channels}
