"""How the axes of a signal become planes of (C, Y, X).

A file may store the axes in any order; here a signal of (Z, Y, X, S) is seen::

    axes of the file     z   y   x   s
    planes               *                 plane 3 reads [3, :, :, :]
    a plane                  *   *   *     and is arranged as (s, y, x)
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import Axis, PixelSize
from emseg.errors import UsageError
from emseg.reading.signals.signal import Index, Signal

_CHANNELS = ("c", "s")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which axis of a signal plays which part.

    Parameters
    ----------
    shape : tuple of int
        Of the signal.
    planes : tuple of int
        Positions of the axes that count planes, slowest first.
    channels : tuple of int
        Positions of the axes whose samples are channels.
    y, x : int
        Positions of the axes that span a plane.
    depth : int or None
        Position of the axis along which planes are neighbours: of those with several planes that
        which is called z, else the fastest; None where there is one plane.
    """

    shape: tuple[int, ...]
    planes: tuple[int, ...]
    channels: tuple[int, ...]
    y: int
    x: int
    depth: int | None = None

    @classmethod
    def of(cls, axes: tuple[Axis, ...]) -> "Layout":
        """Layout of axes among which ``y`` and ``x`` occur once each."""
        names = [axis.name for axis in axes]
        y, x = names.index("y"), names.index("x")
        channels = tuple(at for at, name in enumerate(names) if name in _CHANNELS)
        planes = tuple(at for at in range(len(names)) if at not in (y, x, *channels))
        several = [at for at in planes if axes[at].size > 1]
        depth = max(several, key=lambda at: (names[at] == "z", at), default=None)
        return cls(tuple(axis.size for axis in axes), planes, channels, y, x, depth)

    @property
    def count(self) -> int:
        """Number of planes."""
        return math.prod(self.shape[at] for at in self.planes)

    @property
    def channel_count(self) -> int:
        """Number of channels of a plane."""
        return math.prod(self.shape[at] for at in self.channels)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.shape[self.y], self.shape[self.x]

    def index(self, plane: int) -> Index:
        """Say what to ask the reader for to get one plane."""
        index: list[int | slice] = [slice(None)] * len(self.shape)
        where = np.unravel_index(plane, [self.shape[at] for at in self.planes])
        for at, position in zip(self.planes, where, strict=True):
            index[at] = int(position)
        return tuple(index)

    def around(self, plane: int, reach: int) -> list[int]:
        """Give the numbers of a plane and of those before and after it, ``reach`` on each side.

        Past the ends of the stack its last plane there is repeated::

            planes of the stack      0 1 2 3 4
            around 1, reach 2    0 0 1 2 3
        """
        if self.depth is None:
            return [plane] * (2 * reach + 1)
        sizes = [self.shape[at] for at in self.planes]
        axis = self.planes.index(self.depth)
        where = [int(each) for each in np.unravel_index(plane, sizes)]
        places = np.clip(where[axis] + np.arange(-reach, reach + 1), 0, sizes[axis] - 1)
        index = [places if at == axis else np.full_like(places, n) for at, n in enumerate(where)]
        return [int(each) for each in np.ravel_multi_index(index, sizes)]

    def arrange(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Bring one plane as it was read into the order (C, Y, X)."""
        kept = [at for at in range(len(self.shape)) if at not in self.planes]
        order = [kept.index(at) for at in (*self.channels, self.y, self.x)]
        return plane.transpose(order).reshape(self.channel_count, *self.size)


def why_not(signal: Signal) -> str:
    """Say why emseg can read no image from a signal; empty when it can."""
    names = [axis.name for axis in signal.axes]
    if signal.dtype.kind == "c":
        return "its values are complex (save their modulus or phase as an image)"
    if signal.dtype.kind not in "biuf":
        return f"its values ({signal.dtype}) are no numbers"
    if signal.refusal:
        return signal.refusal
    if names.count("y") != 1 or names.count("x") != 1:
        return f"it has {_dimensions(signal)} and no image plane"
    layout = Layout.of(signal.axes)
    height, width = layout.size
    if min(height, width) < 2 or not layout.count * layout.channel_count:
        return f"a plane of {height} x {width} pixels is no image"
    return ""


def relabel(signal: Signal, axes: str) -> Signal:
    """Give a signal the axes that a user says it has.

    Parameters
    ----------
    signal : Signal
        As the file describes it.
    axes : str
        One letter a dimension: Y and X once each, C for channels, any other for planes.

    Raises
    ------
    UsageError
        When the letters name no plane.
    """
    names = axes.strip().lower()
    if names.count("y") != 1 or names.count("x") != 1 or not names.isalpha():
        raise UsageError(
            f"the axes {axes!r} name no plane; give one letter a dimension with Y and X once "
            "each, such as ZYX or YXC"
        )
    if len(names) != len(signal.axes):
        return signal
    renamed = tuple(
        dataclasses.replace(axis, name=name) for axis, name in zip(signal.axes, names, strict=True)
    )
    size = _size_of(renamed, signal)
    notices = tuple(each for each in signal.notices if "--axes" not in each)  # it was followed
    return dataclasses.replace(signal, axes=renamed, pixel_size=size, refusal="", notices=notices)


def _size_of(axes: tuple[Axis, ...], signal: Signal) -> PixelSize | None:
    """Pixel size of renamed axes: each axis keeps its length, whatever it is called."""
    said = signal.pixel_size
    before, after = ([axis.name for axis in each] for each in (signal.axes, axes))
    stays = all(name in before and before.index(name) == after.index(name) for name in "yx")
    if said is not None and stays:
        return said
    y, x = (axes[after.index(name)] for name in "yx")
    z = axes[after.index("z")] if "z" in after else None
    source = said.source if said else "the axes of the file"
    return PixelSize.from_axes(y, x, source, z) or said


def _dimensions(signal: Signal) -> str:
    count = len(signal.axes)
    return "one dimension" if count == 1 else f"{count} dimensions"
