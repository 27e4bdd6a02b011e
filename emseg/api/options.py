"""How functions take the options of commands, and paths and lengths as programs have them."""

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from emseg.calibration import PixelSize
from emseg.config import Config, setting_of
from emseg.errors import EmsegError, UsageError, did_you_mean
from emseg.remote import as_path

_P = ParamSpec("_P")
_R = TypeVar("_R")
OnePath = str | PathLike[str]
Paths = OnePath | Sequence[OnePath]
Length = float | str | PixelSize
"""Nanometres, a text with a unit, or what an image knew."""
_FLAG = re.compile(r"--(no-)?([a-z][a-z-]*[a-z])")


def command(
    *configs: type[Config], leave: Sequence[str] = ()
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Let a function show the options of a configuration, and name parameters where it refuses.

    Parameters
    ----------
    configs : type of Config
        Whose options the errors may name; those of the first stand for ``**options``.
    leave : sequence of str
        Fields that the function takes in another way.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        *own, last = inspect.signature(function).parameters.values()
        hidden = {*leave, *(each.name for each in own)}
        options_of = _options(configs[0]) if last.kind is last.VAR_KEYWORD else ()
        taken = [each for each in options_of if each[0] not in hidden]
        known = [*(each.name for each in (*own, last)), *(name for name, _, _ in taken)]

        @functools.wraps(function)
        def called(*args: _P.args, **options: _P.kwargs) -> _R:
            given: dict[str, Any] = options
            _require_known(function.__name__, given, known)
            if given.get("pixel_size") is not None:
                given["pixel_size"] = length_of(given["pixel_size"])
            try:
                return function(*args, **options)
            except EmsegError as error:
                raise in_python(error, configs) from error.__cause__

        if last.kind is last.VAR_KEYWORD:
            keywords = [
                inspect.Parameter(name, last.KEYWORD_ONLY, default=default)
                for name, default, _ in taken
            ]
            called.__signature__ = inspect.Signature([*own, *keywords])  # type: ignore[attr-defined]
            lines = [f"{name}\n    {said}" for name, _, said in taken]
            told = [inspect.cleandoc(function.__doc__ or ""), "", "Options", "-------", *lines]
            called.__doc__ = "\n".join(told)
        return called

    return decorate


def _require_known(function: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Refuse a parameter that there is not, as Python does, and say which is meant."""
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}; {hint}")


def _options(config: type[Config]) -> Iterator[tuple[str, Any, str]]:
    """Give the options of a configuration: name, default, and what is said of it."""
    for name, field in config.model_fields.items():
        setting = setting_of(field.metadata)
        if setting is not None and not setting.is_argument:
            yield name, field.get_default(call_default_factory=True), setting.help


def in_python(error: EmsegError, configs: Sequence[type[Config]]) -> EmsegError:
    """Name parameters in an error that names options of the terminal."""
    flags = {
        flag: name
        for config in configs
        for name in config.model_fields
        for flag in (config.spelled(name),)
    }

    def parameter(found: re.Match[str]) -> str:
        is_off, word = found.groups()
        name = flags.get(f"--{word}", word.replace("-", "_"))
        return f"{name}=False" if is_off else name

    error.args = tuple(
        _FLAG.sub(parameter, each) if isinstance(each, str) else each for each in error.args
    )
    return error


def path_of(image: Any) -> Path | None:
    """Give the path that was given; None where an image was."""
    return as_path(fspath(image)) if isinstance(image, str | PathLike) else None


def paths_of(given: Paths, what: str = "a file or folder") -> list[str]:
    """Spell one path or several.

    Raises
    ------
    UsageError
        When there is none.
    """
    several = [given] if isinstance(given, str | PathLike) else given
    spelled = [fspath(each) for each in several]
    if not spelled:
        raise UsageError(f"an empty list was given; name {what}")
    return spelled


def length_of(pixel_size: Length | None) -> str | None:
    """Spell a pixel size as options do; a number is nanometres."""
    if isinstance(pixel_size, PixelSize):
        return f"{pixel_size.y_nm!r}nm,{pixel_size.x_nm!r}nm"
    return f"{pixel_size!r}nm" if isinstance(pixel_size, int | float) else pixel_size
