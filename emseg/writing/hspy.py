"""Images as HyperSpy's HDF5, written by RosettaSciIO as HyperSpy itself does.

RosettaSciIO writes everything but the pixels, which HDF5 takes in bands of rows.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import FileIO
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.writing.annotation import NOT_XML
from emseg.writing.compression import compressing, deflated, effort_for, filled_up
from emseg.writing.content import Content
from emseg.writing.pyramid import Strip
from emseg.writing.sink import Sink
from emseg.writing.whole import whole_file

if TYPE_CHECKING:
    import h5py
    from _typeshed import ReadableBuffer


@contextmanager
def hspy_sink(path: Path, content: Content) -> Iterator[Sink]:
    """Write one image as ``.hspy``.

    The axes are ``z`` and ``c`` to navigate, ``y`` and ``x`` as the signal, with scales in nm;
    an unknown scale has no unit. What emseg says about the image stands in the metadata at
    ``emseg``.

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
    import h5py
    from rsciio.hspy import file_writer

    with whole_file(path) as temporary, _Patient(temporary, "x+") as file:
        with h5py.File(file, "w") as store, compressing() as pool:
            sink = _HspySink(path, temporary, content, store, file, pool)
            yield sink
            sink.require_complete()
        file.require_all_written()
        file_writer(file, _signal(content, sink.count), write_dataset=False, shuffle=True)
        file.require_all_written()
        with h5py.File(file, "r+") as store:
            (experiment,) = store["Experiments"].values()
            store.move("data", f"{experiment.name}/data")
        file.require_all_written()


class _Patient(FileIO):
    """A file whose writer is not told that the disk is full: HDF5 does not survive that.

    What goes wrong is kept until somebody asks.
    """

    failure: OSError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all of it, or pretend to."""
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while self.failure is None and len(left) and not self.closed:
                left = left[super().write(left) or 0 :]
        except OSError as error:
            self.failure = error
        return size

    def truncate(self, size: int | None = None, /) -> int:
        """Give the file this length, or pretend to."""
        try:
            return 0 if self.closed else super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0

    def flush(self) -> None:
        """Do nothing: what was written is in the hands of the system."""

    def require_all_written(self) -> None:
        """Raise the OSError of the first write that failed."""
        if self.failure is not None:
            raise self.failure


class _HspySink(Sink):
    """Chunks as they come, compressed by several threads, into an array that grows."""

    def __init__(
        self,
        path: Path,
        temporary: Path,
        content: Content,
        store: "h5py.File",
        file: _Patient,
        pool: ThreadPoolExecutor,
    ) -> None:
        super().__init__(path, temporary, content)
        self._file, self._pool, self._effort = file, pool, effort_for(content)
        _, height, width = content.size
        leading = (1,) * (content.is_stack + content.has_channels)
        shape = content.shape(content.count or 1)
        self._data = store.create_dataset(
            "data",
            shape,
            content.dtype,
            maxshape=(None, *shape[1:]) if content.is_stack else shape,
            chunks=(*leading, min(content.chunk, height), min(content.chunk, width)),
            compression="gzip",
            compression_opts=4,
            shuffle=True,
        )

    def _take(self, strip: Strip) -> None:
        is_stack, has_channels = self.content.is_stack, self.content.has_channels
        if is_stack and self.count >= len(self._data):
            self._data.resize(self.count + 1, axis=0)
        *_, tall, wide = self._data.chunks
        places = list(product(range(len(strip.pixels)), range(0, strip.pixels.shape[2], wide)))
        squares = (
            filled_up(strip.pixels[channel, :, left : left + wide], (tall, wide))
            for channel, left in places
        )
        encoded = self._pool.map(lambda square: deflated(_shuffled(square), self._effort), squares)
        for (channel, left), data in zip(places, encoded, strict=True):
            corner = (self.count,) * is_stack + (channel,) * has_channels + (strip.top, left)
            self._data.id.write_direct_chunk(corner, data)
            self._file.require_all_written()


def _shuffled(square: NDArray[Any]) -> NDArray[np.uint8]:
    """Sort the bytes of the values, all first ones first, as the filter "shuffle" of HDF5 does."""
    return square.reshape(-1, 1).view(np.uint8).T


def _signal(content: Content, count: int) -> dict[str, Any]:
    """Compose what RosettaSciIO takes for a signal, but for its pixels."""
    from emseg import __version__

    said = {key: json.loads(text) for key, text in content.annotation().items()}
    annotation = json.dumps(said)  # in a list, because an attribute of HDF5 ends at 64 KiB
    return {
        "data": np.empty(0, content.dtype),
        "axes": _axes(content, count),
        "metadata": {
            "General": {"title": _title(content.name)},
            "Signal": {"signal_type": ""},
            "emseg": {"namespace": content.namespace, "annotation": [annotation]},
        },
        "original_metadata": {},
        "learning_results": {},
        "models": {},
        "attributes": {"_lazy": False},
        "tmp_parameters": {},
        "package_info": {"package": "emseg", "package_version": __version__},
    }


def _title(name: str) -> str:
    """Name of the group of HDF5 that RosettaSciIO makes; the annotation has the exact one."""
    printable = NOT_XML.sub("\N{REPLACEMENT CHARACTER}", name)
    return "\N{REPLACEMENT CHARACTER}" if printable == "." else printable


def _axes(content: Content, count: int) -> list[dict[str, Any]]:
    axes = []
    for name, length in zip(content.axes.lower(), content.shape(count), strict=True):
        step = _step(content.pixel_size, name)
        axes.append(
            {
                "_type": "UniformDataAxis",
                "name": name,
                "size": length,
                "scale": 1.0 if step is None else step,
                "offset": 0.0,
                "units": None if step is None else "nm",
                "navigate": name not in "yx",
                "is_binned": False,
            }
        )
    return axes


def _step(size: PixelSize | None, axis: str) -> float | None:
    if size is None:
        return None
    return {"z": size.z_nm, "y": size.y_nm, "x": size.x_nm}.get(axis)
