"""Options of a network as they are typed: ``--option dropout=0.2 --option normalisation=group``."""

import math
from collections.abc import Sequence

from emseg.errors import UsageError

Value = bool | int | float | str
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def parse_options(given: Sequence[str]) -> dict[str, Value]:
    """Read ``NAME=VALUE``, one an option of the network.

    Returns
    -------
    dict
        Numbers and truth values where the text is one, text otherwise; a dash in a name is an
        underscore.

    Raises
    ------
    UsageError
        When one is not ``NAME=VALUE``, its value is NaN or infinite, or an option is named twice.
    """
    options: dict[str, Value] = {}
    for each in given:
        name, equals, text = (part.strip() for part in each.partition("="))
        name = name.replace("-", "_")
        if not (name and equals and text):
            raise UsageError(f"--option cannot read {each!r}; write --option dropout=0.2")
        if name in options:
            raise UsageError(f"--option names {name!r} twice; give each option one value")
        value = _value(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"--option {name}={text} is no finite number; write {name}=0.2")
        options[name] = value
    return options


def _value(text: str) -> Value:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
