"""Finds the pixel size of a TIFF series, in the order of how far each place can be trusted.

OME-XML, ImageJ, the makers' own tags, and last the resolution tags, which mostly say only
how large to print.
"""

import gc
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tifffile

from emseg.calibration import Axis, PixelSize, nm_per_unit
from emseg.reading.ome_series import OmeSeries
from emseg.reading.plugins import file_reader
from emseg.reading.print_resolution import LARGEST_NM
from emseg.reading.quiet import no_warnings
from emseg.reading.sidecar import pixel_size_beside

_RESOLUTION_UNITS = {2: "inch", 3: "cm"}  # tag 296 of TIFF 6.0
_TESCAN = 50431
_PRINTED = ("inch", "cm")
_MALFORMED = (
    KeyError, ValueError, TypeError, IndexError, AttributeError, ZeroDivisionError, ET.ParseError,
)  # fmt: skip
_FEI_XML = 34683
_ZEISS_LENGTH = re.compile(r"(\d+(?:[.,]\d*)?(?:[eE][-+]?\d+)?)\s*(\D+)")
_RECIPROCAL = re.compile(r"1\s*/|\^?-1|⁻¹|rad|deg|reciprocal")


Series = tifffile.TiffPageSeries | OmeSeries
"""What a TIFF file holds: pages that tifffile has put together, or the planes of an OME image."""


@dataclass(frozen=True, slots=True)
class Step:
    """Distance between two samples, in the unit of the file."""

    scale: float
    units: str | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a TIFF file says about the scale of one of its series.

    Parameters
    ----------
    source : str
        Where it says so, as a phrase.
    steps : mapping of str to Step
        By axis: ``x``, ``y`` and perhaps ``z``.
    channels : tuple of str
        Channel names, where the file has some.
    is_final : bool
        Whether no other place can know better, although this one gives no length.
    """

    source: str = ""
    steps: Mapping[str, Step] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    is_final: bool = False

    @property
    def is_reciprocal(self) -> bool:
        """Whether the steps are those of a diffraction pattern: 1/nm, nm^-1, mrad."""
        units = (self.steps[axis].units or "" for axis in self.steps if axis in "yx")
        return any(_RECIPROCAL.search(each.lower()) for each in units)

    @property
    def pixel_size(self) -> PixelSize | None:
        """Pixel size in nm; None when the steps are no lengths."""
        axes = {name: Axis(name, 1, s.scale, 0.0, s.units) for name, s in self.steps.items()}
        if "y" not in axes or "x" not in axes:
            return None
        return PixelSize.from_axes(axes["y"], axes["x"], self.source, axes.get("z"))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to look: a series and the file it is in."""

    path: Path
    tiff: tifffile.TiffFile
    series: Series
    number: int

    @property
    def tags(self) -> tifffile.TiffTags:
        return self.series.keyframe.tags


def calibrate(path: Path, tiff: tifffile.TiffFile, series: Series, number: int) -> Calibration:
    """Ask each place in turn; the first that gives a length wins.

    Malformed metadata count as none: a file whose pixels can be read is read.
    """
    place = _Place(path, tiff, series, number)
    channels: tuple[str, ...] = ()
    for look in _PLACES:
        try:
            found = look(place)
        except _MALFORMED:
            continue
        channels = channels or found.channels
        if found.pixel_size is not None or found.is_reciprocal or found.is_final:
            return Calibration(found.source, found.steps, channels)
    return Calibration(channels=channels)


def _ome(place: _Place) -> Calibration:
    """PhysicalSizeX, Y and Z of OME-XML; the unit is µm when none is given."""
    series = place.series
    if not isinstance(series, OmeSeries):
        return Calibration()
    said = {axis: Step(*each) for axis, each in series.image.steps.items()}
    steps = {axis: step for axis, step in said.items() if axis != "z" or series.has_depth}
    return Calibration("OME-XML", steps, series.channels)


def _imagej(place: _Place) -> Calibration:
    """Resolution tags in the unit of ImageJ's description."""
    described = place.tiff.imagej_metadata or {}
    units = described.get("unit")
    y, x = _resolution(place)
    steps = {"y": Step(y, described.get("yunit", units)), "x": Step(x, units)}
    if units in _PRINTED and not _measured(steps):
        return Calibration()
    spacing = described.get("spacing")
    if isinstance(spacing, int | float):
        steps["z"] = Step(float(spacing), described.get("zunit", units))
    return Calibration("the ImageJ description", steps)


def _fei(place: _Place) -> Calibration:
    """PixelWidth and PixelHeight in m, of the scan or of the beam that made it."""
    found = place.tiff.fei_metadata or {}
    for section in ("Scan", "EScan", "IScan", "EBeam", "IBeam"):
        width = (found.get(section) or {}).get("PixelWidth")
        if isinstance(width, float) and width > 0:
            height = found[section].get("PixelHeight") or width
            return Calibration("the FEI tags", {"y": Step(height, "m"), "x": Step(width, "m")})
    beam, image = found["IRBeam"], found["Image"]
    return Calibration(
        "the FEI tags",
        {
            "y": Step(float(beam["VFW"]) / float(image["ResolutionY"]), "m"),
            "x": Step(float(beam["HFW"]) / float(image["ResolutionX"]), "m"),
        },
    )


def _fei_xml(place: _Place) -> Calibration:
    """Newer Thermo Fisher and Phenom instruments write XML, in m or in the unit they name."""
    stored = place.tags[_FEI_XML].value
    text = stored if isinstance(stored, str) else bytes(stored).decode("utf-8", "replace")
    root = ET.fromstring(text[text.index("<") :].strip("\0 \r\n"))
    named = {
        "y": ("PixelSize/{*}Y", "PixelSize/{*}Height", "PixelSize/{*}height", "pixelHeight"),
        "x": ("PixelSize/{*}X", "PixelSize/{*}Width", "PixelSize/{*}width", "pixelWidth"),
    }
    steps = {}
    for axis, paths in named.items():
        found = [each for path in paths for each in root.iterfind(f".//{{*}}{path}")]
        steps[axis] = Step(float(found[0].text or ""), found[0].get("unit", "m"))
    return Calibration("the Thermo Fisher XML", steps)


def _zeiss(place: _Place) -> Calibration:
    """`ap_image_pixel_size` is that of the file; the unnamed header has that of a screen.

    The header value and `ap_pixel_size` hold for the 1024 pixels of the screen; an image of
    another width has the same field of view and hence another pixel.
    """
    found = place.tiff.sem_metadata or {}
    step = _stated(found.get("ap_image_pixel_size", ()))
    if step is None:
        shrunk = 1024 / place.series.keyframe.imagewidth
        header = found.get("", ())
        screen = (
            Step(float(header[3]), "m")
            if len(header) > 3
            else _stated(found.get("ap_pixel_size", ()))
        )
        step = Step(screen.scale * shrunk, screen.units) if screen else Step(0.0, None)
    return Calibration("the Zeiss tags", {"y": step, "x": step})


def _stated(said: tuple[Any, ...]) -> Step | None:
    """Length of a line such as ``Image Pixel Size = 11.65 nm``, whatever the decimal sign."""
    found = _ZEISS_LENGTH.fullmatch(" ".join(str(each) for each in said[1:]).strip())
    size = float(found[1].replace(",", ".")) if found else 0.0
    return Step(size, found[2]) if found and size > 0 else None


def _tescan(place: _Place) -> Calibration:
    """PixelSizeX and PixelSizeY in m, as text inside TESCAN's binary tag."""
    text = bytes(place.tags[_TESCAN].value).decode("latin-1")
    sizes = dict(re.findall(r"PixelSize([XY])\s*=\s*([-+.\deE]+)", text))
    steps = {axis.lower(): Step(float(size), "m") for axis, size in sizes.items()}
    return Calibration("the TESCAN tags", steps)


def _gatan(place: _Place) -> Calibration:
    """DigitalMicrograph writes scales from tag 65009 on, and units from 65003 on."""
    tags = place.tags
    steps = {
        axis: Step(float(tags[scale].value), str(tags[units].value))
        for axis, scale, units in (("x", 65009, 65003), ("y", 65010, 65004), ("z", 65011, 65005))
        if scale in tags and units in tags
    }
    return Calibration("the Gatan tags", steps)


def _tvips(place: _Place) -> Calibration:
    """PixelSizeX and PixelSizeY in nm."""
    return Calibration("the TVIPS tags", _steps(place.tags[37706].value, "PixelSize{}", "nm"))


def _olympus(place: _Place) -> Calibration:
    """Olympus SIS writes pixelsizex and pixelsizey in m."""
    return Calibration("the Olympus tags", _steps(place.tags[33560].value, "pixelsize{}", "m"))


def _steps(found: Mapping[str, Any], key: str, units: str) -> dict[str, Step]:
    cased = str.upper if key[0].isupper() else str.lower
    return {axis: Step(float(found[key.format(cased(axis))]), units) for axis in "yx"}


def _jeol(place: _Place) -> Calibration:
    """JEOL SightX hides the magnification in XML, which RosettaSciIO understands."""
    if not str(place.tags.valueof("Make", "")).startswith("JEOL"):
        return Calibration()
    with no_warnings():
        try:
            axes = file_reader("tiff")(str(place.path), lazy=True)[place.number]["axes"]
        except _MALFORMED as error:
            error.__traceback__ = None
            gc.collect()  # closes the file that the plugin leaves open
            return Calibration(is_final=_is_sightx(place))
    names = {"height": "y", "width": "x"}
    steps = {
        names[axis["name"]]: Step(float(axis["scale"]), axis["units"])
        for axis in axes
        if axis["name"] in names
    }
    return Calibration("the JEOL tags", steps, is_final=_is_sightx(place))


def _is_sightx(place: _Place) -> bool:
    """Whether the resolution tags measure the camera, as SightX writes, not the specimen."""
    return "TemReporter" in str(place.tags.valueof("ImageDescription", ""))


def _beside(place: _Place) -> Calibration:
    """Ask the text file that JEOL, Hitachi and TESCAN instruments write beside a picture."""
    found = pixel_size_beside(place.path, place.series.keyframe.imagewidth)
    if found is None:
        return Calibration()
    return Calibration(found.source, {"y": Step(found.y_nm, "nm"), "x": Step(found.x_nm, "nm")})


def _resolution_tags(place: _Place) -> Calibration:
    """Resolution tags, where they can mean a specimen."""
    units = _RESOLUTION_UNITS.get(int(place.tags.valueof("ResolutionUnit", 1)))
    y, x = _resolution(place)
    steps = {"y": Step(y, units), "x": Step(x, units)}
    return Calibration("the TIFF resolution tags", steps) if _measured(steps) else Calibration()


def _resolution(place: _Place) -> tuple[float, float]:
    """Pixel height and width from YResolution and XResolution, in their unit."""
    (ny, dy), (nx, dx) = place.tags["YResolution"].value, place.tags["XResolution"].value
    return dy / ny, dx / nx


def _measured(steps: Mapping[str, Step]) -> bool:
    """Whether the steps are lengths too small to be a printer's."""
    sizes = [(nm_per_unit(step.units) or 0.0) * step.scale for step in steps.values()]
    return all(0 < size < LARGEST_NM for size in sizes)


_PLACES: tuple[Callable[[_Place], Calibration], ...] = (
    _ome,
    _imagej,
    _fei,
    _fei_xml,
    _zeiss,
    _tescan,
    _gatan,
    _tvips,
    _olympus,
    _jeol,
    _beside,
    _resolution_tags,
)
