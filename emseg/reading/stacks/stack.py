"""Opens files of any format as stacks of micrographs."""

import dataclasses
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.errors import (
    ContentError,
    UnreadableFileError,
)
from emseg.micrograph import Micrograph, Region
from emseg.pixels import LARGE, Pixels, ReadPixels, mapped
from emseg.reading import formats
from emseg.reading.choosing.channel_terms import mentions_spectra, parse_channels
from emseg.reading.choosing.channels import with_channels
from emseg.reading.choosing.choice import choose
from emseg.reading.inside import file_of
from emseg.reading.missing import missing
from emseg.reading.options import ReadOptions
from emseg.reading.pictures import information_bar
from emseg.reading.pictures.colours import RGB, labels_of, without_alpha
from emseg.reading.signals import orientation
from emseg.reading.signals.bands import rows_of, rows_together
from emseg.reading.signals.colour_table import as_mask, as_micrograph
from emseg.reading.signals.fit import plausible, without_said
from emseg.reading.signals.layout import Layout, relabel
from emseg.reading.signals.signal import OpenFile, Signal
from emseg.reading.stacks.held import borrowed
from emseg.reading.stacks.neighbours import read_around, tell_alone
from emseg.reading.stacks.reasons import explained
from emseg.remote import as_path

_log = logging.getLogger(__name__)
_OVERRIDDEN = 1.5  # ratio of pixel sizes beyond which it is no finer calibration
_LARGE = 200_000_000  # bytes of a file that people should know to be read whole


class Planes(Sequence[Micrograph], ABC):
    """Planes that are read when they are asked for."""

    @abstractmethod
    def plane(self, at: int, at_most: int | None = LARGE) -> Micrograph:
        """Read a plane; see `Stack.plane`."""

    @overload
    def __getitem__(self, at: int) -> Micrograph: ...
    @overload
    def __getitem__(self, at: slice) -> list[Micrograph]: ...
    def __getitem__(self, at: int | slice) -> Micrograph | list[Micrograph]:
        if isinstance(at, slice):
            return [self[each] for each in range(len(self))[at]]
        return self.plane(at, None)


class Stack(Planes):
    """The planes of one file; each is read when it is asked for.

    A stack holds no open file, so it can be kept, pickled and sent to other processes; the
    file that a thread read last stays open for its next plane.

    Parameters
    ----------
    path : Path
        The file.
    signals : tuple of Signal
        All signals of the file, of which the largest image is taken, or the one of ``options``.
    options : ReadOptions
        What the user says about the file.

    Raises
    ------
    ContentError
        When no signal of the file is an image, or not the one that is asked for.
    UsageError
        When an option makes no sense.
    """

    def __init__(
        self, path: Path, signals: tuple[Signal, ...], options: ReadOptions | None = None
    ) -> None:
        self.options = options or ReadOptions()
        named = None if self.options.channels is not None else self.options.signal
        chosen = choose(path, signals, named)
        signal = signals[chosen]
        self.path = path
        self.name = formats.stem(path)
        self.pixel_size: PixelSize | None = _calibrated(path, signal, self.options)
        self._chosen = chosen
        self._layout = Layout.of(signal.axes)
        self._dtype, self._rows_together = (
            native(signal.dtype),
            rows_together(signal, self._layout),
        )
        self._tagged = signal.specimen
        self._specimen: Region | None = None
        self._is_searched = False
        self._is_coloured = any(axis.name == "s" for axis in signal.axes)
        self._has_colours = self._is_coloured and self._layout.channel_count >= len(RGB)
        self._channels = signal.channels
        self._palette = signal.palette
        self._orientation = signal.orientation
        self.notices = signal.notices

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a plane in pixels."""
        return self._layout.size

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """Channel names; for a file that stores colours, those of its first plane."""
        return self._plane(0, LARGE).channels if self._is_coloured else self._channels

    def __len__(self) -> int:
        return self._layout.count

    def __repr__(self) -> str:
        height, width = self.size
        return f"<Stack {self.name}: {len(self)} planes of {height} x {width} pixels>"

    def plane(self, at: int, at_most: int | None = LARGE) -> Micrograph:
        """Read a plane, with its neighbours where they are wanted; of large ones no pixel yet.

        Parameters
        ----------
        at : int
            Its position.
        at_most : int or None
            Bytes of memory of a plane, and of its neighbours, that are read at once; None reads
            any. Formats that give no rows without all of them are read at once as well.
        """
        plane, reach = range(len(self))[at], self.options.neighbours
        if not reach:
            return self._plane(plane, at_most)
        if len(self) == 1:
            tell_alone(self.path)
        around = self._layout.around(plane, reach)
        each = None if at_most is None else at_most // len(around)
        return read_around((self, each), around, lambda index: self._plane(index, each))

    def _plane(self, plane: int, at_most: int | None) -> Micrograph:
        pixels, channels = self._colours(self._pixels(plane, at_most))
        first = pixels if plane == 0 else None
        return Micrograph(
            pixels=inverted(pixels) if self.options.invert else pixels,
            name=self.name,
            path=self.path,
            plane=plane if len(self) > 1 else None,
            pixel_size=self.pixel_size,
            channels=channels,
            specimen=self._searched(lambda: self._first(at_most) if first is None else first),
            palette=self._palette,
            is_grey_in_colour=self._has_colours and len(pixels) == 1,
        )

    @property
    def specimen(self) -> Region | None:
        """The part of each plane that shows the specimen; None when every pixel does.

        The first plane is read when only the picture can tell.
        """
        return self._searched(self._first)

    def _searched(self, first: Callable[[], Pixels]) -> Region | None:
        if not self._is_searched:
            self._specimen, self._is_searched = self._without_bar(first), True
        return self._specimen

    @property
    def stated_specimen(self) -> Region | None:
        """The specimen as far as the user, the tags or the file beside say; no pixel is read."""
        chosen = self.options.region(self.size)
        if chosen is not None or self.options.keep_bar:
            return chosen
        if self._tagged is not None:
            return self._tagged
        size = orientation.stored_size(self.size, self._orientation)
        said = information_bar.beside(self.path, size)
        return said and orientation.turned_region(said, size, self._orientation)

    def _without_bar(self, first: Callable[[], Pixels]) -> Region | None:
        """Ask the user, the tags, the file beside, and last the picture."""
        stated = self.stated_specimen
        if self.options.crop is not None or self.options.keep_bar:
            return stated
        found = stated or self.seen_specimen(first)
        if found is not None:
            information_bar.tell(self.path, found, self.size)
        return found

    def seen_specimen(self, read: Callable[[], Pixels]) -> Region | None:
        """Look for an information bar in a plane, as it is shown and as it is stored.

        Parameters
        ----------
        read : callable
            Gives the plane, shape (C, Y, X).
        """
        found = information_bar.in_picture(self.path, self.size, read)
        kind = self._orientation
        if found is not None or kind == 1:
            return found
        size = orientation.stored_size(self.size, kind)
        found = information_bar.in_picture(
            self.path, size, lambda: orientation.as_stored(read(), kind)
        )
        return found and orientation.turned_region(found, size, kind)

    def _first(self, at_most: int | None = LARGE) -> Pixels:
        return self._colours(self._pixels(0, at_most))[0]

    def _pixels(self, plane: int, at_most: int | None) -> Pixels:
        """Pixels of one plane, shape (C, Y, X), in native byte order."""
        shape = self._layout.channel_count, *self.size
        if at_most is None or not self._has_more(at_most):
            return np.array(self._rows(plane, 0, self.size[0], keep=len(self) > 1), order="C")
        read = partial(self._rows, plane, keep=True)
        return ReadPixels(read, shape, self._dtype, self._rows_together)

    def _has_more(self, at_most: int) -> bool:
        """Whether a plane has more bytes, and its rows are worth reading by themselves."""
        (height, width), depth = self.size, self._layout.channel_count * self._dtype.itemsize
        is_by_rows = formats.format_of(self.path).is_lazy and not self.options.as_stored
        return is_by_rows and 2 * self._rows_together <= height and height * width * depth > at_most

    def _rows(self, plane: int, top: int, bottom: int, *, keep: bool) -> NDArray[Any]:
        with explained(self.path), borrowed(self.path, self.options, _open, keep=keep) as source:
            signal = source.signals[self._chosen]
            if signal.shape != self._layout.shape:
                raise UnreadableFileError(f"{self.path} changed while it was read; start again")
            stored = rows_of(signal, self._layout, plane, top, bottom)
            return stored.astype(native(stored.dtype), copy=False)

    def _colours(self, pixels: Pixels) -> tuple[Pixels, tuple[str, ...]]:
        if not self._is_coloured or len(pixels) == 1:
            return pixels, self._channels
        if self.options.as_stored:
            pixels, notice = labels_of(np.asarray(pixels))
            if notice:
                _tell(self.path, notice)
        return without_alpha(pixels)


def _tell(path: Path, notice: str) -> None:
    _log.warning("%s %s", path, notice, extra={"more": getattr(notice, "more", None)})


def open_stack(path: Path, options: ReadOptions | None = None) -> Stack:
    """Open a file as a stack of planes without reading its pixels.

    Parameters
    ----------
    path : Path
        A file, or a folder that is one image (``.zspy``).
    options : ReadOptions or None
        What the user says about the file, where it does not say it or is wrong.

    Raises
    ------
    PathMissingError
        When there is no such file.
    UnreadableFileError
        When it is not what its name says, or is damaged.
    ContentError
        When it holds no image.
    UsageError
        When an option makes no sense.
    """
    path, options = as_path(path), options or ReadOptions()
    with explained(path), _open(path, options) as source:
        axes = options.axes
        if axes and all(len(each.axes) != len(axes.strip()) for each in source.signals):
            raise ContentError(
                f"{path} has no signal of {len(axes.strip())} dimensions for the axes {axes!r}; "
                f"its shapes are {', '.join(str(each.shape) for each in source.signals)}"
            )
        if source.ambiguity and options.signal is None:
            raise ContentError(f"{path} {source.ambiguity}")
        stack = Stack(path, source.signals, options)
        for notice in (*source.notices, *stack.notices, *_too_large(path)):
            _tell(path, notice)
        return stack


@contextmanager
def opened(path: Path, options: ReadOptions | None = None) -> Iterator[OpenFile]:
    """Open a file for the length of a block; what libraries raise becomes one line."""
    path = as_path(path)
    with explained(path), _open(path, options) as source:
        yield source


def _calibrated(path: Path, signal: Signal, options: ReadOptions) -> PixelSize | None:
    """Pixel size of a signal, or what the user says it is; the distance of planes stays."""
    found, given = signal.pixel_size, options.calibration
    if found is None or given is None:
        return given or found
    ratio = max(found.y_nm / given.y_nm, found.x_nm / given.x_nm)
    if not 1 / _OVERRIDDEN < ratio < _OVERRIDDEN:
        _log.warning(
            "%s has a pixel of %s; it is taken as %s",
            path.name,
            found,
            given,
            extra={"more": "the pixel size of {} more is overridden as well"},
        )
    return dataclasses.replace(given, z_nm=found.z_nm)


def native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Say as which type in memory a file is read."""
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")


def inverted(pixels: Pixels) -> Pixels:
    """Swap dark and bright in the same dtype: -v, or the distance from the other end."""
    function = np.negative if pixels.dtype.kind == "f" else np.invert
    return mapped(pixels, function, len(pixels), pixels.dtype)


def _open(path: Path, options: ReadOptions | None = None) -> OpenFile:
    file = file_of(path)
    if not file.exists():
        raise missing(file)
    if file.is_dir() and not formats.is_image_folder(file):
        raise ContentError(f"{file} is a folder and not an image; name the files in it")
    if not (file.is_file() or file.is_dir()):
        raise UnreadableFileError(
            f"{file} is a named pipe, a device or a socket and no file: it would be waited for "
            "without end; write its content into a file"
        )
    if file.is_file() and not file.stat().st_size:
        raise UnreadableFileError(f"{file} is empty (0 bytes); copy it again")
    said = options or ReadOptions()
    terms = parse_channels(said.channels) if said.channels is not None else ()
    fmt = dataclasses.replace(
        formats.format_of(path),
        with_spectra=mentions_spectra(terms),
        with_alpha=said.as_stored,
        allow_external=said.allow_external,
    )
    source = plausible(fmt.open(path))
    if said.pixel_size is not None:
        source = without_said(source)
    try:
        if not source.signals:
            raise UnreadableFileError(
                f"{path} holds nothing that can be read, as a file that was cut short; copy it "
                "again from where it was recorded"
            )
        source = _by_role(source, said)
        if not terms:
            return source
        return with_channels(path, source, terms, said.signal, _open_beside)
    except BaseException:
        source.close()
        raise


def _by_role(source: OpenFile, said: ReadOptions) -> OpenFile:
    """Let values be what they are in a micrograph, or in a mask, and axes what the user says."""
    understood = as_mask if said.as_stored else as_micrograph
    signals = tuple(_with_axes(understood(each), said) for each in source.signals)
    return dataclasses.replace(source, signals=signals)


def _with_axes(signal: Signal, said: ReadOptions) -> Signal:
    if said.axes is not None:
        return relabel(signal, said.axes)
    if said.axes_of_images is None or signal.is_named:
        return signal
    return relabel(signal, said.axes_of_images)


def _open_beside(path: Path) -> Stack:
    """Open an image that is a channel of another file's; its bar is left to that file."""
    return open_stack(path, ReadOptions(keep_bar=True))


def _too_large(path: Path) -> tuple[str, ...]:
    """Say that a large file is not read piece by piece."""
    fmt = formats.format_of(path)
    if fmt.is_lazy or (size := file_of(path).stat().st_size) < _LARGE:
        return ()
    return (
        f"is read whole, {size / 1e6:,.0f} MB: {fmt.name} cannot be read piece by piece; "
        "convert it once if memory is short",
    )
