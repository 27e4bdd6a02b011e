"""What a file holds, for a person who asks: no pixel is read unless the range is wanted."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from emseg.reading import formats
from emseg.reading.choosing.choice import choose, describe_signals, largest
from emseg.reading.options import ReadOptions
from emseg.reading.signals.signal import OpenFile, SignalInfo
from emseg.reading.stacks.label_images import LabelDescription, describe_label_images
from emseg.reading.stacks.ranges import ValueRange, value_range
from emseg.reading.stacks.stack import Stack, opened
from emseg.remote import as_path

_WRITTEN = (
    "tiff.via_tifffile",
    "stores.via_hspy",
    "stores.via_zarr",
)  # readers of what emseg writes


@dataclass(frozen=True, slots=True)
class FileContents:
    """What one file holds.

    Parameters
    ----------
    path : Path
        The file, or the folder that is one image.
    format : str
        What people call its format.
    is_lazy : bool
        Whether a plane is read without reading all of the file.
    signals : tuple of SignalInfo
        Every signal, also those that are no images.
    ranges : tuple of ValueRange or None
        One for each signal; all None unless they were asked for.
    labels : LabelDescription or None
        What a label image of emseg says about itself.
    notices : tuple of str
        What the user should know about how the file is understood, a line each.
    """

    path: Path
    format: str
    is_lazy: bool
    signals: tuple[SignalInfo, ...]
    ranges: tuple[ValueRange | None, ...]
    labels: LabelDescription | None = None
    notices: tuple[str, ...] = ()

    @property
    def taken(self) -> SignalInfo | None:
        """The signal that every command takes; None when there is none."""
        return next((each for each in self.signals if each.is_taken), None)


def look_into(
    path: Path, options: ReadOptions | None = None, *, with_ranges: bool = False
) -> FileContents:
    """Say what a file holds.

    Parameters
    ----------
    path : Path
        A file, or a folder that is one image.
    options : ReadOptions or None
        What the user says about the file; changes what is taken and what it is taken for.
    with_ranges : bool
        Read all values of all images for their extremes.

    Raises
    ------
    PathMissingError, UnreadableFileError
        As `open_stack`.
    ContentError
        When the options ask for a signal that the file does not have.
    UsageError
        When an option makes no sense.
    """
    path, options = as_path(path), options or ReadOptions()
    fmt = formats.format_of(path)
    with opened(path, options) as source:
        signals = _signals(path, source, options)
        ranges = tuple(
            value_range(each, whole=not fmt.is_lazy) if with_ranges else None
            for each in source.signals
        )
        taken = taken_of(path, source, options)
        said = source.signals[taken].notices if taken is not None else ()
        notices = (*source.notices, *said, *filter(None, [source.ambiguity]))
    may_be_labels = fmt.reader in _WRITTEN and _could_be_labels(signals)
    labels = describe_label_images(path) if may_be_labels else None
    return FileContents(path, fmt.name, fmt.is_lazy, signals, ranges, labels, notices)


def describe(path: Path, options: ReadOptions | None = None) -> tuple[SignalInfo, ...]:
    """Say what the signals of a file are, without reading its pixels; see `look_into`."""
    return look_into(path, options).signals


def taken_of(path: Path, source: OpenFile, options: ReadOptions) -> int | None:
    """Position of the signal that is taken; None when no image is, and none is named.

    Raises
    ------
    ContentError
        When the options ask for a signal that the file does not have.
    """
    if options.signal is None and (source.ambiguity or largest(source.signals) is None):
        return None
    named = None if options.channels is not None else options.signal  # it names the spectra then
    return choose(path, source.signals, named)


def _signals(path: Path, source: OpenFile, options: ReadOptions) -> tuple[SignalInfo, ...]:
    taken = taken_of(path, source, options)
    return tuple(
        _as_taken(path, source, each, options)
        if at == taken
        else dataclasses.replace(each, is_taken=False)
        for at, each in enumerate(describe_signals(source.signals))
    )


def _as_taken(path: Path, source: OpenFile, info: SignalInfo, options: ReadOptions) -> SignalInfo:
    """Describe the signal that is taken as the options have it taken."""
    stack = Stack(path, source.signals, options)
    return dataclasses.replace(
        info,
        is_taken=True,
        pixel_size=stack.pixel_size,
        channels=stack.channels if options.channels else info.channels,
        specimen=stack.stated_specimen,
    )


def _could_be_labels(signals: tuple[SignalInfo, ...]) -> bool:
    return len(signals) == 1 and signals[0].dtype in ("uint8", "uint16")
