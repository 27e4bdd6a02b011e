"""What may be a name: text that a table, a legend, a file and a terminal can show."""

import re
import unicodedata
from collections.abc import Iterable

from emseg.errors import UsageError

LONGEST_NAME = 100
"""Characters of the name of a class; a legend, a column and a file name hold no longer one."""

LONGEST_TEXT = 1000
"""Characters of any other line of text in a card."""

MOST_CLASSES = 1000
"""Classes of one model; each is a plane of probabilities, and a row of every table."""

_HIDDEN = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of characters, line breaks
_TURNING = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)  # show text backwards
_BETWEEN_WORDS = re.compile(r"(?<=[^\W_])[\s_-]+(?=[^\W\d_])|(?<=[^\W\d_])[\s_-]+(?=[^\W_])")
_SHOWN = 40  # characters of a faulty name in a message


def is_visible(text: str) -> bool:
    """Whether every character can be shown: no control character, no half of one."""
    return not any(unicodedata.category(each) in _HIDDEN or each in _TURNING for each in text)


def fault_of(name: str, longest: int = LONGEST_NAME) -> str | None:
    """Say what is wrong with a name.

    Parameters
    ----------
    name : str
        Any text.
    longest : int
        Characters that it may have.

    Returns
    -------
    str or None
        ``"is empty"``, for a message; None when the name is good.
    """
    if not name.strip():
        return "is empty"
    if len(name) > longest:
        return f"has {len(name)} characters, and {longest} are allowed"
    return None if is_visible(name) else "holds characters that cannot be shown"


def shown(text: str, most: int = _SHOWN) -> str:
    """Quote a text for a message: control characters as escapes, the end of a long one left out."""
    cut = text if len(text) <= most else f"{text[:most]}..."
    return f"'{visible(cut)}'"


def visible(text: str) -> str:
    r"""Write what cannot be shown as escapes: ESC becomes the four characters ``\x1b``."""
    return "".join(each if is_visible(each) else ascii(each)[1:-1] for each in text)


def tamed(text: str, most: int = LONGEST_TEXT) -> str:
    """Make a text of a file fit for a card: shown as by `visible`, and cut."""
    return visible(" ".join(text.split()))[:most]


def require_name(name: str, what: str) -> str:
    """Return a name that is good.

    Parameters
    ----------
    name : str
        The name of a class.
    what : str
        Where it stands, for the message: ``"--classes"``.

    Raises
    ------
    UsageError
        When it is empty, longer than 100 characters, or cannot be shown.
    """
    fault = fault_of(name)
    if fault is not None:
        raise UsageError(f"{what}: the class name {shown(name)} {fault}; give it another name")
    return name


def alike(names: Iterable[str]) -> str | None:
    """Say which names of classes a reader would take for one; None when all are told apart.

    Parameters
    ----------
    names : iterable of str
        Each counts once.

    Returns
    -------
    str or None
        ``"'Spheres' and 'spheres'"``: names that differ in case, spaces, hyphens, underscores or
        in how a letter is encoded.
    """
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        groups.setdefault(_read(name), []).append(name)
    found = [" and ".join(_told_apart(each)) for each in groups.values() if len(each) > 1]
    return ", ".join(found) or None


def _told_apart(names: list[str]) -> list[str]:
    """Quote names; with the codes of their letters where they look the same even so."""
    looks = {unicodedata.normalize("NFKC", name) for name in names}
    return [repr(name) if len(looks) == len(names) else ascii(name) for name in names]


def _read(name: str) -> str:
    """Write a name as a reader sees it: ``"Spheres 2"`` and ``"spheres_2"`` are ``"spheres2"``."""
    seen = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(each for each in seen if unicodedata.category(each) != "Cf")  # of no width
    return _BETWEEN_WORDS.sub("", seen.strip(" \t_"))
