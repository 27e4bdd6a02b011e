"""What a command costs: seconds, processor seconds, largest memory.

On Linux the largest memory of a process begins with that of the one which started it, so that a
small process of its own starts the command: `spend` runs this module, and it runs the command.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class FailedError(Exception):
    """A command ended with an error; the message is the last line that it said."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run of a command took.

    Parameters
    ----------
    seconds, cpu_seconds : float
        Of the clock, and of all its threads and children.
    peak_mb : float
        Largest resident memory, 10^6 bytes.
    said : str
        What it printed on stdout.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    said: str

    def cells(self) -> dict[str, str]:
        """As cells of a row."""
        return {
            "seconds": f"{self.seconds:.2f}",
            "cpu_seconds": f"{self.cpu_seconds:.2f}",
            "peak_mb": f"{self.peak_mb:.0f}",
        }


def spend(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Spent:
    """Run a command in a folder and wait for it.

    Raises
    ------
    FailedError
        When its exit code is not 0.
    """
    with tempfile.TemporaryDirectory() as place:
        report, errors = Path(place) / "spent.json", Path(place) / "errors.txt"
        starter = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(report)]
        with errors.open("w") as file:
            ended = subprocess.run(
                [*starter, *command],
                env=dict(environment),
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                check=False,
            )
        if ended.returncode:
            raise FailedError(_last_line(errors.read_text(errors="replace"), ended.returncode))
        return Spent(**json.loads(report.read_text()), said=ended.stdout)


def _last_line(text: str, code: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"exit code {code}: {lines[-1] if lines else 'nothing was said'}"


def main() -> int:
    """Run the command of the arguments and write what it took to the file named before it."""
    report, *command = sys.argv[1:]
    start = time.perf_counter()
    child = subprocess.Popen(command)
    _, status, used = os.wait4(child.pid, 0)
    spent = {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024),
    }
    Path(report).write_text(json.dumps(spent))
    return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main())
