"""Images that a program holds: arrays, and what knows its axes, as hyperspy and xarray do.

No library is imported for them: each is known by what it has.
"""

from functools import partial
from typing import Any

import numpy as np

from emseg.calibration import Axis, PixelSize, parse_pixel_size
from emseg.errors import ContentError
from emseg.micrograph import Micrograph, of_slices
from emseg.pixels import Pixels, ReadPixels
from emseg.reading.options import ReadOptions
from emseg.reading.pictures.colours import without_alpha
from emseg.reading.signals.axis_names import renamed, roles_of
from emseg.reading.signals.bands import rows_of, rows_together
from emseg.reading.signals.layout import Layout, relabel, why_not
from emseg.reading.signals.signal import Signal
from emseg.reading.stacks.stack import Planes, inverted, native

_UNEVEN = 1e-3  # of a step, by which coordinates may differ from evenly spaced ones


class HeldStack(Planes):
    """The planes of an image that a program holds.

    Parameters
    ----------
    image : object
        An array of any kind that has a shape and can be sliced (NumPy, dask, Zarr), a signal of
        hyperspy, or a ``DataArray`` of xarray; of the last two axes and pixel size are taken.
    options : ReadOptions
        What the user says of axes, pixel size and polarity.
    name : str
        What results are called.

    Raises
    ------
    ContentError
        When it is no image.
    UsageError
        When an option makes no sense.
    """

    def __init__(self, image: Any, options: ReadOptions | None = None, name: str = "image") -> None:
        self.options, self.name = options or ReadOptions(), name
        signal, self._is_array = _signal_of(image)
        axes = self.options.axes
        if axes is not None:
            if len(axes.strip()) != len(signal.axes):
                raise ContentError(
                    f"the shape {signal.shape} has {len(signal.axes)} dimensions and the axes "
                    f"{axes!r} name {len(axes.strip())}"
                )
            signal = relabel(signal, axes)
        if reason := why_not(signal):
            raise ContentError(f"what was given is no image: {reason}")
        self._signal, self._layout = signal, Layout.of(signal.axes)
        self._is_coloured = any(axis.name == "s" for axis in signal.axes)
        self.pixel_size = _said(self.options) or PixelSize.of(signal.axes, signal.name)

    def __len__(self) -> int:
        return self._layout.count

    def __repr__(self) -> str:
        height, width = self._layout.size
        return f"<HeldStack {self.name}: {len(self)} planes of {height} x {width} pixels>"

    def plane(self, at: int, _at_most: int | None = None) -> Micrograph:
        """Take a plane, with its neighbours where they are wanted; a lazy array is not computed."""
        around = self._layout.around(range(len(self))[at], self.options.neighbours)
        return of_slices([self._plane(each) for each in around])

    def _plane(self, plane: int) -> Micrograph:
        signal, layout = self._signal, self._layout
        shape = layout.channel_count, *layout.size
        dtype = native(signal.dtype)
        read, together = partial(rows_of, signal, layout, plane), rows_together(signal, layout)
        pixels: Pixels = ReadPixels(read, shape, dtype, together)
        if self._is_array:
            pixels = read(0, layout.size[0]).astype(dtype, copy=False)
        channels = signal.channels
        if self._is_coloured and len(pixels) > 1:
            pixels, channels = without_alpha(pixels)
        return Micrograph(
            pixels=inverted(pixels) if self.options.invert else pixels,
            name=self.name,
            plane=plane if len(self) > 1 else None,
            pixel_size=self.pixel_size,
            channels=channels,
        )


def _said(options: ReadOptions) -> PixelSize | None:
    said = options.pixel_size
    return None if said is None else parse_pixel_size(said, "what was given")


def _signal_of(image: Any) -> tuple[Signal, bool]:
    """Describe an image as a file would be; with whether it is an array in memory."""
    source, data, axes = "the array", image, tuple[Axis, ...]()
    if hasattr(image, "axes_manager"):
        source, data, axes = "hyperspy", image.data, _axes_of_hyperspy(image)
    elif hasattr(image, "dims") and hasattr(image, "coords"):
        source, data, axes = "xarray", image.data, _axes_of_xarray(image)
    if not (hasattr(data, "shape") and hasattr(data, "dtype")):
        data = np.asarray(data)
    shape = tuple(int(each) for each in data.shape)
    axes = axes or tuple(Axis("", size) for size in shape)
    roles = roles_of(axes, data.dtype)
    pieces = _pieces(getattr(data, "chunks", None), len(shape))
    signal = Signal(
        source,
        renamed(axes, roles.names),
        np.dtype(data.dtype),
        lambda index: np.asarray(data[index]),
        refusal=roles.refusal,
        pieces=pieces,
    )
    return signal, isinstance(data, np.ndarray)


def _axes_of_hyperspy(signal: Any) -> tuple[Axis, ...]:
    """Take the axes of a signal in the order of its data."""
    manager = signal.axes_manager
    if manager.signal_dimension != 2:
        raise ContentError(
            f"a signal of {manager.signal_dimension} dimension(s) is no image: give what "
            "as_signal2D makes of it, or a sum over its energies"
        )
    given = (*manager.navigation_axes[::-1], *manager.signal_axes[::-1])
    return tuple(
        Axis(
            _text(each.name) or "",
            each.size,
            getattr(each, "scale", None),
            getattr(each, "offset", 0.0),
            _text(each.units),
        )
        for each in given
    )


def _text(said: Any) -> str | None:
    """Text of a name or unit; what hyperspy leaves undefined is an object."""
    return said if isinstance(said, str) else None


def _axes_of_xarray(image: Any) -> tuple[Axis, ...]:
    """Take the dimensions of a ``DataArray``; a step where its coordinates are evenly spaced."""
    return tuple(
        _axis_of_coordinate(str(name), size, image.coords.get(name))
        for name, size in zip(image.dims, image.shape, strict=True)
    )


def _axis_of_coordinate(name: str, size: int, along: Any) -> Axis:
    units = None if along is None else _text(along.attrs.get("units", along.attrs.get("unit")))
    if units is None or size < 2:
        return Axis(name, size)
    places = np.asarray(along, float)
    steps = np.diff(places)
    is_even = bool(np.all(np.abs(steps - steps.mean()) <= _UNEVEN * abs(steps.mean())))
    return Axis(name, size, float(abs(steps.mean())) if is_even else None, places[0], units)


def _pieces(chunks: Any, count: int) -> tuple[int, ...]:
    """How much of each axis dask and Zarr compute together."""
    if chunks is None or len(chunks) != count:
        return ()
    return tuple(int(max(each) if isinstance(each, tuple) else each) for each in chunks)
