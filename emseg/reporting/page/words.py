"""What the numbers of a report are called and how they are written."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from emseg.evaluation.confidence.intervals import Interval
from emseg.evaluation.metric import Key

NONE = "–"
"""Stands for a number that is not defined."""

MANY = 10.0
"""Relative change from which it is told as a multiple of the reference."""

_UNITS = ("nm", "px")
_PROPER = ("IoU", "Dice", "F1", "V_rand", "V_info", "ROC area", "Brier score")
_LENGTHS = ((1e6, "mm"), (1e3, "µm"), (1.0, "nm"), (1e-3, "pm"))


class Style(StrEnum):
    """How a number is written."""

    SCORE = "0.906"
    SHARE = "23.4 %"
    POINTS = "+1.2 points"
    CHANGE = "+1.2 %"
    LENGTH = "45.2 nm"
    DIFFERENCE = "+1.2 nm"
    COUNT = "1,234"
    PLAIN = "1.23"


class Group(StrEnum):
    """Which table a number of a class stands in; the value is its heading."""

    OVERLAP = "Classes"
    BOUNDARIES = "Boundaries"
    OBJECTS = "Objects"
    SEPARATION = "Separation of objects"
    PROBABILITIES = "Probabilities"
    QUANTITIES = "Measured quantities"
    OTHER = "Other numbers"


@dataclass(frozen=True, slots=True)
class Term:
    """What a kind of number is called.

    Parameters
    ----------
    title : str
        Heading of its column.
    meaning : str
        What it says, as a phrase; "" where the title does.
    group : Group
        Where it stands.
    style : Style
        How it is written.
    unit : str
        ``"nm"``, ``"px"`` or "".
    """

    title: str
    meaning: str = ""
    group: Group = Group.OTHER
    style: Style = Style.PLAIN
    unit: str = ""

    @property
    def is_score(self) -> bool:
        """Whether it lies between 0 and 1, where 1 is perfect."""
        return self.style is Style.SCORE


def _term(group: Group, style: Style, title: str, meaning: str) -> Term:
    return Term(title, meaning, group, style)


_OVERLAP, _OBJECTS = Group.OVERLAP, Group.OBJECTS
_APART, _PROBABLE = Group.SEPARATION, Group.PROBABILITIES
_MEASURED = Group.QUANTITIES
_SCORE = Style.SCORE

_TERMS = {
    "iou": _term(_OVERLAP, _SCORE, "IoU", "overlap of prediction and reference over their union"),
    "dice": _term(_OVERLAP, _SCORE, "Dice", "the same overlap on another scale, F1 of the pixels"),
    "precision": _term(_OVERLAP, _SCORE, "Precision", "how much of what was found is right"),
    "recall": _term(_OVERLAP, _SCORE, "Recall", "how much of what is there was found"),
    "f1": _term(_OVERLAP, _SCORE, "F1", "precision and recall in one number"),
    "pixel_accuracy": _term(_OVERLAP, _SCORE, "Pixel accuracy", "labelled pixels that are right"),
    "boundary_f1": _term(
        _OVERLAP,
        _SCORE,
        "Boundary F1",
        "boundary that lies within the distance of the settings from the other one",
    ),
    "object_f1": _term(
        _OVERLAP, _SCORE, "Object F1", "objects found one for one, at an IoU of 0.5 or more"
    ),
    "hausdorff_95": _term(
        Group.BOUNDARIES,
        Style.LENGTH,
        "Hausdorff 95 %",
        "95 % of each boundary lie nearer to the other one",
    ),
    "surface_distance": _term(
        Group.BOUNDARIES, Style.LENGTH, "Mean distance", "of the two boundaries"
    ),
    "object_precision": _term(_OBJECTS, _SCORE, "Precision", "objects found that are right"),
    "object_recall": _term(_OBJECTS, _SCORE, "Recall", "objects of the reference that were found"),
    "object_average_precision": _term(
        _OBJECTS,
        _SCORE,
        "Object AP",
        "average precision: TP / (TP + FP + FN), averaged over IoU 0.5 to 0.95; not that of COCO",
    ),
    "panoptic_quality": _term(
        _OBJECTS, _SCORE, "Panoptic quality", "object F1 times the mean IoU of the matched objects"
    ),
    "objects_reference": _term(_OBJECTS, Style.COUNT, "In reference", "objects of the reference"),
    "objects_prediction": _term(_OBJECTS, Style.COUNT, "In prediction", "objects that were found"),
    "adapted_rand_error": _term(
        _APART,
        Style.PLAIN,
        "Adapted Rand error",
        "pairs of pixels wrongly joined or split; 0 is best",
    ),
    "adapted_rand_precision": _term(
        _APART, _SCORE, "Rand precision", "low when objects of the reference are joined"
    ),
    "adapted_rand_recall": _term(
        _APART, _SCORE, "Rand recall", "low when objects of the reference are split"
    ),
    "vi_split": _term(_APART, Style.PLAIN, "VI split (bits)", "how much objects are cut up"),
    "vi_merge": _term(_APART, Style.PLAIN, "VI merge (bits)", "how much objects are joined"),
    "v_rand": _term(_APART, _SCORE, "V_rand", "foreground-restricted Rand score of ISBI 2012"),
    "v_info": _term(_APART, _SCORE, "V_info", "foreground-restricted information of ISBI 2012"),
    "calibration_error": _term(
        _PROBABLE, Style.PLAIN, "Calibration error", "stated probability against what came true"
    ),
    "brier_score": _term(
        _PROBABLE, Style.PLAIN, "Brier score", "mean squared error of the probabilities; 0 is best"
    ),
    "average_precision": _term(
        _PROBABLE, _SCORE, "Average precision", "precision averaged over all thresholds"
    ),
    "roc_auc": _term(_PROBABLE, _SCORE, "ROC area", "how well the probability ranks the pixels"),
    "accuracy": _term(_OVERLAP, _SCORE, "Accuracy", "files with the right class"),
    "balanced_accuracy": _term(
        _OVERLAP, _SCORE, "Balanced accuracy", "recall averaged over the classes"
    ),
    "macro_f1": _term(_OVERLAP, _SCORE, "Mean F1", "F1 averaged over the classes"),
    "cohen_kappa": _term(
        _OVERLAP, _SCORE, "Cohen's kappa", "agreement beyond chance: 0 is chance, 1 perfect"
    ),
    "area_fraction": _term(_MEASURED, Style.SHARE, "Area fraction", ""),
    "area_fraction_reference": _term(_MEASURED, Style.SHARE, "Area fraction, reference", ""),
    "area_fraction_error": _term(_MEASURED, Style.POINTS, "Error of the area fraction", ""),
    "count_error": _term(_MEASURED, Style.CHANGE, "Error of the number of objects", ""),
    "mean_diameter": _term(_MEASURED, Style.LENGTH, "Mean diameter", ""),
    "mean_diameter_reference": _term(_MEASURED, Style.LENGTH, "Mean diameter, reference", ""),
    "mean_diameter_error": _term(_MEASURED, Style.DIFFERENCE, "Error of the mean diameter", ""),
    "size_distance": _term(_MEASURED, Style.LENGTH, "Distance of the size distributions", ""),
}


def term_of(key: Key) -> Term:
    """Find what a number is called by its key; an unknown one by the words of its key."""
    stem, _, last = key[-1].rpartition("_")
    kind, unit = (stem, last) if last in _UNITS and stem else (key[-1], "")
    known = _TERMS.get(kind)
    if known is None:
        title = kind.replace("_", " ").strip()
        known = Term(title[:1].upper() + title[1:], style=Style.LENGTH if unit else Style.PLAIN)
    if key[0] == "top_k":
        return Term(f"Top-{kind} accuracy", style=Style.SCORE)
    if key[0] == "mean":
        word = known.title if known.title in _PROPER else _lowered(known.title)
        known = replace(known, title=f"Mean {word}")
    return replace(known, unit=unit)


def _lowered(title: str) -> str:
    """Write a title inside a phrase; its abbreviations stay."""
    first, *rest = title.split(" ")
    return " ".join([first.lower(), *rest])


def written(value: float | None, term: Term) -> str:
    """Write a number as its kind is written; `NONE` when it is not defined."""
    if value is None or not math.isfinite(value):
        return NONE
    match term.style:
        case Style.SCORE:
            return f"{value:.3f}"
        case Style.SHARE:
            return f"{percent(value)}"
        case Style.POINTS:
            return f"{_signed(100 * value, 2)} points"
        case Style.CHANGE:
            return change(value)
        case Style.LENGTH:
            return f"{significant(value)} {term.unit}".rstrip()
        case Style.DIFFERENCE:
            return f"{significant(value, sign=True)} {term.unit}".rstrip()
        case Style.COUNT:
            return f"{value:,.0f}"
        case Style.PLAIN:
            return significant(value)


def between(interval: Interval, term: Term) -> str:
    """Write an interval without its level: ``"0.894 to 0.917"``."""
    low, high = written(interval.low, term), written(interval.high, term)
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
