"""What ``--channels`` may say: the grammar of one comma-separated text.

===================  =========================================================================
``2``, ``DAPI``      a channel of the image, by number (counted from 0) or name
``1.65-1.85keV``     an energy window of a spectrum image; without a unit, that of its axis
``Si_Ka``            the window of an X-ray line
``bins=8``           the whole axis of energies in as many equal windows
``HAADF``            an image of the same file
``{stem} HAADF.tif`` an image in another file of the same folder; may be a glob
===================  =========================================================================
"""

import re
from dataclasses import dataclass

from emseg.errors import UsageError
from emseg.reading.choosing.xray_lines import is_line

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_WINDOW = re.compile(rf"({_NUMBER})\s*(k?eV)?\s*[-–]\s*({_NUMBER})\s*(k?eV)?", re.IGNORECASE)
_BINS = re.compile(r"bins\s*=\s*(.*)", re.IGNORECASE)
_EV = {"ev": 1.0, "kev": 1e3}


@dataclass(frozen=True, slots=True)
class EnergyWindow:
    """A range of energies.

    Parameters
    ----------
    text : str
        As it was typed.
    low, high : float
        Its ends, in electronvolts, or in the unit of the axis when it has no unit.
    has_unit : bool
        Whether a unit was typed.
    """

    text: str
    low: float
    high: float
    has_unit: bool


@dataclass(frozen=True, slots=True)
class EqualParts:
    """The whole axis of energies in ``count`` windows."""

    count: int


@dataclass(frozen=True, slots=True)
class Named:
    """A channel, an image, a file or an X-ray line, as it was typed."""

    text: str


Term = EnergyWindow | EqualParts | Named


def parse_channels(text: str) -> tuple[Term, ...]:
    """Read what ``--channels`` says.

    Raises
    ------
    UsageError
        When a part is empty, or a window has no width.
    """
    return tuple(_term(part.strip(), text) for part in text.split(","))


def mentions_spectra(terms: tuple[Term, ...]) -> bool:
    """Whether some part is written like energies; a channel may still be called so."""
    return any(not isinstance(each, Named) or is_line(each.text) for each in terms)


def _term(part: str, text: str) -> Term:
    if not part:
        raise UsageError(
            f"--channels {text!r} has an empty part; write channels with a comma between them, "
            "as in --channels 0,2 or --channels Si_Ka,O_Ka,HAADF"
        )
    bins = _BINS.fullmatch(part)
    if bins:
        return _equal_parts(bins[1].strip())
    window = _WINDOW.fullmatch(part)
    return _window(part, window) if window else Named(part)


def _equal_parts(count: str) -> EqualParts:
    if not count.isdecimal() or int(count) < 1:
        raise UsageError(f"--channels bins={count}: write how many windows, as in bins=8")
    return EqualParts(int(count))


def _window(part: str, found: re.Match[str]) -> EnergyWindow:
    units = [unit.lower() for unit in (found[2], found[4]) if unit]
    low_unit, high_unit = (units[0], units[-1]) if units else ("", "")
    low = float(found[1]) * _EV.get(low_unit, 1.0)
    high = float(found[3]) * _EV.get(high_unit, 1.0)
    if low >= high:
        raise UsageError(f"--channels {part} has no width; write the lower energy first")
    return EnergyWindow(part, low, high, bool(units))
