"""What users type of masks: values, names of classes, a folder a class.

Nothing heavy is imported, so that what is mistyped is refused at once.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from emseg.errors import UsageError
from emseg.naming import alike, require_name

_COLOUR = re.compile(r"#([0-9a-f]{6})", re.IGNORECASE)
_LARGEST_NUMBER = 0xFFFF  # of a mask with numbers; larger values are shown as colours
_LARGEST_COLOUR = 0xFFFFFF  # white; larger values number objects
_log = logging.getLogger(__name__)


def parse_value(text: str, option: str = "--unlabelled") -> int:
    """Read one mask value: a number, or the colour of a colour mask as ``#rrggbb``.

    Parameters
    ----------
    text : str
        ``"255"``, ``"-1"`` or ``"#6da34d"``, which is the number 0x6da34d.
    option : str
        What the message calls it.

    Raises
    ------
    UsageError
        When it is neither.
    """
    colour_of = _COLOUR.fullmatch(text.strip())
    if colour_of:
        return int(colour_of[1], 16)
    if not text.strip().removeprefix("-").isdecimal():
        raise UsageError(f"{option} {text}: write a mask value, as in 255 or '#6da34d'")
    return int(text)


def is_colour(value: int) -> bool:
    """Whether a value is too large for a number, and a colour."""
    return _LARGEST_NUMBER < value <= _LARGEST_COLOUR


def show_value(value: int) -> str:
    """Write a mask value as a user would: colours as ``#rrggbb``."""
    return f"#{value:06x}" if is_colour(value) else str(value)


def parse_names(text: str) -> tuple[str, ...]:
    """Read ``"matrix,small,large"``.

    Raises
    ------
    UsageError
        When a name is empty, given twice, or none that can be shown.
    """
    names = tuple(part.strip() for part in text.split(","))
    for position, name in enumerate(names):
        if not name:
            raise UsageError(f"--classes {text!r} has an empty name; write --classes matrix,small")
        require_name(name, "--classes")
        if name in names[:position]:
            raise UsageError(
                f"--classes names {name!r} twice; give each class its own name, "
                f"or merge values with --labels 0={name},1={name}"
            )
    tell_alike(names, "--classes")
    return names


def tell_alike(names: Iterable[str], where: str) -> None:
    """Tell that classes have names that a reader takes for one.

    Parameters
    ----------
    names : iterable of str
        As they were read.
    where : str
        What names them, such as an option.
    """
    same = alike(names)
    if same:
        _log.warning(
            "%s names %s, which are different classes to emseg; where they are one, write them "
            "alike",
            where,
            same,
        )


def parse_labels(text: str, option: str = "--labels") -> dict[int, str]:
    """Read ``"0=matrix,1=small,2=small"``: mask values to class names.

    The values of a colour mask are written ``"#6da34d=silica"``.

    Raises
    ------
    UsageError
        When a part is not ``VALUE=NAME``, a value is given twice, or a name cannot be shown.
    """
    assigned: dict[int, str] = {}
    for part in text.split(","):
        value, equals, name = (piece.strip() for piece in part.partition("="))
        is_value = value.removeprefix("-").isdecimal() or _COLOUR.fullmatch(value)
        if not (equals and name and is_value):
            raise UsageError(f"{option} cannot read {part!r}; write {option} 0=matrix,255=cell")
        number = parse_value(value)
        if number in assigned:
            raise UsageError(f"{option} gives the value {value} twice; give each value one class")
        assigned[number] = require_name(name, option)
    tell_alike(assigned.values(), option)
    return assigned


def parse_mask_folders(given: Sequence[str], option: str = "--masks") -> dict[str, Path]:
    """Read ``NAME=DIR``, one a class, in the order in which they were typed.

    Raises
    ------
    UsageError
        When one is not ``NAME=DIR``, a class is named twice, or a name cannot be shown.
    """
    folders: dict[str, Path] = {}
    for each in given:
        name, equals, folder = (part.strip() for part in each.partition("="))
        if not (name and equals and folder):
            raise UsageError(f"{option} cannot read {each!r}; write {option} mitochondria=DIR")
        if name in folders:
            raise UsageError(f"{option} names {name!r} twice; give each class one folder")
        folders[require_name(name, option)] = Path(folder)
    tell_alike(folders, option)
    return folders
