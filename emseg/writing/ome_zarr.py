"""Images as OME-Zarr: chunks that many programs and processes read at once.

Version 0.4 of the specification (https://ngff.openmicroscopy.org/0.4) on Zarr 2, because every
reader of OME-Zarr knows it and readers from before 2025 know nothing later. Chunks are deflated,
which every reader knows too, and which notices a damaged chunk; Blosc, the usual choice, does not.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emseg.micrograph import unlabelled_value
from emseg.writing.compression import compressing, deflated, effort_for, filled_up
from emseg.writing.content import Content
from emseg.writing.pyramid import Strip, level_count, level_size
from emseg.writing.sink import Sink
from emseg.writing.whole import OURS, require_replaceable, whole_folder

if TYPE_CHECKING:
    import zarr

_VERSION = "0.4"
_LEVEL = 6  # what Zarr is told; any reader of zlib reads any level
_KINDS = {"c": "channel", "z": "space", "y": "space", "x": "space"}


@contextmanager
def ome_zarr_sink(path: Path, content: Content) -> Iterator[Sink]:
    """Write one image as an OME-Zarr folder.

    Axes are in the order of the specification, CZYX. Lengths are in nanometres; an axis of
    unknown scale has no unit. What emseg says about the image stands in the attribute
    ``emseg``.

    Yields
    ------
    Sink
        Takes the planes.

    Raises
    ------
    MismatchError
        When rows are missing, or not as many planes come as were announced.
    NotWritableError
        When the folder cannot be written, or one that emseg did not write is in its place.
    StorageError
        When the disk is full.
    """
    import zarr

    require_replaceable(path)
    with whole_folder(path) as temporary, compressing() as pool:
        root = zarr.open_group(temporary, mode="w", zarr_format=2)
        levels = _levels(root, content)
        sink = _OmeZarrSink(path, temporary, content, [each.chunks for each in levels], pool)
        yield sink
        sink.require_complete()
        for level in levels:
            if content.is_stack and level.shape[-3] != sink.count:
                level.resize((*level.shape[:-3], sink.count, *level.shape[-2:]))
        root.attrs.put(_attributes(content, len(levels), sink.ranges))
        require_replaceable(path)


class _OmeZarrSink(Sink):
    """Chunks of all levels as they come, each a file of its own, compressed by several threads.

    A chunk of zeros is written too, so that one that is lost is noticed.
    """

    def __init__(
        self,
        path: Path,
        temporary: Path,
        content: Content,
        chunks: list[tuple[int, ...]],
        pool: ThreadPoolExecutor,
    ) -> None:
        super().__init__(path, temporary, content, len(chunks) - 1)
        self._folder, self._chunks, self._pool = temporary, chunks, pool
        self._effort = effort_for(content)
        self.ranges = [(np.inf, -np.inf)] * content.size[0]
        """Least and largest finite value of each channel."""

    def _take(self, strip: Strip) -> None:
        if strip.level == 0 and not self.content.classes:
            self.ranges = [_wider(*each) for each in zip(self.ranges, strip.pixels, strict=True)]
        wide = self._chunks[strip.level][-1]
        across = range(-(-strip.pixels.shape[2] // wide))
        places = product(range(len(strip.pixels)), across)
        for _ in self._pool.map(lambda place: self._write_chunk(strip, *place), places):
            pass  # what went wrong in a thread is raised here

    def _write_chunk(self, strip: Strip, channel: int, column: int) -> None:
        tall, wide = self._chunks[strip.level][-2:]
        chunk = strip.pixels[channel, :, column * wide : (column + 1) * wide]
        where = {"c": channel, "z": self.count, "y": strip.top // tall, "x": column}
        numbers = (str(where[name]) for name in _names(self.content))
        file = self._folder.joinpath(str(strip.level), *numbers)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(deflated(filled_up(chunk, (tall, wide)), self._effort))


def _names(content: Content) -> str:
    """Axes in the order of the specification: channels, then space."""
    return "c" * content.has_channels + "z" * content.is_stack + "yx"


def _levels(root: "zarr.Group", content: Content) -> "list[zarr.Array[Any]]":
    """Make an array for the image and one for each smaller copy."""
    channels, height, width = content.size
    depth, side = content.count or 1, content.chunk
    compressor: dict[str, Any] = {"id": "zlib", "level": _LEVEL}
    levels = []
    for level in range(1 + level_count(height, width)):
        size = level_size(height, width, level)
        lengths = {"c": channels, "z": depth, "y": size[0], "x": size[1]}
        names = _names(content)
        chunks = {"c": 1, "z": 1, "y": min(side, size[0]), "x": min(side, size[1])}
        levels.append(
            root.create_array(
                str(level),
                shape=tuple(lengths[name] for name in names),
                chunks=tuple(chunks[name] for name in names),
                dtype=content.dtype,
                compressors=compressor,
                chunk_key_encoding={"name": "v2", "separator": "/"},
                fill_value=0,
            )
        )
    return levels


def _wider(extremes: tuple[float, float], page: NDArray[Any]) -> tuple[float, float]:
    """Extend a range by the finite values of a band."""
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
        "type": "mean of 2 x 2 pixels" if content.is_averaged else "nearest",
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
