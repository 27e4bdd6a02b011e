"""Axes, units and pixel sizes: the one place where a length becomes nanometres."""

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

from emseg.errors import UsageError

_SHORTEST_NM, _LONGEST_NM = 1e-9, 1e12  # beyond both no micrograph has a length
_NM_PER_UNIT = {
    "m": 1e9,
    "cm": 1e7,
    "mm": 1e6,
    "um": 1e3,
    "nm": 1.0,
    "pm": 1e-3,
    "fm": 1e-6,
    "angstrom": 0.1,
    "inch": 2.54e7,
}
_SPELLED = {  # what is no ASCII also as ImageJ escapes it
    "m": "meter metre meters metres",
    "mm": "millimeter millimetre millimeters millimetres",
    "cm": "centimeter centimetre centimeters centimetres",
    # the micro sign and the Greek letter look the same
    "um": "µm μm u_m µ μ \\u00b5m \\u03bcm "
    "micron microns micrometer micrometre micrometers micrometres",
    "nm": "n_m nanometer nanometre nanometers nanometres",
    "pm": "p_m picometer picometre picometers picometres",
    "fm": "femtometer femtometre",
    "angstrom": "å a ang angstroms ångström ångstrom \\u00c5",
    "inch": "in",
}
_SPELLINGS = {each: unit for unit, known in _SPELLED.items() for each in known.split()}
_EACH_PIXEL = re.compile(r"\s*(?:/|\bper\b)\s*(?:px|pix|pixels?)$")
_RECIPROCAL = re.compile(r"^\[?1\s*/|-\s*1\b|⁻¹|\bm?rad\b|\bradians?\b")


def nm_per_unit(units: str | None) -> float | None:
    """Nanometres in one of the given length unit.

    Parameters
    ----------
    units : str or None
        A spelling as found in files: ``nm``, ``n_m``, ``µm``, ``um``, ``Å``, ``m``...

    Returns
    -------
    float or None
        None when the unit is missing or is no length (``1/nm``, ``px``, ``[]``).
    """
    if units is None:
        return None
    spelled = _EACH_PIXEL.sub("", unicodedata.normalize("NFC", units).strip().lower())
    if spelled.startswith("[") and spelled.endswith("]"):  # EMD: [n_m]
        spelled = spelled[1:-1].strip()
    return _NM_PER_UNIT.get(_SPELLINGS.get(spelled, spelled))


def is_reciprocal(units: str | None) -> bool:
    """Whether a unit is that of a diffraction pattern: ``1/nm``, ``A^-1``, ``[n_m^-1]``, mrad."""
    return units is not None and bool(_RECIPROCAL.search(units.strip().lower()))


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a signal as its file describes it.

    Parameters
    ----------
    name : str
        ``"y"``, ``"x"``, ``"z"``, ``"c"`` or whatever the file says.
    size : int
        Number of samples.
    scale : float or None
        Distance between two samples in ``units``; None when unknown.
    offset : float
        Position of the first sample in ``units``.
    units : str or None
        Unit as the file spells it.
    """

    name: str
    size: int
    scale: float | None = None
    offset: float = 0.0
    units: str | None = None

    @property
    def step_nm(self) -> float | None:
        """Distance between two samples in nm, or None when it is unknown or no length."""
        factor = nm_per_unit(self.units)
        if factor is None or self.scale is None:
            return None
        step = abs(self.scale) * factor
        return step if _SHORTEST_NM <= step <= _LONGEST_NM else None


@dataclass(frozen=True, slots=True)
class PixelSize:
    """How large a pixel is, and how we know.

    Parameters
    ----------
    y_nm, x_nm : float
        Height and width of a pixel in nanometres, positive and finite.
    source : str
        Where the number comes from, as a phrase: ``"the Gatan tags"``.
    z_nm : float or None
        Distance between the planes of a stack in nanometres.

    Raises
    ------
    ValueError
        When a size is not a positive finite number.
    """

    y_nm: float
    x_nm: float
    source: str
    z_nm: float | None = None

    def __post_init__(self) -> None:
        for size in (self.y_nm, self.x_nm, self.z_nm):
            if size is not None and not (math.isfinite(size) and size > 0):
                raise ValueError(f"a pixel size must be a positive length, not {size} nm")

    @classmethod
    def from_axes(cls, y: Axis, x: Axis, source: str, z: Axis | None = None) -> Self | None:
        """Pixel size of two spatial axes; None unless both are calibrated lengths."""
        if y.step_nm is None or x.step_nm is None:
            return None
        return cls(y.step_nm, x.step_nm, source, z.step_nm if z else None)

    @classmethod
    def of(cls, axes: Iterable[Axis], source: str) -> Self | None:
        """Pixel size of axes among which y, x and perhaps z are found by their names."""
        named = {axis.name: axis for axis in axes}
        if "y" not in named or "x" not in named:
            return None
        return cls.from_axes(named["y"], named["x"], source, named.get("z"))

    @property
    def area_nm2(self) -> float:
        """Area of a pixel in nm²."""
        return self.y_nm * self.x_nm

    @property
    def is_square(self) -> bool:
        """Whether height and width agree to one part in a thousand."""
        return math.isclose(self.y_nm, self.x_nm, rel_tol=1e-3)

    def __str__(self) -> str:
        if self.is_square:
            return f"{self.x_nm:.4g} nm, from {self.source}"
        return f"{self.y_nm:.4g} x {self.x_nm:.4g} nm (y, x), from {self.source}"


_LENGTH = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(.*)", re.IGNORECASE)


def parse_pixel_size(text: str, source: str = "--pixel-size") -> PixelSize:
    """Read a pixel size that a user typed.

    Parameters
    ----------
    text : str
        ``"1.9nm"``, ``"12 Å"``, ``"0.02 um"``; height and width with a comma between them where
        they differ: ``"4nm,5nm"``.
    source : str
        Who says so.

    Raises
    ------
    UsageError
        When it is no positive length with a unit.
    """
    sizes = [_length_nm(part) for part in text.split(",")]
    if len(sizes) > 2 or None in sizes:
        raise UsageError(
            f"{text!r} is no pixel size; write a length with its unit, as in 1.9nm, or height and "
            "width, as in 4nm,5nm"
        )
    y, x = (sizes[0], sizes[-1])
    return PixelSize(float(y or 0), float(x or 0), source)


def _length_nm(text: str) -> float | None:
    """Length in nm; None when the text is no positive length with a unit."""
    found = _LENGTH.fullmatch(text.strip())
    factor = nm_per_unit(found[2]) if found else None
    if found is None or factor is None:
        return None
    length = float(found[1]) * factor
    return length if _SHORTEST_NM <= length <= _LONGEST_NM else None


@dataclass(frozen=True, slots=True)
class Distance:
    """A length in an image, as a user wants it.

    Parameters
    ----------
    value : float
        Positive.
    unit : {"nm", "px"}
        Pixels where a pixel size is not known, or does not matter.
    """

    value: float
    unit: Literal["nm", "px"]

    def __str__(self) -> str:
        return f"{self.value:.4g} {self.unit}"


def parse_distance(text: str) -> Distance:
    """Read a distance that a user typed.

    Parameters
    ----------
    text : str
        ``"5nm"``, ``"0.1 um"``, or ``"3px"`` for pixels.

    Raises
    ------
    UsageError
        When it is no positive length with a unit.
    """
    found = _LENGTH.fullmatch(text.strip())
    if found and found[2].strip().lower() in ("px", "pixel", "pixels"):
        value = float(found[1])
        if math.isfinite(value) and value > 0:
            return Distance(value, "px")
    length = _length_nm(text)
    if length is None:
        raise UsageError(
            f"{text!r} is no distance; write a length with its unit, as in 5nm, or pixels, as in "
            "3px"
        )
    return Distance(length, "nm")


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest object that counts, or the largest hole that does not.

    Parameters
    ----------
    pixels : int
        So many pixels.
    area_nm2 : float or None
        Where the user named an area, or a length: the equivalent circular diameter.
    text : str
        What the user wrote, with the option.
    """

    pixels: int = 1
    area_nm2: float | None = None
    text: str = ""

    def in_pixels(self, pixel_size: PixelSize | None) -> int:
        """Say how many pixels are no less than that.

        Raises
        ------
        UsageError
            When it is a length or an area and the pixel size is unknown.
        """
        if self.area_nm2 is None:
            return self.pixels
        return max(1, math.ceil(self._share(pixel_size) * (1 - 1e-9)))

    def most_pixels(self, pixel_size: PixelSize | None) -> int:
        """Say how many pixels are no more than that; raises as `in_pixels` does."""
        if self.area_nm2 is None:
            return self.pixels
        return math.floor(self._share(pixel_size) * (1 + 1e-9))

    def _share(self, pixel_size: PixelSize | None) -> float:
        if pixel_size is None:
            what = "an area" if self.text.endswith(("2", "²")) else "a length"
            raise UsageError(
                f"{self.text} is {what}, and the pixel size is unknown; write a number of pixels, "
                "or say --pixel-size"
            )
        return (self.area_nm2 or 0.0) / pixel_size.area_nm2


ANY_SIZE = Smallest()
"""Every object counts, one of a single pixel too."""

_PIXELS = re.compile(r"0*([1-9]\d{0,17})\s*(?:px|pixels?)?", re.IGNORECASE)
_SQUARE = re.compile(r"(.*[^\d^])(?:\^2|²|2)")


def parse_smallest(text: str, option: str = "--smallest") -> Smallest:
    """Read an area that a user typed.

    Parameters
    ----------
    text : str
        ``"9"`` or ``"9px"``, a number of pixels; ``"50nm2"``, an area; ``"5nm"``, the equivalent
        circular diameter.
    option : str
        Behind which it was typed.

    Raises
    ------
    UsageError
        When it is none of them, or no object could be smaller.
    """
    said = f"{option} {text}"
    pixels = _PIXELS.fullmatch(text.strip())
    if pixels:
        return Smallest(int(pixels[1]), text=said)
    area = _area_nm2(text)
    if area is not None:
        return Smallest(area_nm2=area, text=said)
    length = _length_nm(text)
    if length is None:
        raise UsageError(
            f"{said}: write a number of pixels, as in 9, an area with its unit, as in 50nm2, or "
            "the diameter of a circle of that area, as in 5nm"
        )
    return Smallest(area_nm2=math.pi / 4 * length**2, text=said)


def _area_nm2(text: str) -> float | None:
    """Area in nm²; None when the text is no positive area with a unit."""
    square = _SQUARE.fullmatch(text.strip())
    found = _LENGTH.fullmatch(square[1]) if square else None
    factor = nm_per_unit(found[2]) if found else None
    if found is None or factor is None:
        return None
    area = float(found[1]) * factor**2
    return area if _SHORTEST_NM**2 <= area <= _LONGEST_NM**2 else None
