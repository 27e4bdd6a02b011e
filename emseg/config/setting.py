"""How a field of a configuration is said: what a user reads of it, and types for it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BeforeValidator

from emseg.errors import UsageError


@dataclass(frozen=True, slots=True)
class Setting:
    """What a command line says of a field; a field without one is no option.

    Parameters
    ----------
    help : str
        A sentence or two.
    metavar : str, optional
        What stands for the value; by its type when it is left out.
    flags : tuple of str
        How it is spelled, where that is not ``--`` and the name of the field.
    default : str, optional
        What is said of the default; as the field has it when it is left out, ``""`` for nothing.
    is_argument : bool
        Whether it is told by its place.
    is_needed : bool
        Whether an argument without a default must be typed: False where another option stands
        for it.
    noun : str
        What one of its choices is called in a refusal; the name of the field when it is empty.
    """

    help: str
    metavar: str | None = None
    flags: tuple[str, ...] = ()
    default: str | None = None
    is_argument: bool = False
    is_needed: bool = True
    noun: str = ""


@dataclass(frozen=True)
class Text(BeforeValidator):
    """A value that may be given as one text, which is read first."""


def text(parse: Callable[[str], Any]) -> Text:
    """Read a field that is typed as one text; what is no text is taken as it is."""
    return Text(lambda given: parse(given) if isinstance(given, str) else given)


def many(parse: Callable[[list[str]], Any]) -> BeforeValidator:
    """Read a field that is typed several times, one text each."""
    return BeforeValidator(lambda given: parse(given) if isinstance(given, list) else given)


def checked(parse: Callable[[str], Any]) -> Text:
    """Refuse a text that cannot be read, and keep it as it is."""

    def check(given: Any) -> Any:
        if isinstance(given, str):
            parse(given)
        return given

    return Text(check)


def listed_names(option: str) -> Text:
    """Read names with commas between them.

    Parameters
    ----------
    option : str
        What a refusal calls it.
    """

    def parse(said: str) -> tuple[str, ...]:
        names = tuple(part.strip() for part in said.split(","))
        for name in names:
            if not name:
                raise UsageError(f"{option} {said!r} has an empty name; leave out a comma")
            if names.count(name) > 1:
                raise UsageError(f"{option} names {name!r} twice; name it once")
        return names

    return text(parse)


def setting_of(metadata: Iterable[Any]) -> Setting | None:
    """Find the setting of a field; None when it is no option."""
    return next((each for each in metadata if isinstance(each, Setting)), None)
