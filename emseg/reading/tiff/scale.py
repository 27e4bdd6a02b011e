"""What a TIFF file says about the scale of one of its series, and where one may look for it."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tifffile

from emseg.calibration import Axis, PixelSize
from emseg.reading.tiff.ome_series import OmeSeries

MALFORMED = (
    KeyError, ValueError, TypeError, IndexError, AttributeError, ZeroDivisionError, ET.ParseError,
)  # fmt: skip
"""What damaged or unusual metadata raise; they count as none."""
_RECIPROCAL = re.compile(r"1\s*/|\^?-1|⁻¹|rad|deg|reciprocal")

Series = tifffile.TiffPageSeries | OmeSeries
"""What a TIFF file holds: pages that tifffile has put together, or the planes of an OME image."""


@dataclass(frozen=True, slots=True)
class Step:
    """Distance between two samples, in the unit of the file."""

    scale: float
    units: str | None


@dataclass(frozen=True, slots=True)
class StatedScale:
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
    about : tuple of int or None
        Height and width of the picture that it speaks of, as far as it says.
    with_bar : bool
        Whether an information bar may make the picture higher than that.
    notices : tuple of str
        Why a length is not taken.
    """

    source: str = ""
    steps: Mapping[str, Step] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    is_final: bool = False
    about: tuple[int | None, int | None] = (None, None)
    with_bar: bool = True
    notices: tuple[str, ...] = ()

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
class TagPlace:
    """Where to look: a page of a series and the file it is in."""

    path: Path
    tiff: tifffile.TiffFile
    series: Series
    number: int
    page: tifffile.TiffPage

    @property
    def tags(self) -> tifffile.TiffTags:
        """Tags of the page."""
        return self.page.tags

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the page in pixels."""
        return self.page.imagelength, self.page.imagewidth
