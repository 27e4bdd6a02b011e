"""Masks whose values number objects in place of classes."""

from enum import Enum

from emseg.labels.mask_set import MaskSet

_MANY = 12  # values of one piece each, from which on they are no classes
_FEW = 3
_FEW_IN_ALL = 4  # values, the same in every mask: layers of a device are one piece each too
_PURE = 0.9  # of many objects that hang together, since some are cut by others


class Numbering(Enum):
    """How sure it is that values number objects."""

    NONE = "classes"
    LIKELY = "few values of one piece each, numbered from 1 or each in one mask alone"
    SURE = "many values of one piece each"


def numbering_of(found: MaskSet) -> Numbering:
    """Say whether the values of masks number objects.

    Each value of an instance label image is one piece, and every image has as many as it has
    objects; a class is in several pieces here or there, and is the same number everywhere.
    """
    values = found.counts.keys() - {0}
    if found.is_coloured or len(found.said.names or ()) >= len(found.counts):
        return Numbering.NONE
    objects = sum(each.objects for each in found.seen)
    whole = sum(each.whole for each in found.seen)
    if len(values) >= _MANY and objects >= _MANY and whole >= _PURE * objects:
        return Numbering.SURE
    sets = [values for _, values in found.marked]
    if len(values) < _FEW or not 0 < objects == whole:
        return Numbering.NONE
    if all(marks == set(range(1, len(marks) + 1)) for marks in sets):
        differ = any(marks != sets[0] for marks in sets)
        return Numbering.LIKELY if differ or len(values) >= _FEW_IN_ALL else Numbering.NONE
    is_once = len(values) == sum(len(marks) for marks in sets) and len(sets) > 1
    return Numbering.LIKELY if is_once and len(values) >= _FEW_IN_ALL else Numbering.NONE
