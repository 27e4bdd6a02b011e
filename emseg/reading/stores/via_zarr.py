"""Reads Zarr and OME-Zarr through zarr-python: folders and zip files, Zarr 2 and 3.

An OME-Zarr image (versions 0.1 to 0.5, https://ngff.openmicroscopy.org) is read at its full
size; the smaller copies are for viewers, and what lies in its group ``labels`` belongs to
masks. Arrays without such metadata are signals of their own. Chunks are read when a plane is
asked for.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import zarr
from natsort import natsorted
from numpy.typing import NDArray
from zarr.abc.store import Store
from zarr.storage import ZipStore

from emseg.calibration import PixelSize
from emseg.errors import ContentError, PathMissingError, UnreadableFileError, listed
from emseg.reading.admitting.weight import chunk_bytes, chunk_of
from emseg.reading.admitting.zarr_gaps import gaps
from emseg.reading.formats import Format
from emseg.reading.inside import split
from emseg.reading.quiet import mute, no_warnings
from emseg.reading.signals.annotation import Annotation, in_attributes, restored
from emseg.reading.signals.layout import Layout, why_not
from emseg.reading.signals.signal import Index, OpenFile, Signal
from emseg.reading.stores.ngff import SOURCE, Placed, image_axes, multiscales_of
from emseg.reading.stores.zarr_axes import SOURCE as COORDINATES
from emseg.reading.stores.zarr_axes import array_axes
from emseg.reading.stores.zarr_chunks import AdmittedStore, checked
from emseg.remote import RemotePath

_SMALLEST = 16  # pixels on a side, below which an array is taken for a table of numbers
_log = logging.getLogger(__name__)


def open_source(path: Path, fmt: Format) -> OpenFile:
    """Open a store, or what a path inside it names.

    Raises
    ------
    ContentError
        When it is a plate of many images.
    Exception
        Whatever zarr-python raises on what is no store, or has nothing of that path.
    """
    mute("zarr")
    file, inside = split(path)
    if file.is_dir():
        store = AdmittedStore(file) if isinstance(file, RemotePath) else file
        with no_warnings():  # of files in a store that are no part of it
            return _source(file, _opened(file, store, (inside,)), fmt)
    places = _places_in_zip(file, inside)
    zipped = ZipStore(file, mode="r", read_only=True)
    try:
        with no_warnings():
            source = _source(file, _opened(file, zipped, places), fmt)
    except BaseException:
        with suppress(AttributeError):  # what its close raises before anything was read
            zipped.close()
        raise
    return replace(source, close=zipped.close)


def annotation_of(path: Path) -> Annotation | None:
    """Find what emseg wrote into the attributes; None when another program wrote the store.

    Raises
    ------
    Exception
        KeyError, TypeError or ValueError when it was damaged since.
    """
    if not path.is_dir():
        return None
    try:
        said = (path / ".zattrs").read_text(encoding="utf-8")
    except (FileNotFoundError, PathMissingError):
        return None
    return in_attributes(json.loads(said))


def _source(file: Path, place: zarr.Array[Any] | zarr.Group, fmt: Format) -> OpenFile:
    found = tuple(_signals(file, place, _above(place)))
    signals = tuple(
        replace(
            signal,
            notices=(
                *signal.notices,
                *gaps(file, array, allow_external=fmt.allow_external),
            ),
        )
        for signal, array in found
    )
    return OpenFile(signals, ambiguity=_ambiguity(file, signals))


def _above(place: zarr.Array[Any] | zarr.Group) -> zarr.Group | None:
    """Group that holds an array which the user named; xarray keeps coordinates there."""
    if not isinstance(place, zarr.Array) or not place.path.strip("/"):
        return None
    above = place.path.strip("/").rpartition("/")[0]
    with suppress(FileNotFoundError, ValueError):
        return zarr.open_group(place.store, mode="r", path=above)
    return None


def _places_in_zip(file: Path, inside: str) -> tuple[str, ...]:
    """Where a store in a zip file may lie: at its top, or in the one folder that it holds."""
    with ZipFile(file) as archive:
        above = {name.split("/")[0] for name in archive.namelist()}
    return (inside, *(f"{folder}{inside}" for folder in above if len(above) == 1))


def _opened(
    file: Path, store: Path | Store, places: tuple[str, ...]
) -> zarr.Array[Any] | zarr.Group:
    for place in places:
        with suppress(FileNotFoundError):
            return zarr.open(store, mode="r", path=place.strip("/"))
    if places[0]:
        raise ContentError(f"{file} holds nothing at {places[0]}; see emseg info {file}")
    raise UnreadableFileError(
        f"{file} is no Zarr store: it has neither zarr.json nor .zgroup nor .zarray; name the "
        "folder that has"
    )


def _signals(
    file: Path, place: zarr.Array[Any] | zarr.Group, above: zarr.Group | None = None
) -> Iterator[tuple[Signal, str]]:
    """Describe an array, the images of an OME-Zarr group, or all that lies below a group.

    With each signal comes the path of its array in the store.
    """
    if isinstance(place, zarr.Array):
        yield _plain(place, above), place.store_path.path
        return
    said = _said(place)
    if "plate" in said:
        raise ContentError(
            f"{file} is a plate of many images (OME-Zarr HCS); name one of them, as in "
            f"'{file.name}:/A/1/0'"
        )
    images = multiscales_of(said)
    for at, image in enumerate(images):
        array = _full_size(place, image)
        yield _image(place, array, said, image, at), array.store_path.path
    if images:
        return
    for name, child in natsorted(place.members(), key=lambda member: member[0]):
        if isinstance(child, zarr.Group | zarr.Array):
            _log.debug("%s: looking at %s", file, name)
            yield from _signals(file, child, place)


def _said(group: zarr.Group) -> Mapping[str, Any]:
    """Attributes of a group; those of OME-Zarr 0.5 lie under ``ome``."""
    attributes = group.attrs.asdict()
    ome = attributes.get("ome")
    return {**attributes, **ome} if isinstance(ome, Mapping) else attributes


def _full_size(group: zarr.Group, image: Mapping[str, Any]) -> zarr.Array[Any]:
    array = group[str(image["datasets"][0]["path"])]
    if not isinstance(array, zarr.Array):
        raise ValueError(f"{group.name} has no array {image['datasets'][0]['path']}")
    return array


def _image(
    group: zarr.Group,
    array: zarr.Array[Any],
    said: Mapping[str, Any],
    image: Mapping[str, Any],
    at: int,
) -> Signal:
    """Describe the full size of a multiscale image."""
    placed = image_axes(image, array.shape)
    channels = _channel_names(said, {axis.name: axis.size for axis in placed.axes})
    name = str(image.get("name") or group.name.strip("/"))
    signal = replace(_placed(array, placed, SOURCE), name=name, channels=channels)
    return restored(signal, lambda: in_attributes(said)) if at == 0 else signal


def _plain(array: zarr.Array[Any], above: zarr.Group | None) -> Signal:
    """Describe an array of which nobody says that it is an image."""
    return _placed(array, array_axes(array, above), COORDINATES)


def _placed(array: zarr.Array[Any], placed: Placed, source: str) -> Signal:
    return Signal(
        array.name.rstrip("/"),
        placed.axes,
        array.dtype,
        _reader(array),
        PixelSize.of(placed.axes, source),
        refusal=placed.refusal,
        notices=placed.notices,
        is_named=placed.are_named,
        needs=chunk_bytes(array),
        pieces=chunk_of(array),
    )


def _reader(array: zarr.Array[Any]) -> Callable[[Index], NDArray[Any]]:
    array = checked(array)

    def read(index: Index) -> NDArray[Any]:
        return np.asarray(array[index])

    return read


def _channel_names(said: Mapping[str, Any], sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Labels of the channels in the metadata that OMERO brought along; all of them or none."""
    try:
        names = tuple(str(each.get("label") or "") for each in said["omero"]["channels"])
    except (KeyError, TypeError, AttributeError):
        return ()
    return names if all(names) and len(names) == sizes.get("c", 1) else ()


def _ambiguity(file: Path, signals: tuple[Signal, ...]) -> str:
    """Say that plain arrays do not tell which of them is meant."""
    usable = [each for each in signals if not why_not(each)]
    plain = [each.name for each in usable if each.name.startswith("/") and _is_large(each)]
    if len(plain) < 2 or len(plain) < len(usable):
        return ""
    return (
        f"holds {len(plain)} images and does not say which is meant: {listed(plain, most=8)}; "
        f"name one, as in '{file.name}:{plain[0]}', or with --signal {plain[0]}"
    )


def _is_large(signal: Signal) -> bool:
    return min(Layout.of(signal.axes).size) >= _SMALLEST
