"""Finds the pixel size of a TIFF series, in the order of how far each place can be trusted.

OME-XML, ImageJ, the makers' own tags, and last the resolution tags, which mostly say only
how large to print.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import inf
from pathlib import Path

import tifffile

from emseg.calibration import nm_per_unit
from emseg.reading.pictures.print_resolution import is_measured, why_not_measured
from emseg.reading.pictures.sidecar import size_beside
from emseg.reading.signals.fit import SizeNotice, misfit, rows_cut, several_sizes
from emseg.reading.tiff import makers
from emseg.reading.tiff.ome_series import OmeSeries
from emseg.reading.tiff.scale import MALFORMED, Series, StatedScale, Step, TagPlace

_RESOLUTION_UNITS = {2: "inch", 3: "cm"}  # tag 296 of TIFF 6.0
_PRINTED = ("inch", "cm")
_EXIF = 34665
_COPY = 0.02  # share by which height and width of a smaller copy may be reduced differently

_Look = Callable[[TagPlace], StatedScale]


def calibrate(path: Path, tiff: tifffile.TiffFile, series: Series, number: int) -> StatedScale:
    """Ask each place in turn; the first that gives a length of this picture wins.

    Malformed metadata count as none: a file whose pixels can be read is read.
    """
    place = TagPlace(path, tiff, series, number, series.keyframe)
    channels: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    if number and _is_smaller_copy(place):
        return StatedScale()
    for look in _PLACES:
        if look is _resolution_tags and notices:
            break  # copied with the tags that are about another picture
        found = _ask(look, place)
        channels = channels or found.channels
        if found.pixel_size is not None or found.is_reciprocal or found.is_final:
            doubt = misfit(place.size, found.about, found.source, with_bar=found.with_bar)
            differ = None if doubt else _several_sizes(look, place, found)
            if differ is not None:
                return StatedScale(channels=channels, notices=(differ,))
            if doubt is None:
                cut = rows_cut(place.size, found.about, found.source)
                told = (*found.notices, cut) if cut else found.notices
                return replace(found, channels=channels, notices=told)
            notices = (*notices, doubt)
        notices = (*notices, *found.notices)
    return StatedScale(channels=channels, notices=notices[:1])


def _ask(look: _Look, place: TagPlace) -> StatedScale:
    try:
        return look(place)
    except MALFORMED:
        return StatedScale()


def _is_smaller_copy(place: TagPlace) -> bool:
    """Whether a series is a thumbnail or a level of a pyramid of the first page.

    Their tags are often copied with the picture, and then its pixel size is not theirs.
    """
    first, page = place.tiff.pages.first, place.page
    if page.is_reduced:
        return True
    high, wide = first.imagelength / page.imagelength, first.imagewidth / page.imagewidth
    tags = [[each.tags.valueof(name) for name in ("XResolution", "YResolution", "ResolutionUnit")]
            for each in (first, page)]  # fmt: skip
    return (
        min(high, wide) >= 1.5
        and abs(high / wide - 1) < _COPY
        and None not in tags[0]
        and tags[0] == tags[1]
    )


def _several_sizes(look: _Look, place: TagPlace, found: StatedScale) -> SizeNotice | None:
    """Say that planes have different pixel sizes; None when they have one."""
    size = found.pixel_size
    if size is None or look not in _OF_PAGES or len(place.series.pages) < 2:
        return None
    others = (each for each in _pages(place.series) if each is not place.page)
    places = (replace(place, page=each) for each in others)
    sizes = [size, *(_ask(look, each).pixel_size or size for each in places)]
    return several_sizes(sizes)


def _pages(series: Series) -> Iterator[tifffile.TiffPage]:
    """Pages of a series with their own tags."""
    for page in series.pages:
        if isinstance(page, tifffile.TiffPage):
            yield page
        elif page is not None and not page.is_virtual:
            yield page.aspage()


def _ome(place: TagPlace) -> StatedScale:
    """PhysicalSizeX, Y and Z of OME-XML; the unit is µm when none is given."""
    series = place.series
    if not isinstance(series, OmeSeries):
        return StatedScale()
    said = series.image.steps
    why = _no_length(said)
    if why:
        notice = SizeNotice(f"has OME-XML {why}: it is not taken; --pixel-size says what it is")
        return StatedScale(channels=series.channels, notices=(notice,))
    steps = {axis: Step(*each) for axis, each in said.items() if axis != "z" or series.has_depth}
    return StatedScale("OME-XML", steps, series.channels, about=series.image.size, with_bar=False)


def _no_length(said: Mapping[str, tuple[float, str]]) -> str:
    """Say why what OME-XML calls a pixel size is none; empty when it may be one."""
    axes = [axis for axis in "yx" if axis in said]
    if len(axes) == 1:
        return f"with the pixel size along {axes[0]} only"
    wrong = next((axis for axis in axes if not 0 < said[axis][0] < inf), None)
    if wrong is None:
        return ""
    size, units = said[wrong]
    return f"in which a pixel is {size:g} {units} along {wrong}, which is no length"


def _imagej(place: TagPlace) -> StatedScale:
    """Resolution tags in the unit of ImageJ's description."""
    described = place.tiff.imagej_metadata or {}
    units = described.get("unit")
    y, x = _resolution(place)
    steps = {"y": Step(y, described.get("yunit", units)), "x": Step(x, units)}
    if units in _PRINTED:
        return _unless_printed(steps, "the ImageJ description")
    spacing = described.get("spacing")
    if isinstance(spacing, int | float):
        steps["z"] = Step(float(spacing), described.get("zunit", units))
    return StatedScale("the ImageJ description", steps)


def _beside(place: TagPlace) -> StatedScale:
    """Ask the text file that JEOL, Hitachi and TESCAN instruments write beside a picture."""
    found, notice = size_beside(place.path, place.size)
    if found is None:
        return StatedScale(notices=(notice,) if notice else ())
    steps = {"y": Step(found.y_nm, "nm"), "x": Step(found.x_nm, "nm")}
    return StatedScale(found.source, steps, notices=(notice,) if notice else ())


def _resolution_tags(place: TagPlace) -> StatedScale:
    """Resolution tags, where they can mean a specimen."""
    units = _RESOLUTION_UNITS.get(int(place.tags.valueof("ResolutionUnit", 1)))
    y, x = _resolution(place)
    found = _unless_printed({"y": Step(y, units), "x": Step(x, units)}, "the TIFF resolution tags")
    exif = place.tags.valueof(_EXIF)
    stated = exif if isinstance(exif, dict) else {}
    about = stated.get("PixelYDimension"), stated.get("PixelXDimension")
    return replace(found, about=about, with_bar=False)


def _resolution(place: TagPlace) -> tuple[float, float]:
    """Pixel height and width from YResolution and XResolution, in their unit."""
    (ny, dy), (nx, dx) = place.tags["YResolution"].value, place.tags["XResolution"].value
    return dy / ny, dx / nx


def _unless_printed(steps: Mapping[str, Step], source: str) -> StatedScale:
    """Take the steps if they are lengths too small to be a printer's or a scanner's."""
    y, x = ((nm_per_unit(steps[axis].units) or 0.0) * steps[axis].scale for axis in "yx")
    if is_measured(y, x):
        return StatedScale(source, steps)
    why = why_not_measured(y, x)
    return StatedScale(notices=(SizeNotice(why),) if why else ())


_PLACES: tuple[_Look, ...] = (
    _ome,
    _imagej,
    makers.fei,
    makers.fei_xml,
    makers.zeiss,
    makers.tescan,
    makers.gatan,
    makers.tvips,
    makers.olympus,
    makers.jeol,
    _beside,
    _resolution_tags,
)
_OF_PAGES = frozenset({*_PLACES} - {_ome, _beside, makers.jeol})  # what each page says itself
