"""The way of a micrograph to the network, walked in one place.

::

    Micrograph --> without its bar --> channels --> pixel size --> statistics, polarity, likeness
                                                                         |
                        tile, mirrored at the far edge <-- normalised <--+

Where a network sees neighbouring slices too, each slice walks it by itself, with statistics of its
own, and in the end their channels lie one behind the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.bundle import ModelCard
from emseg.config import Rescale
from emseg.inference.preparing.channels import fit_channels
from emseg.inference.preparing.likeness import look_for_likeness
from emseg.inference.preparing.pixel_size import PixelSizeGuard
from emseg.inference.preparing.polarity import PolarityCheck
from emseg.intensity import IntensityRule, Statistics, joined, measure, normalise
from emseg.micrograph import Micrograph, stacked


@dataclass(frozen=True, slots=True)
class TileRows:
    """Some rows of tiles of a micrograph, of which others are predicted elsewhere.

    Parameters
    ----------
    tile : tuple of int
        Most rows and columns that a tile reads, as they were planned for all of it.
    batch : int
        How many tiles of one shape are asked at once.
    first, stop : int
        Rows of tiles, counted from the top, the last one not included; all by default.
    """

    tile: tuple[int, int]
    batch: int
    first: int = 0
    stop: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A micrograph as a network will see it.

    Parameters
    ----------
    micrograph : Micrograph
        As it was read, with its information bar.
    seen : Micrograph
        Its specimen, with the channels and at the pixel size that the network wants, and with the
        channels of its neighbours where it wants them.
    statistics : Statistics
        Of all that is seen, of each slice by itself.
    rule : IntensityRule
        How it is normalised.
    unlikeness : float or None
        How far it is from the training of the model; up to 1 is as near as that may be.
    part : TileRows or None
        What of it is predicted; None for all.
    """

    micrograph: Micrograph
    seen: Micrograph
    statistics: Statistics
    rule: IntensityRule
    unlikeness: float | None = None
    part: TileRows | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what the network sees, in pixels of the network."""
        return self.seen.size

    @property
    def specimen_size(self) -> tuple[int, int]:
        """Height and width of the specimen in pixels of the file."""
        specimen = self.micrograph.specimen
        return specimen.size if specimen else self.micrograph.size

    @property
    def is_rescaled(self) -> bool:
        """Whether the network sees it at another pixel size than that of the file."""
        return self.size != self.specimen_size

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Read rows as they are in the file, shape (C, rows, X); none past the last."""
        return self.seen.pixels[:, start : min(stop, self.size[0])]

    def normalised(self, pixels: NDArray[Any], height: int, width: int) -> NDArray[np.float32]:
        """Make of pixels, shape (C, Y, X), what the network takes, shape (C, height, width).

        What is missing, past the far edges of the plane, is mirrored.
        """
        values = normalise(pixels, self.statistics, self.rule)
        return mirror_pad(values, height - values.shape[1], width - values.shape[2])

    def cut(self, top: int, left: int, height: int, width: int) -> NDArray[np.float32]:
        """Read a rectangle, normalised; what of it lies past the far edges is mirrored."""
        pixels = self.seen.pixels[:, top : top + height, left : left + width]
        return self.normalised(pixels, height, width)


class Preparing:
    """Prepares micrographs for one model, and tells once what is strange about them.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    rescale : Rescale
        Whether micrographs at another pixel size than the card's are brought to it.
    """

    def __init__(self, card: ModelCard, rescale: Rescale = Rescale.AUTO) -> None:
        self.card = card
        self._guard = PixelSizeGuard(card.pixel_size, rescale)
        self._polarity = PolarityCheck(card)
        self._last: tuple[_Slice, ...] = ()  # of the plane before, which the next one shares

    def seen(self, micrograph: Micrograph) -> Micrograph:
        """Give the specimen of a micrograph the channels and the pixel size of the model.

        Raises
        ------
        MismatchError
            When the channels do not fit the model, or the pixel size is too far from its own.
        """
        return stacked([each.seen for each in self._slices(micrograph)])

    def prepare(self, micrograph: Micrograph) -> Prepared:
        """Look at all of a micrograph once, a band of rows at a time.

        Raises
        ------
        MismatchError
            When the channels do not fit the model, or the pixel size is too far from its own.
        ContentError
            When it holds no number.
        """
        slices = self._slices(micrograph)
        middle = slices[len(slices) // 2]
        self._polarity.look(middle.seen, middle.statistics)
        away = look_for_likeness(middle.seen, middle.statistics, self.card)
        return Prepared(micrograph, *_together(slices), self.card.intensity, away)

    def part(self, micrograph: Micrograph, statistics: Statistics, part: TileRows) -> Prepared:
        """Prepare a part of a micrograph whose statistics another process has measured."""
        return Prepared(
            micrograph, self.seen(micrograph), statistics, self.card.intensity, part=part
        )

    def measured(self, micrograph: Micrograph) -> tuple[Micrograph, Statistics]:
        """Do as `seen`, and measure what is seen; nothing is told about it."""
        return _together(self._slices(micrograph))

    def _slices(self, micrograph: Micrograph) -> "tuple[_Slice, ...]":
        """Prepare a micrograph and its neighbours, as many as the model sees."""
        prepared = {each.key: each for each in self._last}
        slices = []
        for read in _as_many(micrograph.slices, self.card.reading.neighbours):
            key = _key(read)
            if key not in prepared:
                fitted = fit_channels(read.without_bar, self.card.slice_channels)
                prepared[key] = _Slice(read, self._guard.fit(fitted))
            slices.append(prepared[key])
        self._last = tuple(slices) if len(slices) > 1 else ()
        return tuple(slices)


def _as_many(slices: Sequence[Micrograph], neighbours: int) -> list[Micrograph]:
    """Take so many slices on each side of the middle; past the ends the last one is repeated."""
    middle, last = len(slices) // 2, len(slices) - 1
    places = range(middle - neighbours, middle + neighbours + 1)
    return [slices[min(max(0, place), last)] for place in places]


class _Slice:
    """One slice on the way; measured when that is asked for, and once.

    Parameters
    ----------
    read, seen : Micrograph
        As it was read, which keeps its pixels alive, and as the network sees it.
    """

    def __init__(self, read: Micrograph, seen: Micrograph) -> None:
        self._read, self.seen = read, seen

    @property
    def key(self) -> tuple[object, ...]:
        """Tell it from other slices."""
        return _key(self._read)

    @cached_property
    def statistics(self) -> Statistics:
        """Of all that is seen of it."""
        return measure(self.seen)


def _key(read: Micrograph) -> tuple[object, ...]:
    """Tell slices apart, as long as their pixels are kept; the pixels are not compared."""
    said = read.path, read.plane, read.pixel_size, read.specimen, read.is_grey_in_colour
    return id(read.pixels), *said


def _together(slices: Sequence[_Slice]) -> tuple[Micrograph, Statistics]:
    """Lay the channels of slices one behind the other, and what was measured of them."""
    seen = stacked([each.seen for each in slices])
    return seen, joined([each.statistics for each in slices])


def mirror_pad(values: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Mirror rows and columns past the far edges, shape (C, Y, X); any number of them."""
    if rows <= 0 and columns <= 0:
        return values
    return np.pad(values, ((0, 0), (0, max(0, rows)), (0, max(0, columns))), mode="symmetric")
