"""What OME-Zarr says about the axes of an image, in the dialects of its versions 0.1 to 0.6.

Specification: https://ngff.openmicroscopy.org; coordinate systems of version 0.6:
https://ngff.openmicroscopy.org/rfc/5
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emseg.calibration import Axis
from emseg.reading.signals.axis_names import renamed, roles_of

SOURCE = "the OME-Zarr metadata"
_OLDEST = "tczyx"  # versions 0.1 and 0.2 have these five axes and do not name them
_SAME = ("identity", "translation")


@dataclass(frozen=True, slots=True)
class Placed:
    """The axes of an image, and what the user should know about them.

    Parameters
    ----------
    axes : tuple of Axis
        Called as `Signal` wants them.
    refusal : str
        Why they span no image; empty when they may.
    notices : tuple of str
        Lines about lengths that are not taken.
    are_named : bool
        Whether the file says which axes are y and x.
    """

    axes: tuple[Axis, ...]
    refusal: str = ""
    notices: tuple[str, ...] = ()
    are_named: bool = False

    @classmethod
    def of(
        cls,
        axes: Sequence[Axis],
        notices: tuple[str, ...] = (),
        dtype: np.dtype[Any] | None = None,
    ) -> "Placed":
        """Judge axes by their names, as `roles_of` does."""
        roles = roles_of(axes, dtype)
        said = (*notices, *roles.notices) if dtype is not None else notices
        return cls(renamed(axes, roles.names), roles.refusal, said, roles.are_named)


def multiscales_of(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Images that the attributes of a group describe; malformed ones are left out."""
    listed = said.get("multiscales")
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return []
    return [each for each in listed if isinstance(each, Mapping) and each.get("datasets")]


def image_axes(image: Mapping[str, Any], shape: tuple[int, ...]) -> Placed:
    """Axes of the full size of an image.

    Parameters
    ----------
    image : mapping
        An entry of ``multiscales``.
    shape : tuple of int
        Of its first dataset.
    """
    if image.get("coordinateSystems"):
        said, scales, notices = _in_system(image, len(shape))
    else:
        said = image.get("axes") or list(_OLDEST[-len(shape) :])
        scales, notices = _scales(image, len(shape)), ()
    if len(said) != len(shape):
        raise ValueError(f"its {len(said)} axes do not fit an array of shape {shape}")
    axes = [_axis(each, size, scale) for each, size, scale in zip(said, shape, scales, strict=True)]
    return Placed.of(_spatial_last(axes, said), notices)


def _in_system(
    image: Mapping[str, Any], count: int
) -> tuple[Sequence[Any], list[float | None], tuple[str, ...]]:
    """Axes of the coordinate system of an image, scale of each, and what to say (RFC 5).

    The full size is placed in a system; that may be placed in another one, whose axes have
    units where those of the first have none.
    """
    systems = {str(each.get("name")): each.get("axes") or () for each in image["coordinateSystems"]}
    steps = image["datasets"][0].get("coordinateTransformations") or ()
    here = next((each for each in steps if _place(each.get("output")) in systems), None)
    name = _place(here["output"]) if here else next(iter(systems))
    chain = [here] if here else []
    for each in image.get("coordinateTransformations") or ():
        further = _place(each.get("output"))
        has_units = any(axis.get("unit") for axis in systems[name])
        if chain and not has_units and _place(each.get("input")) == name and further in systems:
            name, chain = further, [*chain, each]
    return systems[name], *_scaled(chain, count)


def _place(said: Any) -> str:
    """Name of a coordinate system, which later drafts wrap: ``{"name": "physical"}``."""
    said = said.get("name") or said.get("path") if isinstance(said, Mapping) else said
    return str(said or "")


def _scaled(
    steps: Sequence[Mapping[str, Any]], count: int
) -> tuple[list[float | None], tuple[str, ...]]:
    """Scale of each axis behind some transformations, and what to say where there is none."""
    scale = [1.0] * count
    for each in _flat(steps):
        factors = _factors(each, count)
        if factors is None:
            return [None] * count, (
                f"places its pixels by a transformation that emseg does not read "
                f"({each.get('type')}), so its pixel size counts as unknown; --pixel-size says "
                "what it is",
            )
        scale = [a * b for a, b in zip(scale, factors, strict=True)]
    return (list(scale) if steps else [None] * count), ()


def _flat(steps: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """List transformations one after the other; a sequence is what it holds."""
    found: list[Mapping[str, Any]] = []
    for each in steps:
        inner = each.get("transformations") if each.get("type") == "sequence" else None
        found += _flat(inner) if inner else [each]
    return found


def _factors(step: Mapping[str, Any], count: int) -> list[float] | None:
    """Scale of each axis in one transformation; None where that turns or bends them."""
    kind, scale, rows = step.get("type"), step.get("scale"), step.get("affine")
    if kind in _SAME:
        return [1.0] * count
    if kind == "scale" and isinstance(scale, Sequence) and len(scale) == count:
        return [float(each) for each in scale]
    if kind == "affine" and isinstance(rows, Sequence) and len(rows) >= count:
        square = [[float(each) for each in row[:count]] for row in rows[:count]]
        off = [abs(row[b]) for a, row in enumerate(square) for b in range(count) if a != b]
        return [row[at] for at, row in enumerate(square)] if not any(off) else None
    return None


def _spatial_last(axes: list[Axis], said: Sequence[Any]) -> list[Axis]:
    """Call the last two axes of space y and x where their names do not say which they are."""
    if roles_of(axes).are_named:
        return axes
    space = [
        at
        for at, each in enumerate(said)
        if isinstance(each, Mapping) and each.get("type") == "space"
    ]
    if len(space) >= 2:
        for at in space:
            axes[at] = replace(axes[at], name="z")
        axes[space[-2]], axes[space[-1]] = (
            replace(axes[at], name=name) for at, name in zip(space[-2:], "yx", strict=True)
        )
    return axes


def _axis(said: Any, size: int, scale: float | None) -> Axis:
    """Describe an axis: a letter in version 0.3, a description with a unit since."""
    if not isinstance(said, Mapping):
        return Axis(str(said), size, scale)
    name = "c" if said.get("type") == "channel" else str(said.get("name", ""))
    unit = said.get("unit")
    return Axis(name, size, scale, 0.0, str(unit) if unit else None)


def _scales(image: Mapping[str, Any], count: int) -> list[float | None]:
    """Scale of each axis: that of the dataset times that of the whole image."""
    own = _scale(image["datasets"][0], count)
    shared = _scale(image, count)
    if own is None and shared is None:
        return [None] * count
    ones = [1.0] * count
    return [a * b for a, b in zip(own or ones, shared or ones, strict=True)]


def _scale(said: Mapping[str, Any], count: int) -> list[float] | None:
    for each in said.get("coordinateTransformations") or ():
        if each.get("type") == "scale" and len(each.get("scale") or ()) == count:
            return [float(step) for step in each["scale"]]
    return None
