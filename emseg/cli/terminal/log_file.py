"""What happens in a run, as lines of JSON in a file: for machines, and for whoever was not there.

Each line is an object with ``time`` (UTC, ISO 8601), ``level`` and ``event``: ``start`` with the
command, ``file`` with what became of an input, ``message`` for everything that is said, and
``end`` with the exit code.
"""

import json
import logging
import os
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from emseg import __version__
from emseg.errors import NotWritableError


class LogFile(logging.Handler):
    """Appends what rooms say to a file; several runs may share it.

    Parameters
    ----------
    path : Path
        Made when it is missing, with its folder.
    words : sequence of str
        The command.

    Raises
    ------
    NotWritableError
        When it cannot be written.
    """

    def __init__(self, path: Path, words: Sequence[str]) -> None:
        super().__init__(logging.DEBUG)
        self._began = time.monotonic()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # a line is one write, which another process cannot break
            self._file: TextIO | None = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise NotWritableError(
                f"--log {path} cannot be written: {error.strerror}; name another file"
            ) from error
        self.put(
            "INFO",
            "start",
            command=["emseg", *words],
            version=__version__,
            folder=str(Path.cwd()),
            process=os.getpid(),
            machine=platform.node(),
            python=platform.python_version(),
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write what a room says; what it says for machines alone carries its fields along."""
        said: dict[str, Any] | None = getattr(record, "event", None)
        if said is not None:
            self.put("INFO" if record.levelno < logging.INFO else record.levelname, **said)
        elif record.levelno >= logging.INFO:
            self.put(record.levelname, "message", text=record.getMessage())

    def end(self, code: int) -> None:
        """Write how the run ended, and close the file."""
        self.put("INFO", "end", code=code, seconds=round(time.monotonic() - self._began, 3))
        if self._file is not None:
            self._file.close()
        self._file = None

    def put(self, level: str, event: str, **fields: Any) -> None:
        """Write a line."""
        if self._file is None:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "level": level.lower(), "event": event, **fields}
        try:
            self._file.write(json.dumps(line) + "\n")
        except OSError as error:  # a log must not end what it tells about
            self._file = None
            sys.stderr.write(f"--log ends here: {error.strerror}\n")
