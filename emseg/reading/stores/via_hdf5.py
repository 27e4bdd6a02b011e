"""Reads images out of any HDF5 file, such as ``volume.h5:/volumes/raw``.

HDF5 is a container, so a file that some program has a reader for goes there (HyperSpy, EMD);
of any other, each dataset is a signal. A file that holds several images does not say which is
meant: the user does, by its path behind a colon or with ``--signal``.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from emseg.calibration import Axis, PixelSize
from emseg.errors import ContentError, did_you_mean, listed
from emseg.reading.admitting.hdf5_filters import missing_filter
from emseg.reading.admitting.weight import chunk_bytes, chunk_of
from emseg.reading.formats import FORMATS, Format
from emseg.reading.inside import split
from emseg.reading.microscopes.via_rosettasciio import open_source as open_with_rosettasciio
from emseg.reading.signals.axis_names import renamed, roles_of
from emseg.reading.signals.coordinates import uneven
from emseg.reading.signals.layout import Layout, why_not
from emseg.reading.signals.signal import Index, OpenFile, Signal
from emseg.reading.stores.hdf5_axes import describe_axes
from emseg.reading.stores.hdf5_image import as_image
from emseg.reading.stores.hdf5_marks import (
    is_marked,
    marked_images,
    signal_of_marked,
    signals_of_marked,
)

_LINKS = 16  # from file to file, as HDF5 itself follows; their folders were looked at before
_SMALLEST = 16  # pixels on a side, below which a dataset is taken for a table of numbers


def open_source(path: Path, fmt: Format) -> OpenFile:
    """Open a file, or what a path inside it names.

    Raises
    ------
    UnreadableFileError
        When it is no HDF5 file.
    ContentError
        When it holds nothing of that path.
    """
    file, inside = split(path)
    opened = h5py.File(file, "r")
    try:
        owner = None if inside else _owner(opened)
        if owner is None:
            marked = {} if inside else marked_images(opened)
            if not marked:
                return _datasets(file, opened, inside)
            return OpenFile(signals_of_marked(marked), opened.close)
    except BaseException:
        opened.close()
        raise
    opened.close()
    return open_with_rosettasciio(file, dataclasses.replace(owner, with_spectra=fmt.with_spectra))


def _owner(opened: h5py.File) -> Format | None:
    """Format of the program that wrote the file, if RosettaSciIO reads that."""
    if str(opened.attrs.get("file_format", "")).lower() == "hyperspy" or "Experiments" in opened:
        return _format("hspy")
    is_velox = "Version" in opened and "Data" in opened and "Experiment" in opened
    return _format("emd") if is_velox or "4DSTEM_simulation" in opened else None  # or Prismatic


def _format(suffix: str) -> Format:
    return next(each for each in FORMATS if suffix in each.suffixes)


def _datasets(file: Path, opened: h5py.File, inside: str) -> OpenFile:
    """Describe the datasets that lie under a path."""
    found = _below(file, opened, inside)
    if any(each.ndim > 1 for _, each in found):  # lists of numbers are for who looks for them
        found = [(name, each) for name, each in found if each.ndim > 1]
    signals = tuple(_signal(name, each) for name, each in found)
    images = _images(signals)
    notices: tuple[str, ...] = ()
    if len(images) == 1 < len(signals):
        notices = (f"holds one image among {len(signals)} datasets, {images[0]}, which is taken",)
    return OpenFile(signals, opened.close, notices, _which(file, images))


def _below(file: Path, opened: h5py.File, inside: str) -> list[tuple[str, h5py.Dataset]]:
    """Datasets at or under a path, each with the path that leads to it."""
    place = opened.get(inside) if inside else opened
    if place is None:
        raise ContentError(
            f"{file} holds nothing at {inside}; {did_you_mean(inside, _names(opened))}"
        )
    if isinstance(place, h5py.Dataset):
        return [(f"/{inside.strip('/')}", place)]
    own = [each for each in _walk(place, inside, set(), 0) if each[1].shape]
    if any(each.ndim > 1 for _, each in own):
        return own
    return [each for each in _walk(place, inside, set(), _LINKS) if each[1].shape]


def _walk(
    group: h5py.Group, path: str, seen: set[tuple[str, int]], links: int
) -> Iterator[tuple[str, h5py.Dataset]]:
    """Datasets below a group, once each; ``links`` to other files are followed."""
    for name in group:
        link = group.get(name, getlink=True)
        left = links - isinstance(link, h5py.ExternalLink)
        if isinstance(link, h5py.SoftLink) or left < 0:
            continue  # a soft link leads to what is found elsewhere in the file
        place = group.get(name)
        if not isinstance(place, h5py.Group | h5py.Dataset):
            continue
        key = (place.file.filename, h5py.h5o.get_info(place.id).addr)
        if key in seen:
            continue
        seen.add(key)
        inside = f"/{path.strip('/')}/{name}".replace("//", "/")
        if isinstance(place, h5py.Dataset):
            yield inside, place
        else:
            yield from _walk(place, inside, seen, left)


def _names(opened: h5py.File) -> list[str]:
    names: list[str] = []
    opened.visit(lambda name: names.append(f"/{name}"))
    return names


def _signal(name: str, dataset: h5py.Dataset) -> Signal:
    said = describe_axes(dataset)
    if is_marked(dataset, said):
        return dataclasses.replace(signal_of_marked(dataset), name=name)
    roles = roles_of(said.axes, dataset.dtype)
    axes = renamed(said.axes, roles.names)
    dtype, colours, chunk = dataset.dtype, dataset.dtype.names, chunk_of(dataset)

    def read(index: Index) -> NDArray[Any]:
        if not colours:
            return np.asarray(dataset[index])
        pixels = dataset[index[:-1]]
        return np.stack([pixels[each] for each in colours], axis=-1)[..., index[-1]]

    if colours:
        axes, dtype = (*axes, Axis("s", len(colours))), dtype[0]
    size = PixelSize.of(axes, said.source)
    notices = (*uneven(name, said.uneven), *roles.notices)
    signal = Signal(
        name,
        axes,
        dtype,
        read,
        size,
        refusal=missing_filter(dataset) or roles.refusal,
        notices=notices,
        is_named=roles.are_named,
        needs=chunk_bytes(dataset),
        pieces=(*chunk, len(colours)) if chunk and colours else chunk,
    )
    return as_image(signal, dataset)


def _images(signals: tuple[Signal, ...]) -> list[str]:
    """Names of the datasets that look like images and not like tables of numbers."""
    usable = [each for each in signals if not why_not(each)]
    large = [each for each in usable if min(Layout.of(each.axes).size) >= _SMALLEST]
    return [each.name for each in large or usable]


def _which(file: Path, images: list[str]) -> str:
    if len(images) < 2:
        return ""
    return (
        f"holds {len(images)} images and does not say which is meant: "
        f"{listed(images, most=8)}; name one, as in '{file.name}:{images[0]}', or with "
        f"--signal {images[0]}"
    )
