"""What the rooms log, as lines for a user."""

import logging

from rich.console import Console
from rich.text import Text


class Notices(logging.Handler):
    """What the rooms say, as one line each on stderr: how work goes, notices, inputs that failed.

    The same notice is not said twice. One may come with ``extra={"more": "{} more files..."}``: of
    those with the same text the first is shown, and at the end how many more there were.

    Parameters
    ----------
    console : Console
        Where they are shown.
    level : int
        From which on, as `logging` counts.
    """

    def __init__(self, console: Console, level: int) -> None:
        super().__init__(level)
        self._console = console
        self._said: set[str] = set()
        self._more: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Show a line."""
        if record.levelno < logging.WARNING:
            self._console.print(record.getMessage(), soft_wrap=True)
            return
        line = " ".join(record.getMessage().split())
        if record.levelno >= logging.ERROR:
            self._console.print(Text("failed:", style="bold red"), line, soft_wrap=True)
            return
        if line in self._said:
            return
        self._said.add(line)
        more = getattr(record, "more", None)
        if more is None or more not in self._more:
            self._notice(line)
        if more is not None:
            self._more[more] = self._more.get(more, -1) + 1

    def sum_up(self) -> None:
        """Show how many of each kind were not shown."""
        for more, count in self._more.items():
            if count:
                self._notice(more.format(count))
        self._more.clear()

    def _notice(self, line: str) -> None:
        self._console.print(Text("notice:", style="yellow"), line, soft_wrap=True)
