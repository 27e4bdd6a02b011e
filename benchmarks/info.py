"""How long `emseg info FILE` takes as a new process, and how much memory.

    python -m benchmarks.info ../shared/data/microscope_files

Every file of the folder, and of its sub-folders, that emseg knows by its suffix: the median of
three processes, less the median of a Python that does nothing; the processor time of the process,
which other work on the machine changes less; and the largest resident memory. A row a file is
appended to ``benchmarks/results/info.csv`` with machine and commit.

Installers compile modules to bytecode. A first run, which does not count, does so here, into a
folder of its own; with ``--no-bytecode`` each process compiles all that it imports, the worst case.
"""

import argparse
import csv
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from emseg.reading.finding.files import find_files

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "info.csv"
COLUMNS = (
    "file", "seconds", "bare_seconds", "cpu_seconds", "memory_mb", "exit_code", "bytecode",
    "commit", "machine",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One process: wall and processor time in s, largest resident memory in MB, exit code."""

    seconds: float
    cpu_seconds: float
    memory_mb: float
    code: int


def run(cache: str | None, *arguments: str) -> Run:
    """Start a Python that keeps its bytecode in a folder, or nowhere, and wait for it."""
    kept = {"PYTHONPYCACHEPREFIX": cache} if cache else {"PYTHONDONTWRITEBYTECODE": "1"}
    inherited = {name: each for name, each in os.environ.items() if not name.startswith("PYTHON")}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=inherited | kept,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    return Run(time.perf_counter() - start, cpu, usage.ru_maxrss / 1000, process.returncode)


def measure(path: Path, repeats: int, cache: str | None) -> dict[str, object]:
    """Give the row of a file; bare processes alternate with those that look into it."""
    bare, looks = [], []
    if cache:
        run(cache, "-m", "emseg", "info", str(path))
    for _ in range(repeats):
        bare.append(run(cache, "-c", "pass").seconds)
        looks.append(run(cache, "-m", "emseg", "info", str(path)))
    idle = statistics.median(bare)
    return {
        "seconds": round(statistics.median(each.seconds for each in looks) - idle, 2),
        "bare_seconds": round(idle, 3),
        "cpu_seconds": round(statistics.median(each.cpu_seconds for each in looks), 2),
        "memory_mb": round(max(each.memory_mb for each in looks)),
        "exit_code": looks[0].code,
        "bytecode": "kept" if cache else "none",
    }


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="searched with its sub-folders")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-bytecode", action="store_true", help="compile in each process")
    options = parser.parse_args()
    asked = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    about = {"commit": commit, "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    is_new = not RESULTS.exists()
    with TemporaryDirectory() as folder, RESULTS.open("a", newline="", encoding="utf-8") as file:
        cache = None if options.no_bytecode else folder
        table = csv.DictWriter(file, COLUMNS)
        if is_new:
            table.writeheader()
        for path in find_files([options.folder / "**" / "*"]):
            row = {"file": str(path.relative_to(options.folder)), **about}
            row |= measure(path.resolve(), options.repeats, cache)
            table.writerow(row)
            file.flush()
            seconds = f"{row['seconds']:6.2f} s, processor {row['cpu_seconds']:5.2f} s"
            print(f"{seconds} {row['memory_mb']:5} MB  {row['file']}", flush=True)


if __name__ == "__main__":
    main()
