"""Which mask value means which class: as the user says, or inferred where that is safe."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from emseg.errors import LabelError, UsageError, listed
from emseg.labels.colours import colour
from emseg.mask_values import is_colour, show_value
from emseg.micrograph import UNLABELLED_8, UNLABELLED_16, LabelClass

_MOST_INFERRED = 32  # more distinct values than this are instances or a picture, not classes
_MANY_MISSING = 4  # values without a name, which may be objects
MOST_COLOURS = _MOST_INFERRED
"""Distinct colours that a mask may have; a photograph or a JPEG has more."""

_log = logging.getLogger(__name__)


def choose_classes(
    found: Iterable[int],
    *,
    names: Sequence[str] | None = None,
    assigned: Mapping[int, str] | None = None,
    unlabelled: int | None = None,
    where: str = "the masks",
    objects: str = "give one folder of masks a class with --masks NAME=DIR",
) -> tuple[tuple[LabelClass, ...], int | None]:
    """Map the values found in masks to classes.

    Parameters
    ----------
    found : iterable of int
        Distinct values in the masks.
    names : sequence of str, optional
        Class names in the order of the values (``--classes``).
    assigned : mapping, optional
        Mask value to class name (``--labels``); takes precedence over the order.
    unlabelled : int, optional
        The value of pixels that belong to no class (``--unlabelled``).
    where : str
        What the message calls the masks.
    objects : str
        What to do where the values number objects.

    Returns
    -------
    classes : tuple of LabelClass
        In card order, each with its mask values.
    unlabelled : int or None
        The unlabelled value; 255 is recognised beside small integers without being named.

    Raises
    ------
    UsageError
        When the names are fewer than two, or contradict the labels.
    LabelError
        When the values cannot be mapped; the message says with which option they can.
    """
    values = sorted(set(found) - {unlabelled})
    if names is not None and len(names) < 2:
        raise UsageError(f"--classes names one class only ({', '.join(names)}); name at least two")
    if assigned is None and _is_coloured(values) and values[0] == 0 and len(values) > 2:
        _log.warning(
            "black (#000000) in %s is taken as a class; where it means that nothing was painted, "
            "say --unlabelled '#000000'",
            where,
        )
    if assigned is not None:
        return _assigned_classes(values, assigned, names, where, objects), unlabelled
    if unlabelled is None and _is_last_unlabelled(values, names):
        _log.warning(
            "the value %d beside %s in %s is taken as unlabelled; where it is a class, name all "
            "values with --labels VALUE=NAME,...",
            values[-1],
            listed(values[:-1]),
            where,
        )
        values, unlabelled = values[:-1], values[-1]
    if len(values) < 2 and not names:
        held = f"only the value {_shown(values)}" if values else "no labelled pixel"
        way = "check the mask folder, or name the classes with --labels 0=background,1=object"
        if values and unlabelled is not None:
            held += f" beside the unlabelled {show_value(unlabelled)}"
            way = f"omit --unlabelled {_quoted(unlabelled)} where it is the background"
        raise LabelError(f"{where} hold {held}: there is nothing to tell apart; {way}")
    if names:
        values = _values_of_names(values, names, where)
        return _numbered(names, values), unlabelled
    return _numbered(_inferred_names(values, where, objects), values), unlabelled


def _is_coloured(values: Sequence[int]) -> bool:
    """Whether values are the colours of a mask, which are few: #6da34d is 0x6da34d."""
    few = 0 < len(values) <= MOST_COLOURS
    return few and is_colour(values[-1])


def _is_last_unlabelled(values: Sequence[int], names: Sequence[str] | None) -> bool:
    if len(values) < 3 or values[-1] not in (UNLABELLED_8, UNLABELLED_16):
        return False
    small = list(values[:-1])
    if names:
        return len(values) > len(names) and small[-1] < len(names)
    return small[-1] < _MOST_INFERRED


def _values_of_names(values: Sequence[int], names: Sequence[str], where: str) -> list[int]:
    if len(values) == len(names):
        return list(values)
    if len(values) < len(names) and all(0 <= value < len(names) for value in values):
        return list(range(len(names)))  # a class that these masks do not show
    raise LabelError(
        f"{where} hold {len(values)} values ({_shown(values)}) but --classes names {len(names)} "
        f"({', '.join(names)}); say which value is which with --labels VALUE=NAME,... "
        "or leave one out with --unlabelled VALUE"
    )


def _inferred_names(values: Sequence[int], where: str, objects: str) -> list[str]:
    if values[0] < 0:
        _refuse_negative(values, where)
    if len(values) == 2 and not _is_coloured(values):
        return ["background", "foreground"]
    if len(values) > _MOST_INFERRED:
        raise LabelError(
            f"{where} hold {len(values)} values ({_shown(values)}): too many to be classes. Where "
            f"they number objects, {objects}; a greyscale or JPEG picture is no mask: save it as "
            "PNG or TIFF with one value a class"
        )
    if _is_coloured(values):
        return [f"class_{value:06x}" if value else "class_0" for value in values]
    return [f"class_{value}" for value in values]


def _refuse_negative(values: Sequence[int], where: str) -> None:
    """Refuse a number below 0, which most programs write where nothing is labelled."""
    lowest = values[0]
    raise LabelError(
        f"{where} hold the value {lowest} beside {_shown(values[1:])}: where it means that nothing "
        f"is labelled, say --unlabelled={lowest}; where it is a class, name all values with "
        f"--labels={','.join(f'{value}=NAME' for value in values[:3])}{',...' * (len(values) > 3)}"
    )


def _shown(values: Sequence[int]) -> str:
    return listed(show_value(value) for value in values)


def _quoted(value: int, more: str = "") -> str:
    """Write a value as a shell takes it: # begins a comment there."""
    shown = f"{show_value(value)}{more}"
    return f"'{shown}'" if shown.startswith("#") else shown


def _assigned_classes(
    values: Sequence[int],
    assigned: Mapping[int, str],
    names: Sequence[str] | None,
    where: str,
    objects: str,
) -> tuple[LabelClass, ...]:
    missing = [value for value in values if value not in assigned]
    if missing:
        way = "" if len(missing) < _MANY_MISSING else f"; where they number objects, {objects}"
        or_leave = f" or leave it out with --unlabelled {_quoted(missing[0])}"
        raise LabelError(
            f"{where} hold the value{'s' * (len(missing) > 1)} {_shown(missing)}, which --labels "
            f"does not name; add {_quoted(missing[0], '=NAME')} to --labels"
            f"{or_leave if len(set(assigned.values())) > 1 else ''}{way}"
        )
    order = tuple(names or dict.fromkeys(assigned.values()))
    if set(order) != set(assigned.values()):
        raise UsageError(
            f"--classes names {', '.join(order)} but --labels names "
            f"{', '.join(dict.fromkeys(assigned.values()))}; use the same names in both"
        )
    if len(order) < 2:
        raise LabelError(f"--labels names one class only ({order[0]}); name at least two")
    return tuple(
        LabelClass(name, colour(index), tuple(v for v, n in assigned.items() if n == name))
        for index, name in enumerate(order)
    )


def _numbered(names: Sequence[str], values: Sequence[int]) -> tuple[LabelClass, ...]:
    return tuple(
        LabelClass(name, colour(index), (value,))
        for index, (name, value) in enumerate(zip(names, values, strict=True))
    )
