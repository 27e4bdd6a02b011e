"""The command line: options become a configuration, one call does the work, and it is printed."""

# How a command file looks, here emseg/cli/info.py:
#
#     from emseg.cli.frame.options import Json
#     from emseg.cli.frame.signature import Typed, takes
#     from emseg.config import InfoConfig
#
#
#     @takes(InfoConfig)
#     def info(typed: Typed, *, json: Json = False) -> None:
#         """Say what each file holds: axes, shape, dtype and pixel size.
#
#         Whatever else a user should know, in a paragraph or two.
#
#         Examples
#         --------
#         emseg info image.dm4
#         emseg info --json maps/*.emd
#         """
#         config = InfoConfig.from_options(**typed)
#         from emseg.commands.info import Info  # whatever takes long is imported here
#
# - The file is named after its command and so is its function; `networks list` is networks_list
#   and `lr-find` is lr_find. A command of two words belongs to the group of its first (GROUPS).
#   Above the function only light modules are imported (typer, emseg.config, emseg.errors,
#   emseg.cli.frame.options), so that the help of a command answers at once. An option is a
#   field of the configuration; what only a terminal has (--json, --dry-run) stands in the
#   signature (docs/decisions/0045).
# - The first line of the docstring is the command's line in `emseg --help` and stands in COMMANDS
#   too; a test keeps the two equal. "Examples" comes last; its lines are shown as they are.
# - --log, --quiet and --debug are added to every command here; no command declares them.
# - A refusal is a raised EmsegError; main() prints it as one line and exits with its code. A
#   command of whose inputs some failed raises PartialError after it has printed the others.
# - What the command does is one call of emseg.commands, with a configuration.
# - Results go to stdout (console.result, console.out.print(table)), what happens meanwhile to
#   stderr (console.remark, emseg.meters.progress). With --json the only text on stdout is
#   console.print_json(text). Rooms speak through `logging`: INFO is shown as it is, warnings
#   become notices, errors inputs that failed.

import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from emseg.cli.frame import typed
from emseg.cli.frame.application import application, function_of, load_command
from emseg.cli.frame.command_list import COMMANDS, GROUPS
from emseg.cli.frame.limits import settle_limits
from emseg.cli.frame.refusals import complain, refused, reserve
from emseg.errors import UnknownNameError, UsageError, listed

__all__ = ["COMMANDS", "GROUPS", "function_of", "load_command", "main", "program"]
_INTERRUPTED = 130
_NOBODY_READS = 141  # what a shell reports for a program that a closed pipe ended


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code: the console script.

    Parameters
    ----------
    arguments : sequence of str or None
        What follows ``emseg`` on the command line; None means that of this process.

    Raises
    ------
    SystemExit
        Always. 0 done; 1 a defect in emseg; 2 wrong usage; 3 some inputs failed; 4 content that
        cannot be used; 130 interrupted; 141 nobody reads the output any more.
    """
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - a service has closed it
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a µ must not end a run on an old terminal
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not sys.warnoptions and "--debug" not in given:
        warnings.simplefilter("ignore")  # what libraries tell programmers; rooms use the log
    reserve()
    with _terminated_like_interrupted():
        code = _exit_code(given)
    if "--log" in given or any(each.startswith("--log=") for each in given):
        from emseg.cli.terminal.console import end_log

        end_log(code)
    sys.exit(code)


def program(arguments: Sequence[str]) -> int:
    """Run one command and let its errors through.

    Parameters
    ----------
    arguments : sequence of str
        What follows ``emseg`` on the command line.

    Returns
    -------
    int
        0, or the code of a `typer.Exit`.

    Raises
    ------
    EmsegError
        Whatever the command refuses.
    typer.TyperException
        An option or an argument that does not fit.
    """
    typed.words[:] = arguments
    _refuse_empty(arguments)
    called = _called(arguments)
    app = application({called} if called else _words_to_complete())
    return app(list(arguments), prog_name="emseg", standalone_mode=False) or 0


def _called(arguments: Sequence[str]) -> str | None:
    """Find the command that is called, ``networks list`` too; None when it is a group or none."""
    words = [each for each in arguments if not each.startswith("-")]
    if not words:
        return None
    if words[0] not in GROUPS:
        if words[0] not in COMMANDS:
            raise UsageError(_no_command(words[0]))
        return words[0]
    if len(words) == 1:
        return None
    members = [name.partition(" ")[2] for name in COMMANDS if name.startswith(f"{words[0]} ")]
    if words[1] not in members:
        raise UnknownNameError(f"command of emseg {words[0]}", words[1], members)
    return f"{words[0]} {words[1]}"


def _first_words() -> list[str]:
    """List what can follow ``emseg``."""
    return list(dict.fromkeys(name.partition(" ")[0] for name in COMMANDS))


def _no_command(word: str) -> str:
    from emseg.cli.frame.mistyped import command_meant

    known = _first_words()
    meant = command_meant(word, known)
    hint = f"did you mean {meant!r}?" if meant else f"known are {listed(known, most=12)}"
    return f"there is no command {word!r}; {hint}"


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM, by which a cluster ends a job, clean up as Ctrl-C does."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not the main thread, which alone hears signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Refuse ``--out "$UNSET"``, which would otherwise name the current folder."""
    for before, given in pairwise(("emseg", *arguments)):
        if not given or (given.startswith("--") and given.endswith("=")):
            raise UsageError(
                f"nothing stands behind {given.rstrip('=') or before}: the argument is empty; "
                "write a value, or check the shell variable that it comes from"
            )


def _words_to_complete() -> set[str]:
    """List what a shell that asks for completions has on its line: bash, then the others."""
    words = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    return set(words.split()) if "_EMSEG_COMPLETE" in os.environ else set()


def _exit_code(arguments: list[str]) -> int:
    """Run the program and turn whatever it raises into one line and an exit code."""
    try:
        settle_limits(arguments)
        code = program(arguments)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except Exception as error:
        return refused(error)
    if code == _NOBODY_READS:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
    if code == _INTERRUPTED:  # typer turns the interruption of a command into this code
        return complain(None, "interrupted", code)
    return code
