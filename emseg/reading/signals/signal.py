"""What a reader hands over: the signals of one file, described but not yet read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import Axis, PixelSize
from emseg.micrograph import Region
from emseg.reading.signals.spectra import Spectra

Index = tuple[int | slice, ...]


def _nothing() -> None:
    """Close a source that holds nothing open."""


class Shared(str):
    """A notice that holds for many files of a set: told of the first, counted of the rest.

    Parameters
    ----------
    line : str
        What the user should know.
    more : str
        What is told at the end about the others, with ``{}`` for their number.
    """

    __slots__ = ("more",)
    more: str

    def __new__(cls, line: str, more: str) -> Self:
        """Make the line, and keep what is told about the others."""
        made = super().__new__(cls, line)
        made.more = more
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        """Say what a copy in another process is made of."""
        return str(self), self.more


@dataclass(frozen=True, slots=True)
class Signal:
    """One array of a file, in the order in which the file stores its axes.

    Parameters
    ----------
    name : str
        What the file calls it; empty when it has no name.
    axes : tuple of Axis
        One axis a dimension. ``y`` and ``x`` span a plane, ``c`` are channels, ``s`` the
        colour samples of a pixel (red, green, blue, perhaps alpha); any other axis counts
        planes.
    dtype : dtype
        Of the stored values.
    read : callable
        Takes one integer or slice for each axis and returns those values.
    pixel_size : PixelSize or None
        None when unknown.
    channels : tuple of str
        A name for each channel; empty when the file names none.
    refusal : str
        Why the reader knows that this is no image; empty when it may be one.
    specimen : Region or None
        The part of each plane that shows the specimen, where the file says that the rest is
        an information bar.
    spectra : Spectra or None
        What channels can be made of, where the signal is a spectrum image.
    palette : array of uint8, shape (K, 3), or None
        The colour table of which the values are indices.
    orientation : int
        How it was turned on reading: 1 is not at all, 2 to 8 as `orientation` says.
    notices : tuple of str
        What the user should know about it where it is the signal that is taken.
    is_named : bool
        Whether the file says which axes are y and x.
    needs : int
        Bytes of memory that reading any part of it takes, beyond the values that are asked for:
        a picture that is decoded whole, a chunk, a tile.
    pieces : tuple of int
        Samples along each axis that are decoded together; empty when any part is read alone.
    """

    name: str
    axes: tuple[Axis, ...]
    dtype: np.dtype[Any]
    read: Callable[[Index], NDArray[Any]]
    pixel_size: PixelSize | None = None
    channels: tuple[str, ...] = ()
    refusal: str = ""
    specimen: Region | None = None
    spectra: Spectra | None = None
    palette: NDArray[np.uint8] | None = None
    orientation: int = 1
    notices: tuple[str, ...] = ()
    is_named: bool = False
    needs: int = 0
    pieces: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of samples along each axis."""
        return tuple(axis.size for axis in self.axes)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An open file; a context manager that closes it.

    Parameters
    ----------
    signals : tuple of Signal
        All that the file holds.
    close : callable
        Closes the file.
    notices : tuple of str
        What the user should know about how the file was understood, a line each.
    ambiguity : str
        Why none of several images is taken unless the user names one; empty when the largest
        is.
    """

    signals: tuple[Signal, ...]
    close: Callable[[], None] = field(default=_nothing)
    notices: tuple[str, ...] = ()
    ambiguity: str = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class SignalInfo:
    """What a person wants to know about one signal of a file.

    Parameters
    ----------
    name : str
        What the file calls it; empty when it has no name.
    axes : tuple of Axis
        In the order of the file.
    shape : tuple of int
        Number of samples along each axis.
    dtype : str
        Of the stored values: ``"uint16"``.
    pixel_size : PixelSize or None
        None when unknown.
    usable : bool
        Whether emseg can read images from it.
    reason : str
        Why it is not usable; empty otherwise.
    is_taken : bool
        Whether this is the signal that `open_stack` takes.
    specimen : Region or None
        The part that shows the specimen, as far as the tags, the text file beside the picture or
        the user say; no pixel is read for it.
    """

    name: str
    axes: tuple[Axis, ...]
    shape: tuple[int, ...]
    dtype: str
    pixel_size: PixelSize | None
    usable: bool
    reason: str
    is_taken: bool = False
    channels: tuple[str, ...] = ()
    specimen: Region | None = None

    @property
    def sizes(self) -> str:
        """Sizes, in which height and width have no name unless they come the other way round.

        ``4 z × 8 × 9``, but ``9 x × 8 y``.
        """
        names = [axis.name for axis in self.axes]
        is_turned = {"y", "x"} <= set(names) and names.index("x") < names.index("y")
        unnamed = () if is_turned else ("y", "x")
        return " × ".join(
            colours_of(size) if name == "s" else f"{size}" if name in unnamed else f"{size} {name}"
            for size, name in zip(self.shape, names, strict=True)
        )


def colours_of(samples: int) -> str:
    """Name an axis of colours by its length."""
    return {3: "rgb", 4: "rgba"}.get(samples, "colours")
