"""What a plain Zarr array says about its axes: names of dimensions, and xarray's coordinates."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import zarr

from emseg.calibration import Axis, nm_per_unit
from emseg.reading.signals.axis_names import split_names, text_of
from emseg.reading.signals.coordinates import spacing, uneven
from emseg.reading.stores.ngff import Placed

SOURCE = "the coordinates in the Zarr store"
_NAMING = ("_ARRAY_DIMENSIONS", "dimension_names", "axes", "dims")


def array_axes(array: zarr.Array[Any], siblings: zarr.Group | None) -> Placed:
    """Axes of an array that no OME-Zarr metadata describe.

    Parameters
    ----------
    array : zarr.Array
        Named by Zarr 3's ``dimension_names``, xarray's ``_ARRAY_DIMENSIONS`` or ``axes``.
    siblings : zarr.Group or None
        The group that holds it, in which xarray keeps the positions of samples under the name of
        each dimension.
    """
    names = _names(array)
    axes, bent = [], []
    for name, size in zip(names, array.shape, strict=True):
        step, units, is_uneven = _coordinate(siblings, name, size)
        axes.append(Axis(name, size, step, 0.0, units))
        bent += [name] if is_uneven and nm_per_unit(units) is not None else []
    return Placed.of(axes, uneven(array.name.strip("/"), bent), array.dtype)


def _names(array: zarr.Array[Any]) -> Sequence[str]:
    listed = [getattr(array.metadata, "dimension_names", None)]
    listed += [array.attrs.get(name) for name in _NAMING]
    for said in listed:
        names = split_names(said, array.ndim) if said else []
        if names:
            return ["" if name == "None" else name for name in names]
    return [""] * array.ndim


def _coordinate(
    siblings: zarr.Group | None, name: str, size: int
) -> tuple[float | None, str | None, bool]:
    """Step and unit of a dimension by its positions; the last says that these are uneven."""
    found = siblings.get(name) if siblings is not None and name else None
    if not isinstance(found, zarr.Array) or found.shape != (size,) or size < 2:
        return None, None, False
    units = found.attrs.get("units") or found.attrs.get("unit") or ""
    if found.dtype.kind not in "iuf":
        return None, text_of(units), False
    step = spacing(np.asarray(found[...]))
    return step, text_of(units), step is None
