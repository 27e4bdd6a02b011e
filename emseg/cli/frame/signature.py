"""The options of a command, as the fields of its configuration say them."""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import Enum
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from emseg.config import Config, Setting, Text, setting_of

DEFAULT = "  [default: "
"""What stands between the help of an option and its default, which ends with a bracket."""

Typed = dict[str, Any]
"""What was typed, by the names of the fields; what was not is not in it."""


def takes(
    config: type[Config], *, leave: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a configuration, before those of its own.

    Parameters
    ----------
    config : type of Config
        Of which each field with a `Setting` is an option or an argument.
    leave : collection of str
        Fields that are no options of this command.

    Returns
    -------
    callable
        Decorates a function whose first parameter takes what was typed: a dictionary by the names
        of the fields, without those that were not typed.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        taken = [
            _parameter(name, setting, field)
            for name, setting, field in _settings(config)
            if name not in leave
        ]

        @functools.wraps(function)
        def command(**options: Any) -> None:
            given = {each.name: options.pop(each.name) for each in taken}
            typed = {name: value for name, value in given.items() if value not in (None, [])}
            function(typed, **options)

        parameters = [*taken, *(each.replace(kind=each.KEYWORD_ONLY) for each in own)]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def words_of(config: type[Config], typed: Mapping[str, Any]) -> list[str]:
    """Spell what was typed as it is typed, arguments first.

    Parameters
    ----------
    config : type of Config
        Whose fields were typed.
    typed : mapping
        As `takes` gives it.
    """
    arguments, options = list[str](), list[str]()
    for name, setting, _ in _settings(config):
        if name not in typed:
            continue
        value = typed[name]
        values = [_shown(each) for each in (value if isinstance(value, list) else [value])]
        if setting.is_argument:
            arguments += values
        elif isinstance(value, bool):
            options.append(config.spelled(name) if value else _negated(config.spelled(name)))
        else:
            options += [word for each in values for word in (config.spelled(name), each)]
    return arguments + options


def _settings(config: type[Config]) -> Iterator[tuple[str, Setting, FieldInfo]]:
    """Give the options of a configuration: its own, then those that it shares with others."""
    classes = [config, *reversed(config.__mro__[1:])]
    names = [name for each in classes for name in inspect.get_annotations(each)]
    for name in dict.fromkeys(names):
        field = config.model_fields.get(name)
        setting = setting_of(field.metadata) if field else None
        if field is not None and setting is not None:
            yield name, setting, field


def _parameter(name: str, setting: Setting, field: FieldInfo) -> inspect.Parameter:
    """Make what Typer reads of a field; its default stands in the help alone."""
    kind = _kind(field)
    metavar = setting.metavar or _choices(field)
    says: Any
    if setting.is_argument:
        says = typer.Argument(metavar=metavar, help=setting.help, show_default=False)
    else:
        default = _default(name, setting, field)
        said = f"{setting.help}{DEFAULT}{default}]" if default else setting.help
        flags = setting.flags or _flags(name, kind, field)
        says = typer.Option(*flags, metavar=metavar, help=said, show_default=False)
    is_needed = setting.is_argument and setting.is_needed and field.is_required()
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if is_needed else None,
        annotation=Annotated[kind if is_needed else kind | None, says],
    )


def _flags(name: str, kind: Any, field: FieldInfo) -> tuple[str, ...]:
    """Spell an option; a flag that is on by default can be taken back."""
    flag = f"--{name.replace('_', '-')}"
    return (f"{flag}/{_negated(flag)}",) if kind is bool and field.default else (flag,)


def _negated(flag: str) -> str:
    return f"--no-{flag.partition('/')[0].removeprefix('--')}"


def _kind(field: FieldInfo) -> Any:
    """Find what a field is typed as: one text, several, a number, a path, or nothing behind it."""
    if any(isinstance(each, Text) for each in field.metadata):
        return str
    kind = _without_none(field.annotation)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is dict:
        return list[str]
    if origin is tuple:
        return list[str] if arguments[-1] is Ellipsis else kind
    is_plain = isinstance(kind, type) and not issubclass(kind, Enum)
    return kind if is_plain else str


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return annotation
    kinds = [each for each in typing.get_args(annotation) if each is not type(None)]
    return kinds[0] if len(kinds) == 1 else annotation


def _choices(field: FieldInfo) -> str | None:
    kind = _without_none(field.annotation)
    is_chosen = isinstance(kind, type) and issubclass(kind, Enum)
    return "|".join(each.value for each in kind) if is_chosen else None


def _default(name: str, setting: Setting, field: FieldInfo) -> str:
    if setting.default is not None:
        return setting.default
    value = field.default
    if field.is_required() or field.default_factory or value is False or value in (None, ()):
        return ""
    return name.replace("_", "-") if value is True else _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    return f"{value:g}" if isinstance(value, float) else str(value)
