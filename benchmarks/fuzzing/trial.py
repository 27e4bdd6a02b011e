"""One command on one damaged file, in a process of its own, and what it left."""

import os
import resource
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

LONGEST_S = 30
LARGEST_MB = 2000
_ALLOWED = (0, 2, 3, 4)  # done, wrong usage, some failed, content that cannot be used


@dataclass(frozen=True)
class Trial:
    """How a command ended.

    Parameters
    ----------
    code : int
        Exit code; negative for a signal.
    seconds, memory_mb : float
        How long it took, and its largest resident memory.
    text : str
        All that it printed.
    """

    code: int
    seconds: float
    memory_mb: float
    text: str

    @property
    def broken(self) -> str:
        """The promise that was broken; empty when all were kept."""
        errors = [each for each in self.text.splitlines() if each.startswith("emseg: error:")]
        if self.seconds >= LONGEST_S:
            return f"it took {self.seconds:.0f} s"
        if "Traceback" in self.text or "defect in emseg" in self.text:
            return "a traceback or a defect"
        if self.code not in _ALLOWED:
            return f"exit code {self.code}"
        if self.memory_mb > LARGEST_MB:
            return f"it took {self.memory_mb:,.0f} MB"
        if self.code and len(errors) != 1:
            return f"exit code {self.code} with {len(errors)} lines of error"
        return ""


def run(arguments: list[str], folder: Path) -> Trial:
    """Run a command in a forked process that inherits what is imported already.

    Parameters
    ----------
    arguments : list of str
        As on the command line, without the name of the program.
    folder : Path
        Where the command runs, and where what it prints is kept.
    """
    printed = folder / "printed.txt"
    start = time.monotonic()
    child = os.fork()
    if not child:
        _be_the_command(arguments, folder, printed)
    status, usage = _wait(child, start)
    text = printed.read_text(encoding="utf-8", errors="replace") if printed.exists() else ""
    code = os.waitstatus_to_exitcode(status)
    return Trial(code, time.monotonic() - start, usage.ru_maxrss / 1000, text)


def _wait(child: int, start: float) -> tuple[int, resource.struct_rusage]:
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            return status, usage
        if time.monotonic() - start > LONGEST_S:
            os.kill(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            return status, usage
        time.sleep(0.01)


def _be_the_command(arguments: list[str], folder: Path, printed: Path) -> None:
    """Run in the child and never come back."""
    code = 1
    try:
        target = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(target, 1)
        os.dup2(target, 2)
        os.chdir(folder)
        sys.argv = ["emseg", *arguments]
        from emseg.cli import main

        main()
        code = 0
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(bool(exit_.code))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
