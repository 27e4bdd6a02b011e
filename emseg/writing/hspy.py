"""Images as HyperSpy's HDF5, written by RosettaSciIO as HyperSpy itself does.

RosettaSciIO writes everything but the pixels, which HDF5 takes plane by plane.
"""

import json
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emseg.calibration import PixelSize
from emseg.writing.annotation import NOT_XML
from emseg.writing.content import Content
from emseg.writing.whole import whole_file

if TYPE_CHECKING:
    import h5py
    from _typeshed import ReadableBuffer

_CHUNK = 512


def write_hspy(path: Path, content: Content) -> None:
    """Write one image as ``.hspy``, one plane in memory.

    The axes are ``z`` and ``c`` to navigate, ``y`` and ``x`` as the signal, with scales in nm;
    an unknown scale has no unit. What emseg says about the image stands in the metadata at
    ``emseg``.

    Raises
    ------
    MismatchError
        When the planes differ, or not as many come as were announced.
    NotWritableError, StorageError
        When the file cannot be written.
    """
    import h5py
    from rsciio.hspy import file_writer

    with whole_file(path) as temporary, _Sink(temporary, "x+") as sink:
        with h5py.File(sink, "w") as file:
            count = _write_planes(file, content, sink)
        sink.require_all_written()
        file_writer(sink, _signal(content, count), write_dataset=False, shuffle=True)
        sink.require_all_written()
        with h5py.File(sink, "r+") as file:
            (experiment,) = file["Experiments"].values()
            file.move("data", f"{experiment.name}/data")
        sink.require_all_written()


class _Sink(FileIO):
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


def _write_planes(file: "h5py.File", content: Content, sink: _Sink) -> int:
    """Write planes into an array that grows; return how many there were."""
    *_, height, width = content.size
    leading = (1,) * (content.is_stack + content.has_channels)
    shape = content.shape(content.count or 1)
    data = file.create_dataset(
        "data",
        shape,
        content.dtype,
        maxshape=(None, *shape[1:]) if content.is_stack else shape,
        chunks=(*leading, min(_CHUNK, height), min(_CHUNK, width)),
        compression="gzip",
        compression_opts=4,
        shuffle=True,
    )
    count = 0
    for plane in content.planes:
        if content.is_stack and count >= len(data):
            data.resize(count + 1, axis=0)
        data[count if content.is_stack else ...] = plane if content.has_channels else plane[0]
        sink.require_all_written()
        count += 1
    return count


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
