"""Images that EMD and NeXus mark in an HDF5 file, and what they say about their axes.

EMD of NCEM, of py4DSTEM and of their kin marks groups with ``emd_group_type`` and lays a vector
``dim1``, ``dim2``... (``dim0`` and on from version 1.0) beside the array, in the order in which it
is stored: https://emdatasets.com/format. NeXus marks groups as ``NXdata`` and names the array as
their ``signal``: https://manual.nexusformat.org/classes/base_classes/NXdata.html
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import h5py
import numpy as np

from emseg.calibration import Axis
from emseg.reading.admitting.hdf5_filters import missing_filter
from emseg.reading.microscopes.plugins import dask_array
from emseg.reading.microscopes.via_rosettasciio import signal_of
from emseg.reading.signals.axis_names import roles_of, text_of
from emseg.reading.signals.coordinates import uneven
from emseg.reading.signals.signal import Signal
from emseg.reading.stores.hdf5_axes import Described, describe_axes

_GROUPS = 2000  # that are looked at for marks
_NO_ARRAYS = frozenset({"metadata", "pointlist", "pointlistarray", "root", "file"})
_SCAN = 4  # dimensions of a cube of 4D-STEM
_ENERGIES = frozenset({"ev", "kev"})


def marked_images(opened: h5py.File) -> dict[str, h5py.Dataset]:
    """Arrays that a file marks as images, maps of spectra or scans, by what it calls them."""
    found: list[h5py.Dataset] = []
    seen = 0

    def look(_name: str, place: h5py.Group | h5py.Dataset) -> bool | None:
        nonlocal seen
        seen += 1
        if isinstance(place, h5py.Group):
            found.extend(_emd(place) if "emd_group_type" in place.attrs else _nexus(place))
        return True if seen >= _GROUPS else None

    opened.visititems(look)
    return {each.name: each for each in found}


def signals_of_marked(marked: Mapping[str, h5py.Dataset]) -> tuple[Signal, ...]:
    """Describe marked arrays, each by the name of its group, or by its path where names repeat."""
    signals = [signal_of_marked(each) for each in marked.values()]
    names = [each.name for each in signals]
    return tuple(
        dataclasses.replace(signal, name=dataset.parent.name) if names.count(name) > 1 else signal
        for signal, name, dataset in zip(signals, names, marked.values(), strict=True)
    )


def signal_of_marked(dataset: h5py.Dataset) -> Signal:
    """Describe a marked array with its axes and spectra."""
    said = describe_axes(dataset)
    title = dataset.parent.name.split("/")[-1]
    axes, data = list(said.axes), dask_array().from_array(dataset, dataset.chunks or "auto")
    if _is_turned(dataset, said):
        axes, data = axes[::-1], data.transpose()
    detector = _detector(axes, dataset)
    listed = [
        {
            "name": axis.name,
            "size": axis.size,
            "scale": axis.scale,
            "units": axis.units,
            "navigate": bool(detector) and at not in detector,
        }
        for at, axis in enumerate(axes)
    ]
    kind = "diffraction" if dataset.ndim == _SCAN and _is_cube(dataset) else ""
    said_of = {"General": {"title": title}, "Signal": {"signal_type": kind}}
    found = {"data": data, "axes": listed, "metadata": said_of}
    signal = signal_of(found, said.source)
    return dataclasses.replace(
        signal,
        refusal=missing_filter(dataset) or signal.refusal,
        notices=uneven(title, said.uneven),
    )


def _emd(group: h5py.Group) -> Iterator[h5py.Dataset]:
    if text_of(group.attrs["emd_group_type"]) in _NO_ARRAYS:
        return
    if isinstance(group.get("data"), h5py.Dataset):
        yield group["data"]
        return
    for name, each in group.items():  # py4DSTEM before EMD 1.0: datacube, realslice...
        if isinstance(each, h5py.Dataset) and each.ndim > 1 and not name.startswith("dim"):
            yield each


def _nexus(group: h5py.Group) -> Iterator[h5py.Dataset]:
    if text_of(group.attrs.get("NX_class", "")) != "NXdata" or "signal" not in group.attrs:
        return
    said = group.attrs["signal"]
    name = "data" if isinstance(said, int | np.integer) else text_of(np.ravel(said)[0])
    if isinstance(group.get(name), h5py.Dataset):
        yield group[name]


def is_marked(dataset: h5py.Dataset, said: Described) -> bool:
    """Whether a dataset that the user named is one of `marked_images`, or a map of spectra."""
    if dataset.ndim > 2 and len(_energies(said.axes)) == 1:
        return True
    group = dataset.parent
    arrays = _emd(group) if "emd_group_type" in group.attrs else _nexus(group)
    return any(each == dataset for each in arrays)


def _is_cube(dataset: h5py.Dataset) -> bool:
    """Whether py4DSTEM calls an array a cube of diffraction patterns, whatever its axes say."""
    kind = text_of(dataset.parent.attrs.get("python_class", ""))
    return kind == "DataCube" or "datacube" in dataset.name.split("/")[-2:]


def _is_turned(dataset: h5py.Dataset, said: Described) -> bool:
    """Whether HyperSpy wrote an EMD array without names: it stores the last axis first."""
    return dataset.name.startswith("/signals/") and not roles_of(said.axes).are_named


def _energies(axes: Sequence[Axis]) -> list[int]:
    return [at for at, axis in enumerate(axes) if (axis.units or "").lower() in _ENERGIES]


def _detector(axes: Sequence[Axis], dataset: h5py.Dataset) -> list[int]:
    """Positions of the axes along which a detector counts at each point; empty for images."""
    count, group = len(axes), dataset.parent.attrs
    energies = _energies(axes)
    if len(energies) == 1:
        return energies
    if count == _SCAN and _is_cube(dataset):
        return [2, 3]
    kind = text_of(group.get("interpretation", dataset.attrs.get("interpretation", "")))
    if kind == "spectrum":
        return [count - 1]
    unnamed = [at for at, axis in enumerate(axes) if not axis.name]
    return unnamed if "NX_class" in group and 0 < len(unnamed) < count else []
