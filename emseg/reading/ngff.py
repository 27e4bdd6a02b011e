"""What OME-Zarr says about the axes of an image, in the dialects of its versions 0.1 to 0.5.

Specification: https://ngff.openmicroscopy.org
"""

from collections.abc import Mapping, Sequence
from typing import Any

from emseg.calibration import Axis, PixelSize
from emseg.reading.via_numpy import axis_names

SOURCE = "the OME-Zarr metadata"
_OLDEST = "tczyx"  # versions 0.1 and 0.2 have these five axes and do not name them
_SPELLED = {"channel": "c", "channels": "c", "height": "y", "width": "x", "depth": "z", "time": "t"}


def multiscales_of(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Images that the attributes of a group describe; malformed ones are left out."""
    listed = said.get("multiscales")
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return []
    return [each for each in listed if isinstance(each, Mapping) and each.get("datasets")]


def image_axes(image: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[Axis, ...]:
    """Axes of the full size of an image.

    Parameters
    ----------
    image : mapping
        An entry of ``multiscales``.
    shape : tuple of int
        Of its first dataset.
    """
    said = image.get("axes") or list(_OLDEST[-len(shape) :])
    if len(said) != len(shape):
        raise ValueError(f"its {len(said)} axes do not fit an array of shape {shape}")
    scales = _scales(image, len(shape))
    return tuple(
        _axis(each, size, scale) for each, size, scale in zip(said, shape, scales, strict=True)
    )


def array_axes(array: Any) -> tuple[Axis, ...]:
    """Axes of a zarr array by what it calls its dimensions (Zarr 3, xarray), or by its shape."""
    said = getattr(array.metadata, "dimension_names", None) or array.attrs.get(
        "_ARRAY_DIMENSIONS", ()
    )
    names = [_spelled(str(each)) for each in said]
    if len(names) != array.ndim or names.count("y") != 1 or names.count("x") != 1:
        names = list(axis_names(array.shape))
    return tuple(Axis(name, size) for name, size in zip(names, array.shape, strict=True))


def pixel_size_of(axes: Sequence[Axis]) -> PixelSize | None:
    """Pixel size of axes that are lengths."""
    named = {axis.name: axis for axis in axes}
    if "y" not in named or "x" not in named:
        return None
    return PixelSize.from_axes(named["y"], named["x"], SOURCE, named.get("z"))


def _axis(said: Any, size: int, scale: float | None) -> Axis:
    """Describe an axis: a letter in version 0.3, a description with a unit since."""
    if not isinstance(said, Mapping):
        return Axis(_spelled(str(said)), size, scale)
    name = "c" if said.get("type") == "channel" else _spelled(str(said.get("name", "axis")))
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


def _spelled(name: str) -> str:
    return _SPELLED.get(name.lower(), name.lower())
