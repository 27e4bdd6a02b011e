"""The commands as Typer takes them, of which only those that are called are imported."""

import functools
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from emseg import __version__
from emseg.cli.frame import typed
from emseg.cli.frame.command_list import COMMANDS, GROUPS
from emseg.cli.frame.options import Debug, Log, Quiet, Version
from emseg.meters import shown_by

_NOBODY_READS = 141  # what a shell reports for a program that a closed pipe ended
_EXAMPLES = "Examples\n--------\n"


def function_of(name: str) -> Callable[..., None]:
    """Import the function that is a command: of ``lr-find`` it is ``emseg.cli.lr_find.lr_find``.

    Parameters
    ----------
    name : str
        One of ``COMMANDS``.
    """
    identifier = name.replace(" ", "_").replace("-", "_")
    found: Callable[..., None] = getattr(
        importlib.import_module(f"emseg.cli.{identifier}"), identifier
    )
    return found


def load_command(name: str) -> Callable[..., None]:
    """Import the function of a command and add ``--log``, ``--quiet`` and ``--debug`` to it.

    Parameters
    ----------
    name : str
        One of ``COMMANDS``.

    Returns
    -------
    callable
        Takes the options by name.
    """
    function = function_of(name)

    @functools.wraps(function)
    def command(*, quiet: bool, debug: bool, log: Path | None, **options: Any) -> None:
        from emseg.cli.terminal import console

        console.settle(quiet=quiet, debug=debug, log=log, words=typed.words)
        try:
            with shown_by(console.progress):
                function(**options)
        except BrokenPipeError:
            raise typer.Exit(_NOBODY_READS) from None
        finally:
            console.sum_up_notices()

    signature = inspect.signature(function, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, kind, default in (
            ("log", Log, None),
            ("quiet", Quiet, False),
            ("debug", Debug, False),
        )
    ]
    parameters = [*signature.parameters.values(), *added]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


_LOOKS: dict[str, Any] = {
    "rich_markup_mode": None,  # help in boxes takes 0.6 s longer: docs/decisions/0002
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
}


def application(wanted: set[str]) -> typer.Typer:
    """Put all commands together, of which only the wanted ones are imported."""
    app = typer.Typer(**_LOOKS)
    text, examples = _help(emseg)
    app.callback(invoke_without_command=True, help=text, epilog=examples)(emseg)
    groups: dict[str, typer.Typer] = {}
    for name, summary in COMMANDS.items():
        first, _, second = name.partition(" ")
        if second and first not in groups:
            groups[first] = typer.Typer(**_LOOKS)
            groups[first].callback(invoke_without_command=True, help=GROUPS[first])(_group)
            app.add_typer(groups[first], name=first)
        member = groups[first] if second else app
        if name in wanted or first in wanted:
            function = load_command(name)
            text, examples = _help(function)
            member.command(second or first, help=text, epilog=examples)(function)
        else:
            member.command(second or first, short_help=summary)(_not_imported)
    return app


def emseg(context: typer.Context, version: Version = False) -> None:
    """Segment and classify electron micrographs, in nanometres.

    Examples
    --------
    emseg demo
    emseg train images/ masks/
    emseg predict runs/unet-1 new/*.dm4
    emseg evaluate predictions/ masks/
    emseg train --help
    """
    if version:
        typer.echo(f"emseg {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


def _group(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


def _not_imported() -> None:
    """Stand for a command that this call does not need."""


def _help(function: Callable[..., None]) -> tuple[str, str]:
    """Split a docstring into its text and its examples, whose lines are kept as they are."""
    text, _, examples = inspect.cleandoc(function.__doc__ or "").partition(_EXAMPLES)
    lines = "".join(f"\n  {line}" if line else "\n\n\b" for line in examples.split("\n"))
    return text.strip(), f"\b\nExamples:{lines}" if examples else ""
