"""The two consoles, the notices and the progress: everything that a user sees goes through here.

Results go to ``out`` (stdout), all else to ``err`` (stderr). Both take text as it is: no markup, so
that ``img[3].tif`` stays ``img[3].tif``. ``NO_COLOR`` and terminals without colour are honoured.
"""

import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from emseg.cli.terminal.columns import harmless
from emseg.cli.terminal.log_file import LogFile
from emseg.cli.terminal.meters import ProgressBar, ProgressLines
from emseg.cli.terminal.notices import Notices
from emseg.meters import Meter, Silence

if TYPE_CHECKING:
    from rich.progress import Progress

_WIDTH_OF_A_FILE = 200  # a table that is piped into a file is not cut at 80 columns


class _Console(Console):
    """A console that takes text as it is, and says when nobody reads it any more."""

    def __init__(self, *, stderr: bool) -> None:
        terminal = (sys.stderr if stderr else sys.stdout).isatty()
        width = None if terminal else _WIDTH_OF_A_FILE
        super().__init__(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Take text without the control characters that a name in it may hold."""
        return super().render_str(harmless(text.expandtabs()), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """Render anything; what names bring along reaches no terminal."""
        for each in super().render(renderable, options):
            is_safe = each.control is not None or each.text.isprintable()
            yield each if is_safe else Segment(harmless(each.text), each.style)

    def on_broken_pipe(self) -> None:
        """Let the command end as at any other error; rich would exit with the code of a defect."""
        raise BrokenPipeError


out = _Console(stderr=False)
err = _Console(stderr=True)
_quiet = False
_debug = False


def width() -> int:
    """Columns to lay text out in: what ``COLUMNS`` says, also when piped, or else the terminal."""
    said = os.environ.get("COLUMNS", "")
    return int(said) if said.isdecimal() and int(said) else out.width


def settle(
    *, quiet: bool = False, debug: bool = False, log: Path | None = None, words: Sequence[str] = ()
) -> None:
    """Decide once, before a command runs, what is shown, and what is kept.

    Parameters
    ----------
    quiet : bool
        Neither progress nor notices.
    debug : bool
        Tracebacks, and the log of emseg and of the libraries.
    log : Path, optional
        File that takes what happens, as lines of JSON.
    words : sequence of str
        The command, for that file.

    Raises
    ------
    NotWritableError
        When the file cannot be written.
    """
    global _quiet, _debug
    _quiet, _debug = quiet, debug
    root, said = logging.getLogger(), logging.getLogger("emseg")
    for handler in [each for each in said.handlers if isinstance(each, Notices | LogFile)]:
        said.removeHandler(handler)
    if log is not None:
        said.addHandler(LogFile(log, words))
    said.setLevel(logging.INFO if log is None and not debug else logging.DEBUG)
    if debug:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        return
    said.addHandler(Notices(err, logging.ERROR if quiet else logging.INFO))
    if not root.handlers:
        root.addHandler(logging.NullHandler())  # what libraries log is shown by --debug


def end_log(code: int) -> None:
    """Say in the file that takes what happens how the run ended."""
    for handler in logging.getLogger("emseg").handlers:
        if isinstance(handler, LogFile):
            handler.end(code)


def sum_up_notices() -> None:
    """Tell at the end of a command how many notices of one kind were not shown."""
    for handler in logging.getLogger("emseg").handlers:
        if isinstance(handler, Notices):
            handler.sum_up()


def is_debugging() -> bool:
    """Whether ``--debug`` was given."""
    return _debug


def remark(line: str) -> None:
    """Print one line on stderr, unless ``--quiet`` was given.

    Parameters
    ----------
    line : str
        What is about to happen: device, tile, pixel size and its source.
    """
    if not _quiet:
        err.print(line, soft_wrap=True)


def result(line: str) -> None:
    """Print one line on stdout, however long it is.

    Parameters
    ----------
    line : str
        A result.
    """
    out.print(line, soft_wrap=True)


def print_json(text: str, end: str = "\n") -> None:
    """Print JSON on stdout exactly as it is.

    Parameters
    ----------
    text : str
        The same text that the command's JSON file holds.
    end : str
        What follows it; nothing when more of the same list is still to come.
    """
    sys.stdout.write(text.rstrip("\n") + end)


def complain(line: str) -> None:
    """Print an error as one line on stderr; the file that takes what happens has it too.

    Parameters
    ----------
    line : str
        What is wrong, which value, and what to do.
    """
    err.print(Text("emseg: error:", style="bold red"), line, soft_wrap=True)
    for handler in logging.getLogger("emseg").handlers:
        if isinstance(handler, LogFile):
            handler.put("ERROR", "message", text=line)


def show_traceback(error: BaseException) -> None:
    """Print the traceback of an exception on stderr.

    Parameters
    ----------
    error : BaseException
        What was caught.
    """
    err.print("".join(traceback.format_exception(error)).rstrip(), soft_wrap=True)


@contextmanager
def progress(description: str, total: float | None = None, unit: str = "") -> Iterator[Meter]:
    """Open a meter as `emseg.meters.progress` asks for it.

    A bar with rate and time left on a terminal, a plain line now and then elsewhere, the rarer
    the longer it takes, nothing with ``--quiet``.
    """
    if _quiet:
        yield Silence()
    elif err.is_terminal:
        with _bars() as bars:
            yield ProgressBar(bars, bars.add_task(description, total=total, note="", rate=""), unit)
    else:
        lines = ProgressLines(remark, description, total, unit)
        yield lines
        lines.close()


def _bars() -> "Progress":
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),  # a name is no markup
        console=err,
        transient=True,
    )
