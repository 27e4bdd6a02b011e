"""Makes the channels that a user names out of what a file holds, and images beside it.

`channel_terms` has the grammar. Channels keep the order and the names that were
typed. The micrograph has the smallest type that holds all of its channels: sums of counts stay
unsigned integers, and beside an image of floats they become float64, exact below 2**53.
"""

import dataclasses
import glob
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from emseg.errors import ContentError, did_you_mean, listed
from emseg.micrograph import Micrograph
from emseg.reading import formats
from emseg.reading.choosing.channel_parts import (
    Part,
    Pick,
    file_part,
    image_part,
    joined,
    spectral_part,
)
from emseg.reading.choosing.channel_terms import EnergyWindow, EqualParts, Named, Term
from emseg.reading.choosing.choice import choose, choose_spectra, largest, matching
from emseg.reading.choosing.xray_lines import is_line, line_window
from emseg.reading.inside import file_of
from emseg.reading.signals.layout import why_not
from emseg.reading.signals.signal import OpenFile, Signal
from emseg.reading.signals.spectra import Bins, Spectra

OpenImage = Callable[[Path], Sequence[Micrograph]]
_Windows = list[tuple[str, Bins]]


def with_channels(
    path: Path,
    source: OpenFile,
    terms: tuple[Term, ...],
    wanted: str | None,
    open_image: OpenImage,
) -> OpenFile:
    """Make one signal of the channels that a user names.

    Parameters
    ----------
    path : Path
        The file.
    source : OpenFile
        What it holds.
    terms : tuple
        What the user named, as `parse_channels` reads it.
    wanted : str or None
        Name or number of the image or spectrum image whose channels are meant.
    open_image : callable
        Opens an image in another file.

    Returns
    -------
    OpenFile
        One signal of the axes (t, c, y, x), and what the user should know about it.

    Raises
    ------
    ContentError
        When the file has no such channels, energies or images.
    MismatchError
        When images and maps differ in size by no whole factor.
    UnknownNameError
        When there is no such X-ray line.
    """
    file = _File(path, source.signals, wanted, open_image)
    signal, notices = joined(path, file.picks(terms))
    said = dict.fromkeys(notice for each in source.signals for notice in each.notices)
    notices = (*source.notices, *said, *file.notices, *notices)
    return dataclasses.replace(source, signals=(signal,), notices=notices, ambiguity="")


class _File:
    """What terms mean in one file."""

    def __init__(
        self, path: Path, signals: tuple[Signal, ...], wanted: str | None, open_image: OpenImage
    ) -> None:
        self.path, self.signals, self.wanted = path, signals, wanted
        self.open_image = open_image
        self.notices: tuple[str, ...] = ()

    def picks(self, terms: tuple[Term, ...]) -> list[Pick]:
        """Channels in the order of the terms; the spectra are read once for all windows."""
        found = [self._meant(term) for term in terms]
        windows = [window for each in found if isinstance(each, list) for window in each]
        if not windows:
            return [pick for each in found if isinstance(each, tuple) for pick in each]
        spectra, signal = self._map
        counts = spectral_part(spectra, windows, signal.pixel_size)
        summed = iter([Pick(name, counts, at) for at, name in enumerate(counts.names)])
        return [
            pick
            for each in found
            for pick in (each if isinstance(each, tuple) else [next(summed) for _ in each])
        ]

    def _meant(self, term: Term) -> tuple[Pick, ...] | _Windows:
        if isinstance(term, EnergyWindow):
            return [(term.text, self._bins(term))]
        if isinstance(term, EqualParts):
            spectra, _ = self._map
            return [(spectra.name(bins), bins) for bins in spectra.equal_parts(term.count)]
        return self._named(term)

    def _named(self, term: Named) -> tuple[Pick, ...] | _Windows:
        found = self._channel(term.text) or self._image(term.text)
        if found:
            return found
        if is_line(term.text):
            return [(term.text, self._line(term.text))]
        return self._other_file(term.text)

    @cached_property
    def _map(self) -> tuple[Spectra, Signal]:
        """The spectrum image."""
        chosen = self.signals[choose_spectra(self.path, self.signals, self.wanted)]
        alike = [each for each in self.signals if each.spectra and each.shape == chosen.shape]
        if self.wanted is None and len(alike) > 1:
            self.notices = (
                f"holds {len(alike)} spectrum images of {chosen.shape}; {chosen.name!r} is taken, "
                f"choose another with --signal: {listed(each.name for each in alike)}",
            )
        if chosen.spectra is None:
            raise ContentError(f"{self.path} holds no spectrum image")
        return chosen.spectra, chosen

    def _bins(self, window: EnergyWindow) -> Bins:
        spectra, _ = self._map
        per_unit = spectra.ev_per_unit if window.has_unit else 1.0
        if per_unit is None:
            raise ContentError(
                f"{self.path}: the window {window.text} is in electronvolts, but the axis "
                f"{spectra.range} is not; write it without a unit, or take bins=8"
            )
        low, high = window.low / per_unit, window.high / per_unit
        return spectra.bins(low, high, f"{self.path}: the window {window.text}")

    def _line(self, line: str) -> Bins:
        spectra, _ = self._map
        low, high = line_window(line, spectra.resolution_ev)
        if spectra.ev_per_unit is None:
            raise ContentError(
                f"{self.path}: the X-ray line {line} has an energy, but the axis {spectra.range} "
                "is none; take windows of it, or bins=8"
            )
        shown = f"{self.path}: the X-ray line {line} ({low / 1e3:.4g}-{high / 1e3:.4g} keV)"
        return spectra.bins(low / spectra.ev_per_unit, high / spectra.ev_per_unit, shown)

    @cached_property
    def _base(self) -> Part | None:
        """The image whose channels have numbers; None when the file has no image."""
        at = largest(self.signals)
        if self.wanted is not None:
            named = matching(self.path, self.signals, self.wanted)
            if not any(self.signals[each].spectra for each in named):
                at = choose(self.path, self.signals, self.wanted)
        return None if at is None else image_part(self.signals[at])

    def _channel(self, text: str) -> tuple[Pick, ...]:
        """Find a channel of the image by number or name; empty when none is called so."""
        base = self._base
        names = [name.lower() for name in base.names] if base else []
        if base and text.lower() in names:
            return (Pick(text, base, names.index(text.lower())),)
        if not text.isdecimal():
            return ()
        if base is None or int(text) >= len(names):
            has = f"{len(names)} channel(s), numbered from 0" if base else "no image"
            raise ContentError(
                f"{self.path} has no channel {text}: it has {has}; see emseg info {self.path}"
            )
        return (Pick(text, base, int(text)),)

    def _image(self, text: str) -> tuple[Pick, ...]:
        """Find an image of the same file; of several with one name, that of the size of the map."""
        called = [each for each in self.signals if each.name.lower() == text.lower()]
        images = [each for each in called if not why_not(each)]
        if not images:
            return ()
        maps = [each.spectra.size for each in self.signals if each.spectra]
        parts = [image_part(each) for each in images]
        return _all(text, next((each for each in parts if each.size in maps), parts[0]))

    def _other_file(self, text: str) -> tuple[Pick, ...]:
        """Open an image in another file, relative to the folder of this one."""
        file = file_of(self.path)
        if not (formats.is_known(Path(text)) or set("/*?[") & set(text)):
            raise self._unknown(text)
        pattern = text.replace("{stem}", glob.escape(formats.stem(file)))
        folder = Path(glob.escape(str(file.parent)))
        # pathlib has no glob for a pattern that may be absolute
        found = [Path(each) for each in sorted(glob.glob(str(folder / pattern)))]  # noqa: PTH207
        found = [each for each in found if each.name != file.name and formats.is_known(each)]
        if len(found) != 1:
            fits = (
                f"{len(found)} files ({listed(each.name for each in found)})" if found else "none"
            )
            raise ContentError(
                f"{self.path}: {fits} in its folder fits {text!r} of --channels; name one "
                "that lies beside it, with {stem} for its own name"
            )
        return _all(text, file_part(found[0], self.open_image(found[0])))

    def _unknown(self, text: str) -> ContentError:
        names = [*(self._base.names if self._base else ()), *(each.name for each in self.signals)]
        reasons = [why_not(each) for each in self.signals if each.name.lower() == text.lower()]
        if reasons:
            return ContentError(f"{self.path}: {text!r} of --channels is no image: {reasons[0]}")
        return ContentError(
            f"{self.path} has no channel, image or X-ray line {text!r} for --channels; "
            f"{did_you_mean(text, filter(None, names))}; X-ray lines are written Si_Ka"
        )


def _all(text: str, part: Part) -> tuple[Pick, ...]:
    """All channels of a part; several are told apart by their names or numbers."""
    if len(part.names) == 1:
        return (Pick(text, part, 0),)
    return tuple(Pick(f"{text} {name or at}", part, at) for at, name in enumerate(part.names))
