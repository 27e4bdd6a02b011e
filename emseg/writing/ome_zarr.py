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
from secrets import token_hex
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
    require_replaceable(path)
    with whole_folder(path) as temporary, compressing() as pool:
        begin_levels(temporary, content)
        sink = OmeZarrSink(path, temporary, content, pool)
        yield sink
        sink.finish()
        require_replaceable(path)


def begin_levels(folder: Path, content: Content) -> None:
    """Make the arrays of an image and of its smaller copies in a folder; none has a chunk yet."""
    import zarr

    _levels(zarr.open_group(folder, mode="w", zarr_format=2), content)


class OmeZarrSink(Sink):
    """Chunks of all levels as they come, each a file of its own, compressed by several threads.

    A chunk of zeros is written too, so that one that is lost is noticed.

    Parameters
    ----------
    path, temporary, content
        As for `Sink`; `begin_levels` has made the arrays.
    pool : ThreadPoolExecutor
        Compresses.
    """

    def __init__(
        self, path: Path, temporary: Path, content: Content, pool: ThreadPoolExecutor
    ) -> None:
        super().__init__(path, temporary, content, level_count(*content.size[1:]))
        self._folder, self._pool = temporary, pool
        self._ranges = [(np.inf, -np.inf)] * content.size[0]  # of the finite values of a channel

    def finish(self) -> None:
        """Say what the image is, once all its planes came.

        Raises
        ------
        MismatchError
            As `require_complete` does.
        """
        import zarr

        self.require_complete()
        root, content = zarr.open_group(self._folder, mode="r+"), self.content
        count = 1 + level_count(*content.size[1:])
        levels: list[Any] = [root[str(level)] for level in range(count)]
        for level in levels:
            if content.is_stack and level.shape[-3] != self.count:
                level.resize((*level.shape[:-3], self.count, *level.shape[-2:]))
        root.attrs.put(_attributes(content, count, self._ranges))

    def _take(self, strip: Strip) -> None:
        if strip.level == 0 and not self.content.classes:
            self._ranges = [_wider(*each) for each in zip(self._ranges, strip.pixels, strict=True)]
        if not self._is_stored(strip):
            write_chunks(self._folder, self.content, strip, self.count, self._pool)

    def _is_stored(self, strip: Strip) -> bool:  # noqa: ARG002 - of others that know
        """Whether the chunks of a strip lie where they belong already."""
        return False


def write_chunks(
    folder: Path,
    content: Content,
    strip: Strip,
    plane: int,
    pool: ThreadPoolExecutor,
    beside: Path | None = None,
) -> None:
    """Write the chunks of a strip that begins where a row of chunks does, and ends so.

    Parameters
    ----------
    folder : Path
        Of the image.
    content : Content
        What the image holds.
    strip : Strip
        Rows of one of its levels.
    plane : int
        Which plane they are of, counted in the image.
    pool : ThreadPoolExecutor
        Compresses.
    beside : Path, optional
        A folder in which each chunk is written before it takes its place in one step.
    """
    tall, wide = _chunk_shape(content, strip.level)
    effort = effort_for(content)

    def write(place: tuple[int, int]) -> None:
        channel, column = place
        chunk = strip.pixels[channel, :, column * wide : (column + 1) * wide]
        where = {"c": channel, "z": plane, "y": strip.top // tall, "x": column}
        numbers = (str(where[name]) for name in _names(content))
        file = folder.joinpath(str(strip.level), *numbers)
        file.parent.mkdir(parents=True, exist_ok=True)
        first = file if beside is None else beside / token_hex(8)
        first.write_bytes(deflated(filled_up(chunk, (tall, wide)), effort))
        if beside is not None:
            first.replace(file)

    across = range(-(-strip.pixels.shape[2] // wide))
    for _ in pool.map(write, product(range(len(strip.pixels)), across)):
        pass  # what went wrong in a thread is raised here


def _chunk_shape(content: Content, level: int) -> tuple[int, int]:
    height, width = level_size(*content.size[1:], level)
    return min(content.chunk, height), min(content.chunk, width)


def _names(content: Content) -> str:
    """Axes in the order of the specification: channels, then space."""
    return "c" * content.has_channels + "z" * content.is_stack + "yx"


def _levels(root: "zarr.Group", content: Content) -> None:
    """Make an array for the image and one for each smaller copy."""
    channels, height, width = content.size
    compressor: dict[str, Any] = {"id": "zlib", "level": _LEVEL}
    for level in range(1 + level_count(height, width)):
        size = level_size(height, width, level)
        tall, wide = _chunk_shape(content, level)
        lengths = {"c": channels, "z": content.count or 1, "y": size[0], "x": size[1]}
        names = _names(content)
        chunks = {"c": 1, "z": 1, "y": tall, "x": wide}
        root.create_array(
            str(level),
            shape=tuple(lengths[name] for name in names),
            chunks=tuple(chunks[name] for name in names),
            dtype=content.dtype,
            compressors=compressor,
            chunk_key_encoding={"name": "v2", "separator": "/"},
            fill_value=0,
        )


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
