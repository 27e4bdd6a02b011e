"""What the axes of an HDF5 dataset are, and how large its pixels: a dialect a program.

Names come from ilastik's axis tags, from HDF5's own dimension labels, or from an ``axes``
attribute; distances from what is attached to each axis (HDF5 dimension scales, NeXus), or
from an attribute of the whole dataset.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import h5py
import numpy as np

from emseg.calibration import Axis, PixelSize
from emseg.reading.via_numpy import axis_names

_NO_LENGTH = frozenset("cst")
_ERRORS = (KeyError, ValueError, TypeError, IndexError, AttributeError, OSError)
_SPELLED = {"width": "x", "height": "y", "depth": "z", "channel": "c", "channels": "c"}


def describe_axes(dataset: h5py.Dataset) -> tuple[tuple[Axis, ...], PixelSize | None]:
    """Axes of a dataset in the order in which it is stored, and its pixel size.

    Malformed attributes count as none.

    Parameters
    ----------
    dataset : h5py.Dataset
        Of any rank; one whose values have fields (red, green, blue) gets an axis ``s``.
    """
    names = _names(dataset)
    axes, source = _scaled(dataset, names)
    if dataset.dtype.names:
        axes = (*axes, Axis("s", len(dataset.dtype.names)))
    named = {axis.name: axis for axis in axes}
    if "y" not in named or "x" not in named:
        return axes, None
    return axes, PixelSize.from_axes(named["y"], named["x"], source, named.get("z"))


def _names(dataset: h5py.Dataset) -> tuple[str, ...]:
    """One name for each axis; ``y`` and ``x`` occur once each if the file says so."""
    for look in (_ilastik_names, _dimension_labels, _axes_attribute):
        try:
            names = tuple(_SPELLED.get(each.lower(), each.lower()) for each in look(dataset))
        except _ERRORS:
            continue
        if len(names) == dataset.ndim and names.count("y") == names.count("x") == 1:
            return names
    return tuple(axis_names(dataset.shape))


def _ilastik_names(dataset: h5py.Dataset) -> list[str]:
    """VIGRA's axis tags, which ilastik writes as JSON."""
    return [axis["key"] for axis in json.loads(dataset.attrs["axistags"])["axes"]]


def _dimension_labels(dataset: h5py.Dataset) -> list[str]:
    return [dimension.label for dimension in dataset.dims]


def _axes_attribute(dataset: h5py.Dataset) -> list[str]:
    """``axes`` of the dataset (``"zyx"``), or of the NeXus group that holds it."""
    said = dataset.attrs.get("axes", dataset.parent.attrs.get("axes"))
    return [_text(each) for each in said]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _scaled(dataset: h5py.Dataset, names: Sequence[str]) -> tuple[tuple[Axis, ...], str]:
    """Give each axis its scale and unit from the first place that has lengths."""
    bare = tuple(Axis(name, size) for name, size in zip(names, dataset.shape, strict=True))
    for look in (_attached, _element_size, _resolution):
        try:
            steps, source = look(dataset, bare)
        except _ERRORS:
            continue
        axes = tuple(
            Axis(axis.name, axis.size, *_calibrated(step))
            for axis, step in zip(bare, steps, strict=True)
        )
        if any(axis.step_nm for axis in axes):
            return axes, source
    return bare, ""


_Step = tuple[float, str] | None


def _calibrated(step: _Step) -> tuple[float | None, float, str | None]:
    return (float(step[0]), 0.0, step[1]) if step else (None, 0.0, None)


def _attached(dataset: h5py.Dataset, axes: tuple[Axis, ...]) -> tuple[list[_Step], str]:
    """Positions of the samples of each axis: HDF5 dimension scales, or NeXus axes."""
    named = dataset.parent.attrs.get("axes", ())
    names = [_text(each) for each in named] if len(named) == dataset.ndim else []
    return [_distance(dataset, at, names) for at in range(len(axes))], "the HDF5 dimension scales"


def _distance(dataset: h5py.Dataset, at: int, names: list[str]) -> _Step:
    attached = list(dataset.dims[at].values())
    if not attached and names and names[at] in dataset.parent:
        attached = [dataset.parent[names[at]]]
    if not attached or attached[0].shape != (dataset.shape[at],) or dataset.shape[at] < 2:
        return None
    first, last = float(attached[0][0]), float(attached[0][-1])
    units = attached[0].attrs.get("units", attached[0].attrs.get("unit", ""))
    return (last - first) / (dataset.shape[at] - 1), _text(units)


def _element_size(dataset: h5py.Dataset, axes: tuple[Axis, ...]) -> tuple[list[_Step], str]:
    """``element_size_um`` in the order of the axes: Fiji's HDF5 plugin, ilastik, CARE."""
    sizes = dataset.attrs["element_size_um"]
    return _along(axes, sizes, lambda _: "um"), "the element_size_um attribute"


def _resolution(dataset: h5py.Dataset, axes: tuple[Axis, ...]) -> tuple[list[_Step], str]:
    """``resolution`` or ``voxel_size`` in the order of the axes.

    The volumes of the CREMI challenge and the programs that grew around it store nm and do
    not say so; the source does.
    """
    name = "voxel_size" if "voxel_size" in dataset.attrs else "resolution"
    units = dataset.attrs.get("units", dataset.attrs.get("unit"))
    source = f"the {name} attribute"
    if units is None:
        return _along(axes, dataset.attrs[name], lambda _: "nm"), f"{source}, taken as nm"
    spelled = [_text(each) for each in np.atleast_1d(units)]
    return _along(axes, dataset.attrs[name], lambda at: spelled[at % len(spelled)]), source


def _along(axes: tuple[Axis, ...], sizes: Any, units: Callable[[int], str]) -> list[_Step]:
    """Match sizes with the axes that have a length, or with all axes, counted from the last."""
    numbers = [float(each) for each in np.atleast_1d(sizes)]
    spatial = [at for at, axis in enumerate(axes) if axis.name not in _NO_LENGTH]
    where = list(range(len(axes))) if len(numbers) == len(axes) else spatial
    if len(numbers) < len(where):
        raise ValueError(f"{len(numbers)} sizes for {len(where)} axes")
    surplus = len(numbers) - len(where)
    steps: list[_Step] = [None] * len(axes)
    for at, axis in enumerate(where):
        steps[axis] = (numbers[surplus + at], units(surplus + at))
    return steps
