"""Two ways to show how far a long piece of work is: a bar, and lines."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY_S = 5.0
_LINE_AT_LEAST_EVERY_S = 600.0  # a log of ten hours has some hundred lines, and shows life
_SHARE = 0.1  # of the time spent so far passes until the next line


class ProgressBar:
    """The meter of a terminal.

    Parameters
    ----------
    bars : Progress
        The live display, with the fields ``note`` and ``rate``.
    task : TaskID
        The line that belongs to this meter.
    unit : str
        What the steps are, in the plural; empty for no rate.
    """

    def __init__(self, bars: "Progress", task: "TaskID", unit: str) -> None:
        self._bars, self._task, self._unit = bars, task, unit

    def advance(self, steps: float = 1) -> None:
        """Move the bar by so many steps."""
        self._bars.update(self._task, advance=steps)
        self._show_rate()

    def reach(self, done: float, total: float | None = None) -> None:
        """Move the bar to this step."""
        self._bars.update(self._task, completed=done, total=total)
        self._show_rate()

    def note(self, text: str) -> None:
        """Write a few words behind the bar."""
        self._bars.update(self._task, note=text)

    def _show_rate(self) -> None:
        speed = self._bars.tasks[self._bars.task_ids.index(self._task)].speed
        if self._unit and speed:
            self._bars.update(self._task, rate=f"{speed:.3g} {self._unit}/s")


class ProgressLines:
    """The meter of a log file: a line every few seconds, later every few minutes, and a last one.

    Parameters
    ----------
    write : callable
        Takes each line.
    description : str
        What is being done.
    total : float or None
        Steps in all; None when nobody knows.
    unit : str
        What the steps are, in the plural; empty for no rate.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        description: str,
        total: float | None,
        unit: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._description, self._total, self._unit = write, description, total, unit
        self._clock = clock
        self._began = self._written = clock()
        self._done, self._said, self._note = 0.0, 0.0, ""

    def advance(self, steps: float = 1) -> None:
        """Count so many more steps."""
        self.reach(self._done + steps)

    def reach(self, done: float, total: float | None = None) -> None:
        """Count up to this step."""
        self._done = done
        self._total = self._total if total is None else total
        now = self._clock()
        pause = min(max(_LINE_EVERY_S, _SHARE * (now - self._began)), _LINE_AT_LEAST_EVERY_S)
        if now - self._written >= pause:
            self._say()

    def note(self, text: str) -> None:
        """Put a few words at the end of the next line."""
        self._note = text

    def close(self) -> None:
        """Write where the work ended, unless that is known or it took no time worth a line."""
        if self._clock() - self._began >= 1 and self._said != self._done:
            self._say()

    def _say(self) -> None:
        self._written, self._said = self._clock(), self._done
        spent = self._written - self._began
        parts = [f"{self._description}: {self._done:.5g}"]
        if self._total is not None:
            parts[0] += f" of {self._total:.5g}"
        if self._unit:
            parts[0] += f" {self._unit}"
            parts.append(f"{self._done / spent:.3g} {self._unit}/s")
        parts.append(self._time(spent))
        self._write(", ".join([*parts, self._note] if self._note else parts))

    def _time(self, spent: float) -> str:
        if self._total is None or not 0 < self._done < self._total:
            return f"{spent:.0f} s"
        left = spent * (self._total - self._done) / self._done
        return f"{left:.0f} s left" if left < 120 else f"{left / 60:.0f} min left"
