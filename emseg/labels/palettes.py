"""Masks with colour tables: whether their values count, or the colours that these stand for."""

import logging
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from emseg.errors import LabelError
from emseg.labels.evidence import Evidence
from emseg.labels.mask_set import MaskSet, in_masks

_log = logging.getLogger(__name__)


class Painted(Enum):
    """What a mask with a colour table is read as."""

    VALUES = "the values that are stored"
    COLOURS = "the colours that the table gives them"
    LEVELS = "the grey levels that the table gives them"

    def paint(self, found: MaskSet) -> MaskSet:
        """Give the masks of a set the values they are read as."""
        return found if self is Painted.VALUES else found.painted(in_grey=self is Painted.LEVELS)


def find_painted(found: MaskSet) -> Painted:
    """Find out whether the colour tables of a set of masks agree, and what is read where not.

    Raises
    ------
    LabelError
        When tables differ and the colours do not tell the classes apart either.
    """
    tabled = [each for each in found.seen if each.colours]
    if not tabled:
        return Painted.LEVELS if _are_grey_pictures(found) else Painted.VALUES
    rest = [each for each in found.seen if not each.colours and any(each.counts)]
    if any(each.is_coloured for each in rest) or _speaks_of_colours(found):
        return Painted.COLOURS
    different = _difference(tabled)
    if different is None:
        return Painted.VALUES
    if all({0, 255}.issuperset(each.counts) for each in tabled):
        raise LabelError(
            f"the palettes of {found.where} differ ({different}), and it cannot be told whether "
            "255 is one class, shown in several colours; save all masks with one palette, or as "
            "greyscale"
        )
    is_grey = all(_is_grey(code) for each in tabled for code in each.colours.values())
    merged = [each for each in tabled if len(set(each.colours.values())) < len(each.colours)]
    if merged or (rest and not is_grey) or found.said.names:
        why = (
            f"{Path(merged[0].name).name} gives one colour to several values"
            if merged
            else f"there are no colours in {in_masks(rest)}"
            if rest
            else "--classes goes by the values"
        )
        raise LabelError(
            f"the palettes of {found.where} differ ({different}), and {why}; save all masks with "
            "one palette, or as greyscale with one value a class"
        )
    painted = Painted.LEVELS if is_grey else Painted.COLOURS
    if found.said.unlabelled:
        raise LabelError(
            f"the palettes of {found.where} differ ({different}), and --unlabelled "
            f"{found.said.unlabelled} names no colour; say --unlabelled '#rrggbb', or save all "
            "masks with one palette"
        )
    found = painted.paint(found)
    _log.warning(
        "the palettes of %s differ (%s): their values mean nothing, and the %s are read in their "
        "place (%s)",
        found.where,
        different,
        "grey levels" if is_grey else "colours",
        found.table(),
    )
    return painted


def common_painting(one: MaskSet, other: MaskSet) -> Painted:
    """Find out what two sets are compared by, each of which has one meaning for its values.

    Parameters
    ----------
    one, other : MaskSet
        As they are read.

    Returns
    -------
    Painted
        The colours where they show the same ones as other values; else the values.
    """
    sides = [_shown(each) for each in (one, other)]
    if not all(sides):
        return Painted.VALUES
    first, second = sides
    small, large = sorted((set(first.values()), set(second.values())), key=len)
    same_values = all(second.get(value, code) == code for value, code in first.items())
    if one.is_coloured or other.is_coloured:
        return Painted.COLOURS if small & large - {0} else Painted.VALUES
    if same_values or not small <= large or len(small) < min(map(len, sides)):
        return Painted.VALUES
    painted = Painted.LEVELS if all(map(_is_grey, large)) else Painted.COLOURS
    differing = next(v for v, code in first.items() if second.get(v, code) != code)
    _log.warning(
        "the palettes of %s and %s differ (%d is #%06x in the one and #%06x in the other): they "
        "are compared by %s",
        one.where,
        other.where,
        differing,
        first[differing],
        second[differing],
        "grey level" if painted is Painted.LEVELS else "colour",
    )
    return painted


def _shown(found: MaskSet) -> dict[int, int]:
    """Look up the colour of each value of a set; empty where a mask has none."""
    shown: dict[int, int] = {}
    for each in found.seen:
        if each.is_coloured:
            shown.update({code: code for code in each.counts})
        elif each.colours or any(each.counts):
            if not each.colours:
                return {}
            shown.update(each.colours)
    return shown


def _are_grey_pictures(found: MaskSet) -> bool:
    """Whether all masks in colour are grey, so that their values are those of grey masks."""
    coloured = [each for each in found.seen if each.is_coloured]
    codes = {code for each in coloured for code in each.counts}
    if not any(codes) or not all(map(_is_grey, codes)) or _speaks_of_colours(found):
        return False
    grey = [each for each in found.seen if not each.is_coloured]
    if any(value for each in grey for value in each.counts):
        _log.warning(
            "%s are grey pictures with three channels in %s and with one in %s; they are read "
            "alike, by their grey level",
            found.where,
            in_masks(coloured),
            in_masks(grey),
        )
    return True


def _speaks_of_colours(found: MaskSet) -> bool:
    """Whether the user, or a model, knows colours that no value of the masks can be."""
    known = found.said.known.union(found.said.assigned or (), {found.said.unlabelled or 0})
    return any(value > 0xFFFF for value in known)


def _difference(tabled: Sequence[Evidence]) -> str | None:
    """Say which value has two colours, or which colour two values; None when tables agree."""
    tables = [each.table for each in tabled]
    longest = max(tables, key=len)
    if all(longest.startswith(table) for table in tables):
        return None
    colour_of: dict[int, tuple[int, str]] = {}
    value_of: dict[int, tuple[int, str]] = {}
    paths = [Path(each.name) for each in tabled]
    is_alike = len({path.name for path in paths}) < len(paths)
    for each, path in zip(tabled, paths, strict=True):
        name = str(path) if is_alike else path.name
        for value, code in each.colours.items():
            other, where = colour_of.setdefault(value, (code, name))
            if other != code:
                return f"{value} is #{other:06x} in {where} and #{code:06x} in {name}"
            first, where = value_of.setdefault(code, (value, name))
            if first != value and where != name:
                return f"#{code:06x} is {first} in {where} and {value} in {name}"
    return None


def _is_grey(code: int) -> bool:
    return code == (code & 255) * 0x010101
