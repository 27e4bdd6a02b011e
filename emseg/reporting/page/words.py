"""How the numbers of a report are written."""

import math

from emseg.evaluation.confidence.intervals import Interval
from emseg.evaluation.description import Description, Style

NONE = "–"
"""Stands for a number that is not defined."""

MANY = 10.0
"""Relative change from which it is told as a multiple of the reference."""

_LENGTHS = ((1e6, "mm"), (1e3, "µm"), (1.0, "nm"), (1e-3, "pm"))


def written(value: float | None, description: Description) -> str:
    """Write a number as it is described; `NONE` when it is not defined."""
    if value is None or not math.isfinite(value):
        return NONE
    match description.style:
        case Style.SCORE:
            return f"{value:.3f}"
        case Style.SHARE:
            return f"{percent(value)}"
        case Style.POINTS:
            return f"{_signed(100 * value, 2)} points"
        case Style.CHANGE:
            return change(value)
        case Style.LENGTH:
            return f"{significant(value)} {description.unit}".rstrip()
        case Style.DIFFERENCE:
            return f"{significant(value, sign=True)} {description.unit}".rstrip()
        case Style.COUNT:
            return f"{value:,.0f}"
        case Style.PLAIN:
            return significant(value)


def between(interval: Interval, description: Description) -> str:
    """Write an interval without its level: ``"0.894 to 0.917"``."""
    low, high = written(interval.low, description), written(interval.high, description)
    unit = low.rpartition(" ")[2]
    shared = " " in low and high.endswith(f" {unit}")
    return f"{low.removesuffix(f' {unit}') if shared else low} to {high}"


def units_of(interval: Interval) -> str:
    """Say how many units of what kind an interval is from: ``"30 images"``."""
    return counted(interval.units, interval.unit)


def counted(count: int, noun: str) -> str:
    """Write a number of things: ``"1 image"``, ``"16 blocks of one image"``."""
    first, *rest = noun.split(" ", 1)
    return " ".join([f"{count:,}", first if count == 1 else f"{first}s", *rest])


def percent(fraction: float) -> str:
    """Write a share that never rounds something to nothing, or nearly all to all."""
    if 0 < fraction < 0.0005:
        return "<0.1 %"
    if 0.9995 <= fraction < 1:
        return ">99.9 %"
    return f"{100 * fraction:.1f} %"


def change(relative: float) -> str:
    """Write a relative change: ``"+1.2 %"``, and from eleven times the reference on ``"× 5,307"``.

    A reference of next to nothing makes percentages that nobody reads, such as +530607.1 %.
    """
    if relative < MANY:
        return f"{_signed(100 * relative, 1)} %"
    return f"× {significant(1 + relative)}"


def lengths(*nm: float) -> str:
    """Write lengths with the unit that keeps them short: ``"1.23 µm"``, ``"1.23 × 0.92 µm"``."""
    most = max(nm)
    factor, unit = next((each for each in _LENGTHS if most >= each[0]), _LENGTHS[-1])
    if most == 0:
        factor, unit = 1.0, "nm"
    return f"{' × '.join(significant(each / factor) for each in nm)} {unit}"


def significant(value: float, digits: int = 3, *, sign: bool = False) -> str:
    """Write three significant digits without an exponent, all before the point, a true minus."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    decimals = min(max(digits - 1 - exponent, 0), 12)
    return _with_sign(f"{abs(value):,.{decimals}f}", value, sign=sign)


def _signed(value: float, decimals: int) -> str:
    rounded = round(value, decimals)
    return _with_sign(f"{abs(rounded):,.{decimals}f}", rounded, sign=True)


def _with_sign(text: str, value: float, *, sign: bool) -> str:
    if value < 0:
        return f"−{text}"
    return f"+{text}" if sign and value > 0 else text
