"""Finds the pixel size in the tags that makers of microscopes and cameras write into TIFF."""

import gc
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from emseg.reading.microscopes.plugins import file_reader
from emseg.reading.quiet import no_warnings
from emseg.reading.signals.fit import SizeNotice
from emseg.reading.tiff.scale import MALFORMED, StatedScale, Step, TagPlace

_TESCAN = 50431
_FEI_XML = 34683
_FEI = (34680, 34682)
_ZEISS = 34118
_ZEISS_LENGTH = re.compile(r"(\d+(?:[.,]\d*)?(?:[eE][-+]?\d+)?)\s*(\D+)")
_ZEISS_SIZE = re.compile(r"(\d+)\s*\*\s*(\d+)")
_SCAN_OF = {"EBeam": "EScan", "IBeam": "IScan"}
_FEI_TAGS = "the FEI tags"
_ALIKE = 0.01  # share by which two statements of one pixel size may differ

_OTHER_BEAM = SizeNotice(
    "has FEI tags with the pixel size of another beam than the one that made it: none is taken; "
    "--pixel-size says what it is"
)

_Sections = Mapping[str, Any]
_About = tuple[int | None, int | None]


def fei(place: TagPlace) -> StatedScale:
    """PixelWidth and PixelHeight in m, of the scan that made the picture.

    A dual beam has two scans and cameras: ``[Beam]`` says which one it was.
    """
    found = _fei_sections(place)
    image = found.get("Image") or {}
    about = _whole(image.get("ResolutionY")), _whole(image.get("ResolutionX"))
    scans = _scans(found, about)
    if not scans:
        return StatedScale(notices=(_OTHER_BEAM,) if _has_scans(found) else ())
    (name, (y, x)), *others = scans.items()
    other = next((each for each in others if abs(each[1][1] / x - 1) > _ALIKE), None)
    if other is not None:
        return StatedScale(is_final=True, notices=(_contradiction(name, x, other[0], other[1][1]),))
    return StatedScale(_FEI_TAGS, {"y": Step(y, "m"), "x": Step(x, "m")}, about=about)


def _fei_sections(place: TagPlace) -> _Sections:
    said: dict[str, Any] = {}
    for tag in _FEI:
        value = place.tags.valueof(tag)
        said |= value if isinstance(value, dict) else {}
    return said


def _has_scans(found: _Sections) -> bool:
    """Whether there is a pixel size, though of a beam that did not make the picture."""
    return any((found.get(name) or {}).get("PixelWidth") for name in ("EScan", "IScan"))


def _scans(found: _Sections, about: _About) -> dict[str, tuple[float, float]]:
    """Pixel height and width in m by the sections that may have made the picture."""
    names = ("Scan", "EScan", "IScan", "EBeam", "IBeam", "IRBeam")
    stated = ((name, _pixel_of(found.get(name) or {}, about)) for name in names)
    sizes = {name: size for name, size in stated if size is not None}
    beam = found.get("Beam") or {}
    beams = [str(beam[key]) for key in ("Scan", "Beam") if beam.get(key)]
    made = [*beams, *(_SCAN_OF[each] for each in beams if each in _SCAN_OF)]
    made += [each for each, scan in _SCAN_OF.items() if scan in beams]
    taken = [each for each in ("Scan", *made) if each in sizes]
    if taken:
        return {name: sizes[name] for name in taken}
    scanned = {name: size for name, size in sizes.items() if name in ("EScan", "IScan")}
    return {} if made else scanned or sizes


def _pixel_of(section: _Sections, about: _About) -> tuple[float, float] | None:
    """Pixel height and width in m: stated, or the field of view by its pixels."""
    width = section.get("PixelWidth")
    if isinstance(width, float) and width > 0:
        return section.get("PixelHeight") or width, width
    wide, high = section.get("HFW"), section.get("VFW")
    if not isinstance(wide, float) or wide <= 0 or about[1] is None:
        return None
    x = wide / about[1]
    return (high / about[0] if isinstance(high, float) and high > 0 and about[0] else x), x


def _contradiction(name: str, size: float, other: str, larger: float) -> SizeNotice:
    return SizeNotice(
        f"has FEI tags that contradict each other: [{name}] says {size * 1e9:.4g} nm a pixel and "
        f"[{other}] {larger * 1e9:.4g} nm; neither is taken, --pixel-size says what it is"
    )


def _whole(said: Any) -> int | None:
    """Read a number of pixels; None when it is none."""
    return int(said) if isinstance(said, int | float) and said >= 1 else None


def fei_xml(place: TagPlace) -> StatedScale:
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
    high, wide = (next(root.iterfind(f".//{{*}}ImageSize/{{*}}{axis}"), None) for axis in "YX")
    about = _whole(_number(high)), _whole(_number(wide))
    return StatedScale("the Thermo Fisher XML", steps, about=about)


def _number(element: ET.Element | None) -> float | None:
    try:
        return float(element.text or "") if element is not None else None
    except ValueError:
        return None


def zeiss(place: TagPlace) -> StatedScale:
    """`ap_image_pixel_size` is that of the file; the unnamed header has that of a screen.

    The header value and `ap_pixel_size` hold for the 1024 pixels of the screen; an image of
    another width has the same field of view and hence another pixel.
    """
    found = place.tags.valueof(_ZEISS) or {}
    step = _stated(found.get("ap_image_pixel_size", ()))
    if step is None:
        shrunk = 1024 / place.page.imagewidth
        header = found.get("", ())
        screen = (
            Step(float(header[3]), "m")
            if len(header) > 3
            else _stated(found.get("ap_pixel_size", ()))
        )
        step = Step(screen.scale * shrunk, screen.units) if screen else Step(0.0, None)
    stored = _ZEISS_SIZE.search(" ".join(str(each) for each in found.get("dp_image_store", ())))
    about = (int(stored[2]), int(stored[1])) if stored else (None, None)
    return StatedScale("the Zeiss tags", {"y": step, "x": step}, about=about)


def _stated(said: tuple[Any, ...]) -> Step | None:
    """Length of a line such as ``Image Pixel Size = 11.65 nm``, whatever the decimal sign."""
    found = _ZEISS_LENGTH.fullmatch(" ".join(str(each) for each in said[1:]).strip())
    size = float(found[1].replace(",", ".")) if found else 0.0
    return Step(size, found[2]) if found and size > 0 else None


def tescan(place: TagPlace) -> StatedScale:
    """PixelSizeX and PixelSizeY in m, as text inside TESCAN's binary tag."""
    text = bytes(place.tags[_TESCAN].value).decode("latin-1")
    sizes = dict(re.findall(r"PixelSize([XY])\s*=\s*([-+.\deE]+)", text))
    steps = {axis.lower(): Step(float(size), "m") for axis, size in sizes.items()}
    return StatedScale("the TESCAN tags", steps)


def gatan(place: TagPlace) -> StatedScale:
    """DigitalMicrograph writes scales from tag 65009 on, and units from 65003 on."""
    tags = place.tags
    steps = {
        axis: Step(float(tags[scale].value), str(tags[units].value))
        for axis, scale, units in (("x", 65009, 65003), ("y", 65010, 65004), ("z", 65011, 65005))
        if scale in tags and units in tags
    }
    return StatedScale("the Gatan tags", steps)


def tvips(place: TagPlace) -> StatedScale:
    """PixelSizeX and PixelSizeY in nm."""
    said = place.tags[37706].value
    about = _whole(said.get("ImageSizeY")), _whole(said.get("ImageSizeX"))
    steps = _steps(said, "PixelSize{}", "nm")
    return StatedScale("the TVIPS tags", steps, about=about, with_bar=False)


def olympus(place: TagPlace) -> StatedScale:
    """Olympus SIS writes pixelsizex and pixelsizey in m."""
    return StatedScale("the Olympus tags", _steps(place.tags[33560].value, "pixelsize{}", "m"))


def _steps(found: Mapping[str, Any], key: str, units: str) -> dict[str, Step]:
    cased = str.upper if key[0].isupper() else str.lower
    return {axis: Step(float(found[key.format(cased(axis))]), units) for axis in "yx"}


def jeol(place: TagPlace) -> StatedScale:
    """JEOL SightX hides the magnification in XML, which RosettaSciIO understands."""
    if not str(place.tags.valueof("Make", "")).startswith("JEOL"):
        return StatedScale()
    with no_warnings():
        try:
            axes = file_reader("tiff")(str(place.path), lazy=True)[place.number]["axes"]
        except MALFORMED as error:
            error.__traceback__ = None
            gc.collect()  # closes the file that the plugin leaves open
            return StatedScale(is_final=_is_sightx(place))
    names = {"height": "y", "width": "x"}
    steps = {
        names[axis["name"]]: Step(float(axis["scale"]), axis["units"])
        for axis in axes
        if axis["name"] in names
    }
    return StatedScale("the JEOL tags", steps, is_final=_is_sightx(place))


def _is_sightx(place: TagPlace) -> bool:
    """Whether the resolution tags measure the camera, as SightX writes, not the specimen."""
    return "TemReporter" in str(place.tags.valueof("ImageDescription", ""))
