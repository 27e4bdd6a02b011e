"""What a call on a worker brings home: its result, or why there is none, and what it logged."""

import logging
import threading
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from emseg import __version__
from emseg.errors import ContentError, EmsegError, MismatchError, UnknownNameError, UsageError

_T = TypeVar("_T")
_one_at_a_time = threading.Lock()  # what a worker holds, a model and its memory, is for one call


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the user that a worker logged.

    Parameters
    ----------
    name : str
        Of the logger.
    level : int
        Of `logging`.
    text : str
        The line.
    more : str or None
        What stands for further ones alike; see `emseg.cli.console`.
    """

    name: str
    level: int
    text: str
    more: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call.

    Parameters
    ----------
    found : object
        The result.
    notices : tuple of Notice
        In order.
    error : EmsegError or MemoryError or None
        Why there is no result.
    """

    found: Any = None
    notices: tuple[Notice, ...] = ()
    error: EmsegError | MemoryError | None = None


def replied(version: str, work: Callable[..., Any], *arguments: Any) -> Reply:
    """Call on a worker, one call at a time, and keep what it says from its terminal.

    Parameters
    ----------
    version : str
        Of the emseg that asks; another one answers with what is wrong.
    work : callable
        A function of a module, which workers import.
    arguments
        Of it.
    """
    if version != __version__:
        line = f"a worker has emseg {__version__}, and this is {version}; install the same"
        return Reply(error=MismatchError(f"{line} everywhere"))
    with _one_at_a_time:
        heard = _Heard()
        log = logging.getLogger("emseg")
        propagates, log.propagate = log.propagate, False
        log.addHandler(heard)
        try:
            return Reply(work(*arguments), tuple(heard.notices))
        except UnknownNameError as error:  # is made of more than its text
            return Reply(None, tuple(heard.notices), UsageError(str(error)))
        except EmsegError as error:
            return Reply(None, tuple(heard.notices), error)
        except MemoryError:
            return Reply(None, tuple(heard.notices), MemoryError())
        finally:
            log.removeHandler(heard)
            log.propagate = propagates


def in_folder(folder: Path, work: Callable[..., _T], *arguments: Any) -> _T:
    """Call on a worker as if in the folder of the command, where relative paths begin.

    Raises
    ------
    ContentError
        When the worker does not see that folder.
    """
    if not folder.is_dir():
        raise ContentError(
            f"a worker has no folder {folder}, in which the command was given; give it in one that "
            "all workers share"
        )
    with chdir(folder):
        return work(*arguments)


class _Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.notices: list[Notice] = []

    def emit(self, record: logging.LogRecord) -> None:
        more = getattr(record, "more", None)
        self.notices.append(Notice(record.name, record.levelno, record.getMessage(), more))


class Told:
    """Logs here what workers say, the same line once."""

    def __init__(self) -> None:
        self._said: set[Notice] = set()

    def tell(self, notices: tuple[Notice, ...]) -> None:
        """Log lines that were not logged yet."""
        for each in notices:
            if each not in self._said:
                self._said.add(each)
                extra = {} if each.more is None else {"more": each.more}
                logging.getLogger(each.name).log(each.level, "%s", each.text, extra=extra)
