"""What the axes of an HDF5 dataset are, and how large its pixels: a dialect a program.

Names come from ilastik's axis tags, from HDF5's own dimension labels, from an ``axes``
attribute, or from what EMD and NeXus lay beside the dataset; distances from the positions that
are attached to each axis (HDF5 dimension scales, EMD, NeXus), or from an attribute of the whole
dataset.
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from emseg.calibration import Axis, nm_per_unit
from emseg.reading.signals.axis_names import roles_of, spelled, split_names, text_of
from emseg.reading.signals.coordinates import spacing

_NO_LENGTH = frozenset("cst")
_ERRORS = (KeyError, ValueError, TypeError, IndexError, AttributeError, OSError, RuntimeError)
_NAMING = frozenset(
    f"{axis}{said}"
    for axis in ("axis", "axes", "dim", "dims", "dimension", "_array_dimensions")
    for said in ("", "_names", "_labels", "_order")
)


@dataclass(frozen=True, slots=True)
class Described:
    """The axes of a dataset as its file describes them.

    Parameters
    ----------
    axes : tuple of Axis
        In the order in which it is stored, with the names that the file has for them; empty
        names where it has none.
    source : str
        Where their distances come from, as a phrase.
    uneven : tuple of str
        Names of the axes whose samples lie at uneven distances.
    """

    axes: tuple[Axis, ...]
    source: str = ""
    uneven: tuple[str, ...] = ()


def describe_axes(dataset: h5py.Dataset) -> Described:
    """Describe the axes of a dataset of any rank; malformed attributes count as none."""
    positions = [_positions(dataset, at) for at in range(dataset.ndim)]
    axes = tuple(
        Axis(name, size, each.step, 0.0, each.units)
        for name, size, each in zip(_names(dataset), dataset.shape, positions, strict=True)
    )
    uneven = tuple(
        axis.name or f"dimension {at}"
        for at, (axis, each) in enumerate(zip(axes, positions, strict=True))
        if each.is_uneven and nm_per_unit(each.units) is not None
    )
    if uneven or any(axis.step_nm for axis in axes):
        return Described(axes, _attached_source(dataset), uneven)
    for look in (_element_size, _resolution):
        try:
            steps, source = look(dataset, roles_of(axes).names)
        except _ERRORS:
            continue
        sized = tuple(
            dataclasses.replace(axis, scale=step[0], units=step[1]) if step else axis
            for axis, step in zip(axes, steps, strict=True)
        )
        if any(axis.step_nm for axis in sized):
            return Described(sized, source)
    return Described(axes)


def _names(dataset: h5py.Dataset) -> tuple[str, ...]:
    """Take the names from the first place that says y and x once each, or says any."""
    found: list[tuple[str, ...]] = []
    for look in (_ilastik, _labels, _attributes, _nexus, _emd, _hyperspy, _scale_names):
        try:
            names = tuple(each.strip() for each in look(dataset))
        except _ERRORS:
            continue
        if len(names) == dataset.ndim and any(names):
            found.append(names)
    letters = [[spelled(name) for name in names] for names in found]
    named = [at for at, each in enumerate(letters) if each.count("y") == each.count("x") == 1]
    return found[named[0] if named else 0] if found else ("",) * dataset.ndim


def _ilastik(dataset: h5py.Dataset) -> list[str]:
    """VIGRA's axis tags, which ilastik writes as JSON."""
    return [axis["key"] for axis in json.loads(dataset.attrs["axistags"])["axes"]]


def _labels(dataset: h5py.Dataset) -> list[str]:
    """HDF5's labels of dimensions; HDF5 itself may crash on labels of a fixed length."""
    return split_names(dataset.attrs["DIMENSION_LABELS"], dataset.ndim)


def _attributes(dataset: h5py.Dataset) -> list[str]:
    """Look for an attribute of the dataset that names its axes, as text or bytes."""
    called = [name for name in dataset.attrs if name.lower() in _NAMING]
    listed = (split_names(dataset.attrs[name], dataset.ndim) for name in called)
    return next((names for names in listed if names), [])


def _nexus(dataset: h5py.Dataset) -> list[str]:
    """Look at ``axes`` of the group; NeXus may say which axis with ``NAME_indices``."""
    said, names = dataset.parent.attrs, [""] * dataset.ndim
    listed = split_names(said["axes"], dataset.ndim)
    for at, name in enumerate(listed or [text_of(each) for each in np.ravel(said["axes"])]):
        names[int(np.ravel(said.get(f"{name}_indices", at))[0])] = "" if name == "." else name
    return names


def _emd(dataset: h5py.Dataset) -> list[str]:
    return [text_of(_emd_dimension(dataset, at).attrs["name"]) for at in range(dataset.ndim)]


def _emd_dimension(dataset: h5py.Dataset, at: int) -> h5py.Dataset:
    """Positions that EMD lays beside a dataset: ``dim1`` and on, from version 1.0 ``dim0``."""
    group = dataset.parent
    if "emd_group_type" not in group.attrs:
        raise KeyError("emd_group_type")
    return group[f"dim{at if 'dim0' in group else at + 1}"]


def _hyperspy(dataset: h5py.Dataset) -> list[str]:
    return [text_of(_hyperspy_axis(dataset, at)["name"]) for at in range(dataset.ndim)]


def _hyperspy_axis(dataset: h5py.Dataset, at: int) -> h5py.AttributeManager:
    return dataset.parent[f"axis-{at}"].attrs


def _scale_names(dataset: h5py.Dataset) -> list[str]:
    """Names of the scales themselves, where the dimensions have no labels (netCDF)."""
    return [_scale(dataset, at).name.split("/")[-1] for at in range(dataset.ndim)]


@dataclass(frozen=True, slots=True)
class _Positions:
    """What a file says about the places of samples along one axis."""

    step: float | None = None
    units: str | None = None
    is_uneven: bool = False


def _positions(dataset: h5py.Dataset, at: int) -> _Positions:
    for look in (_scale, _nexus_field, _emd_dimension):
        try:
            listed = look(dataset, at)
            sizes = {dataset.shape[at], 2 if look is _emd_dimension else dataset.shape[at]}
            if listed.ndim != 1 or listed.size not in sizes or listed.size < 2:
                continue
            units = text_of(listed.attrs.get("units", listed.attrs.get("unit", "")))
            step = spacing(listed[...])
        except _ERRORS:
            continue
        if look is _emd_dimension:  # "[n_m]" and "n_m" are nm
            units = units.strip("[] ").replace("_", "")
        return _Positions(step, units.strip(), step is None)
    try:
        said = _hyperspy_axis(dataset, at)
        return _Positions(float(said["scale"]), text_of(said["units"]))
    except _ERRORS:
        return _Positions()


def _scale(dataset: h5py.Dataset, at: int) -> h5py.Dataset:
    """First scale that HDF5 says is attached to a dimension, by the attribute that says it."""
    attached = dataset.attrs["DIMENSION_LIST"][at]
    return dataset.file[attached[0]]


def _nexus_field(dataset: h5py.Dataset, at: int) -> h5py.Dataset:
    names = _nexus(dataset) if "axes" in dataset.parent.attrs else _attributes(dataset)
    return dataset.parent[names[at]] if names[at] else None


def _attached_source(dataset: h5py.Dataset) -> str:
    if "emd_group_type" in dataset.parent.attrs:
        return "the EMD axes"
    if "axis-0" in dataset.parent:
        return "the HyperSpy axes"
    is_nexus = text_of(dataset.parent.attrs.get("NX_class", "")) == "NXdata"
    return "the NeXus axes" if is_nexus else "the HDF5 dimension scales"


_Step = tuple[float, str] | None


def _element_size(dataset: h5py.Dataset, names: Sequence[str]) -> tuple[list[_Step], str]:
    """``element_size_um`` in the order of the axes: Fiji's HDF5 plugin, ilastik, CARE."""
    sizes = dataset.attrs["element_size_um"]
    return _along(names, sizes, lambda _: "um"), "the element_size_um attribute"


def _resolution(dataset: h5py.Dataset, names: Sequence[str]) -> tuple[list[_Step], str]:
    """``resolution`` or ``voxel_size`` in the order of the axes.

    The volumes of the CREMI challenge and the programs that grew around it store nm and do
    not say so; the source does.
    """
    name = "voxel_size" if "voxel_size" in dataset.attrs else "resolution"
    units = dataset.attrs.get("units", dataset.attrs.get("unit"))
    source = f"the {name} attribute"
    if units is None:
        return _along(names, dataset.attrs[name], lambda _: "nm"), f"{source}, taken as nm"
    spellings = [text_of(each) for each in np.atleast_1d(units)]
    return _along(names, dataset.attrs[name], lambda at: spellings[at % len(spellings)]), source


def _along(names: Sequence[str], sizes: Any, units: Callable[[int], str]) -> list[_Step]:
    """Match sizes with the axes that have a length, or with all axes, counted from the last."""
    numbers = [float(each) for each in np.atleast_1d(sizes)]
    spatial = [at for at, name in enumerate(names) if name not in _NO_LENGTH]
    where = list(range(len(names))) if len(numbers) == len(names) else spatial
    if len(numbers) < len(where):
        raise ValueError(f"{len(numbers)} sizes for {len(where)} axes")
    surplus = len(numbers) - len(where)
    steps: list[_Step] = [None] * len(names)
    for at, axis in enumerate(where):
        steps[axis] = (numbers[surplus + at], units(surplus + at))
    return steps
