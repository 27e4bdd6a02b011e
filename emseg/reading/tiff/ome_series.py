"""The planes of an OME-TIFF image, page by page, whichever files of its set hold them.

::

    OME-XML: 2 times, 3 depths      T 0  *  *  *      a recording that was stopped:
                                    T 1  *  .  .      4 of 6 planes are there
"""

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
import tifffile
from numpy.typing import NDArray

from emseg.errors import UnreadableFileError, listed
from emseg.reading.signals.signal import Shared
from emseg.reading.tiff.ome_sets import OmeSet
from emseg.reading.tiff.ome_xml import OmeImage

_EARLY = "it ends early, as a stopped recording or a copy cut short does"
_OPEN = 16  # files of a set that are kept open at a time

Place = tuple[Path, int]
"""A file, and the number of a page in it."""


class Members:
    """The open files of a set; of many, those that were read last."""

    def __init__(self, path: Path, tiff: tifffile.TiffFile) -> None:
        self.path, self._tiff = path, tiff
        self._others: OrderedDict[Path, tifffile.TiffFile] = OrderedDict()
        self._counts: dict[Path, int] = {}

    def count(self, path: Path) -> int:
        """Pages of a file whose pixels are all there; 0 when it is no TIFF file."""
        if path not in self._counts:
            try:
                self._counts[path] = _whole_pages(self._file(path))
            except (tifffile.TiffFileError, OSError):
                self._counts[path] = 0
        return self._counts[path]

    def page(self, place: Place) -> tifffile.TiffPage:
        """Look up a page."""
        page: tifffile.TiffPage = self._file(place[0]).pages[place[1]].aspage()
        return page

    def close(self) -> None:
        """Close all of them."""
        for each in (self._tiff, *self._others.values()):
            each.close()

    def _file(self, path: Path) -> tifffile.TiffFile:
        if path == self.path:
            return self._tiff
        if path not in self._others:
            self._others[path] = tifffile.TiffFile(path)
            if len(self._others) > _OPEN:
                self._others.popitem(last=False)[1].close()
        self._others.move_to_end(path)
        return self._others[path]


@dataclass(frozen=True, slots=True)
class OmePages(Sequence[tifffile.TiffPage]):
    """Pages of an image in the order of its planes; each is looked up when it is asked for."""

    members: Members
    places: tuple[Place, ...]
    key: tifffile.TiffPage

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, at: int) -> tifffile.TiffPage: ...
    @overload
    def __getitem__(self, at: slice) -> list[tifffile.TiffPage]: ...
    def __getitem__(self, at: int | slice) -> tifffile.TiffPage | list[tifffile.TiffPage]:
        if isinstance(at, slice):
            return [self[each] for each in range(len(self))[at]]
        path, number = self.places[at]
        page, key = self.members.page((path, number)), self.key
        if (page.shape, page.dtype) != (key.shape, key.dtype):
            raise UnreadableFileError(
                f"{path}: its page {number} has {_shown(page.shape)} pixels ({page.dtype}) where "
                f"the other planes of its image have {_shown(key.shape)} ({key.dtype}); leave the "
                "file out"
            )
        if page.photometric != key.photometric:
            raise UnreadableFileError(
                f"{path}: the values of its page {number} mean something else "
                f"(tag 262: {int(page.photometric)}) than those of the other planes of its image "
                f"({int(key.photometric)}); leave the file out"
            )
        return page


@dataclass(frozen=True, slots=True)
class OmeSeries:
    """One image of an OME-TIFF set, as far as its planes are there.

    Parameters
    ----------
    image : OmeImage
        What the OME-XML says.
    axes : str
        Letters of the axes, slowest first.
    shape : tuple of int
        Samples along each.
    keyframe : TiffPage
        The first page; the others have its shape and dtype.
    pages : OmePages
        All pages in the order of the leading axes.
    channels : tuple of str
        Names of the channels that are there; may be empty.
    has_depth : bool
        Whether the planes lie at the distance that the XML says.
    notices : tuple of str
        What the user should know about the planes.
    """

    image: OmeImage
    axes: str
    shape: tuple[int, ...]
    keyframe: tifffile.TiffPage
    pages: OmePages
    channels: tuple[str, ...] = ()
    has_depth: bool = True
    notices: tuple[str, ...] = field(default=())
    kind: str = "ome"
    dataoffset: int | None = None
    is_multifile: bool = True

    @property
    def name(self) -> str:
        """What the XML calls the image; may be empty."""
        return self.image.name

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return np.dtype(self.keyframe.dtype)

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


def ome_series(found: OmeSet, members: Members) -> tuple[OmeSeries, ...]:
    """Describe the images of a set that have at least one plane."""
    starts = _implied_starts(found, members)
    made = (_series(each, found, members, start) for each, start in starts)
    series = [each for each in made if each is not None]
    kept: list[OmeSeries] = []
    for each in series:
        before = next((at for at, one in enumerate(kept) if _overlap(one, each)), None)
        if before is None:
            kept.append(each)
        else:
            kept[before] = _one_of_several(kept[before], each)
    return _with_rest(tuple(kept), members)


def _with_rest(series: tuple[OmeSeries, ...], members: Members) -> tuple[OmeSeries, ...]:
    """Say that a file has more pages of this size than its OME-XML speaks of."""
    used = {place for each in series for place in each.pages.places}
    rest = [at for at in range(members.count(members.path)) if (members.path, at) not in used]
    if not series or not rest:
        return series
    first = series[0]
    if members.page((members.path, rest[-1])).shape != first.keyframe.shape:
        return series
    notice = Shared(
        f"has {len(rest)} more page(s) of which its OME-XML does not speak: they are left out",
        "{} more have pages of which their OME-XML does not speak",
    )
    return (replace(first, notices=(*first.notices, notice)), *series[1:])


def _overlap(series: OmeSeries, other: OmeSeries) -> bool:
    """Whether two images say that they lie in the same pages."""
    return not set(series.pages.places).isdisjoint(other.pages.places)


def _one_of_several(series: OmeSeries, other: OmeSeries) -> OmeSeries:
    """Keep one of the images that claim the same pages, and no length on which they differ.

    Programs that save the images of a file one by one copy what is said about all of them.
    """
    steps = dict(series.image.steps.items() & other.image.steps.items())
    is_sized = steps.keys() >= {"x", "y"} or not series.image.steps
    unknown = (
        ""
        if is_sized
        else "; their pixel sizes differ and none is taken, --pixel-size says what it is"
    )
    notice = Shared(
        f"has OME-XML in which several images ({series.name!r}, {other.name!r}) lie in the same "
        f"pages: they are read once{unknown}",
        "{} more have OME-XML of several images in the same pages",
    )
    notices = (
        series.notices
        if any("in the same pages" in each for each in series.notices)
        else (*series.notices, notice)
    )
    return replace(series, image=replace(series.image, steps=steps), notices=notices)


def _implied_starts(found: OmeSet, members: Members) -> Iterator[tuple[OmeImage, int]]:
    """Where images begin that say no page: one behind the other, if that fits the file."""
    sizes = [math.prod(each.grid) for each in found.images]
    implied = [len(each.blocks) == 1 and each.blocks[0].count is None for each in found.images]
    follow = len(sizes) > 1 and all(implied) and len(found.paths) == 1
    follow = follow and sum(sizes) == members.count(found.paths[0])
    for at, image in enumerate(found.images):
        yield image, sum(sizes[:at]) if follow else 0


def _series(image: OmeImage, found: OmeSet, members: Members, start: int) -> OmeSeries | None:
    paths = [found.files[each.file] for each in image.blocks if each.file in found.files]
    first = next((each for each in paths if members.count(each)), None)
    if first is None:
        return None
    grid = _grid(image, members.page((first, 0)))
    places = _places(image, found, members, start, math.prod(grid))
    there = np.array([each is not None for each in places]).reshape(grid)
    kept = _kept(there, image.axes)
    if not kept.size:
        return None
    chosen = tuple(place for at in kept.ravel() if (place := places[at]) is not None)
    key = members.page(chosen[0])
    axes, has_depth = _axes_of(image.axes, kept, grid)
    return OmeSeries(
        image,
        axes + key.axes,
        tuple(size for size in kept.shape if size > 1) + key.shape,
        key,
        OmePages(members, chosen, key),
        _channels(image, kept, grid),
        has_depth,
        _notices(found, image, there, kept, members, chosen),
    )


def _grid(image: OmeImage, key: tifffile.TiffPage) -> tuple[int, ...]:
    """Planes along each axis, where the samples of a page are other than the XML says."""
    stored, grid = key.samplesperpixel, list(image.grid)
    at = image.axes.index("C")
    if image.samples == 1 and stored > 1 and grid[at] % stored == 0:
        grid[at] //= stored
    elif image.samples > 1 and stored == 1:
        grid[at] *= image.samples
    return tuple(grid)


def _places(
    image: OmeImage, found: OmeSet, members: Members, start: int, total: int
) -> list[Place | None]:
    """Where each plane of the grid lies; None where it is not there."""
    places: list[Place | None] = [None] * total
    taken: set[Place] = set()
    for block in image.blocks:
        path = found.files.get(block.file)
        if path is None:
            continue
        first = block.page + start
        there = range(first, members.count(path))
        wanted = total if block.count is None else block.count
        for at, page in enumerate(there[:wanted], block.first):
            if at < total and (path, page) not in taken:  # a page shows one plane
                places[at] = path, page
                taken.add((path, page))
    return places


def _kept(there: NDArray[np.bool_], axes: str) -> NDArray[np.intp]:
    """Numbers of the planes to read, along the axes as far as they fill a grid.

    What is missing all along a slice (a channel, the times after a stop) shortens its axis;
    then planes that lack a channel are left out; what is left fills a grid or becomes one axis.
    """
    channel, numbers = axes.index("C"), np.arange(there.size).reshape(there.shape)
    others = tuple(at for at in range(there.ndim) if at != channel)
    channels = np.flatnonzero(there.any(axis=others))
    there, numbers = there.take(channels, channel), numbers.take(channels, channel)
    whole = there.all(axis=channel)
    if not whole.any():  # no plane has every channel: the channels count as planes
        return numbers[there]
    at = np.nonzero(whole)
    rows, columns = np.unique(at[0]), np.unique(at[1])
    if len(at[0]) == len(rows) * len(columns):
        kept = [rows, columns]
        kept.insert(channel, np.arange(len(channels)))
        return np.asarray(numbers[np.ix_(*kept)])
    return np.asarray(np.moveaxis(numbers, channel, -1)[whole])


def _axes_of(axes: str, kept: NDArray[np.intp], grid: tuple[int, ...]) -> tuple[str, bool]:
    """Letters of the axes that are longer than one, and whether depths are evenly spaced."""
    if kept.ndim == len(grid):
        letters = "".join(each for each, size in zip(axes, kept.shape, strict=True) if size > 1)
        at = axes.index("Z")
        depths = np.unique(np.unravel_index(kept.ravel(), grid)[at])
        return letters, bool((np.diff(depths) == 1).all())
    letters = "I" if kept.ndim == 1 else "IC"
    return "".join(each for each, n in zip(letters, kept.shape, strict=True) if n > 1), False


def _channels(image: OmeImage, kept: NDArray[np.intp], grid: tuple[int, ...]) -> tuple[str, ...]:
    at = image.axes.index("C")
    if len(image.channels) != grid[at]:
        return image.channels
    taken = np.unique(np.unravel_index(kept.ravel(), grid)[at])
    return tuple(image.channels[each] for each in taken)


def _notices(
    found: OmeSet,
    image: OmeImage,
    there: NDArray[np.bool_],
    kept: NDArray[np.intp],
    members: Members,
    chosen: tuple[Place, ...],
) -> tuple[str, ...]:
    """Say that planes come from several files, or that some are not there."""
    files = list(dict.fromkeys(path for path, _ in chosen))
    notices: list[str] = []
    if len(files) > 1:
        others = listed((each.name for each in files if each != members.path), most=3)
        line = (
            f"is read as one stack with {others}: they are {len(files)} files of one OME-TIFF set"
        )
        notices.append(Shared(line, "{} more are one stack of several files each"))
    if kept.size == there.size:
        return tuple(notices)
    names = (each.file for each in image.blocks if each.file not in found.files)
    lost = [each.name or each.uuid for each in names]
    bad = [path.name for path in found.paths if not members.count(path)]
    because = found.why_lost(lost, bad) or _EARLY
    if because == _EARLY and sum(map(members.count, files)) >= there.size:
        because = "it does not say where the others are"
    more = int(there.sum()) - kept.size
    without = f"; {more} more lack a channel and are left out" if more > 0 else ""
    line = f"has {kept.size} of the {there.size} planes that its OME-XML speaks of ({because}): "
    line += f"these are read and counted from 0{without}"
    notices.append(Shared(line, "{} more have fewer planes than their OME-XML speaks of"))
    return tuple(notices)


def _whole_pages(tiff: tifffile.TiffFile) -> int:
    """Pages up to the last whose pixels are all in the file."""
    count, present = len(tiff.pages), tiff.filehandle.size
    while count:
        page = tiff.pages[count - 1]
        ends = (at + n for at, n in zip(page.dataoffsets, page.databytecounts, strict=False))
        if max(ends, default=0) <= present:
            break
        count -= 1
    return count


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
