"""Whether ``emseg train --minutes`` ends in time, with a model, whatever the machine does besides.

    python -m benchmarks.budget                       # three conditions, about a quarter of an hour
    python -m benchmarks.budget busy --minutes 3

``idle``: nothing else runs. ``busy``: two processes that never rest run beside it. ``slow``: a
network and a batch of which this machine makes about two steps a minute. Each run appends a row to
``benchmarks/results/budget.csv``: what was asked for, what the whole command took, steps, score,
and what it said. One whose row is there for the same code is skipped, so the command can be stopped
and goes on. In time is within a tenth of the minutes and one step.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.chain import append, commit, is_done
from benchmarks.code_state import code_state, of_one_state
from benchmarks.learning import ROOT, superalloy
from benchmarks.predicting.setting import machine

RESULTS = ROOT / "benchmarks" / "results" / "budget.csv"
COLUMNS = (
    "condition", "minutes", "options", "seconds", "beyond", "steps", "planned", "score", "said",
    "reached", "code", "commit", "machine",
)  # fmt: skip
CONDITIONS: dict[str, tuple[str, ...]] = {
    "idle": (),
    "busy": (),
    "slow": ("--encoder", "efficientnet-b7", "--pretrained", "none", "--crop-size", "512"),
}
_BURNERS = 2
_SHARE = 0.1  # of the minutes, by which it may end late, besides one step


@contextmanager
def burning(count: int) -> Iterator[None]:
    """Run processes that never rest beside the block."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def measure(condition: str, minutes: float) -> dict[str, str]:
    """Train once under a condition."""
    options = CONDITIONS[condition]
    with tempfile.TemporaryDirectory() as folder, burning(_BURNERS * (condition == "busy")):
        run = Path(folder) / "run"
        limit = ("--minutes", f"{minutes:g}", "--out", str(run))
        command = [sys.executable, "-m", "emseg", "train", *superalloy().command, *options, *limit]
        start = time.monotonic()
        ended = subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        seconds = time.monotonic() - start
        card = json.loads((run / "model" / "config.json").read_text())
    training = card["training"]
    step = 60 * minutes / max(1, training["steps"])
    late = seconds - 60 * minutes
    score = card["scores"].get("mean_iou")
    doubts = [line for line in ended.stdout.splitlines() if "steps:" in line or "no better" in line]
    return {
        "options": " ".join(options),
        "seconds": f"{seconds:.0f}",
        "beyond": f"{late / (60 * minutes):+.3f}",
        "steps": str(training["steps"]),
        "planned": str(training["planned_steps"]),
        "score": "" if score is None else f"{score:.3f}",
        "said": " ".join(doubts)[:200],
        "reached": "yes" if late <= _SHARE * 60 * minutes + step else "no",
    }


def table(rows: list[dict[str, str]]) -> str:
    """Write rows as Markdown."""
    shown = COLUMNS[:10]
    lines = [f"| {' | '.join(shown)} |", "|---" * len(shown) + "|"]
    lines += [f"| {' | '.join(row[name] for name in shown)} |" for row in rows]
    return "\n".join(lines)


def main() -> None:
    """Measure what the table does not hold, and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("conditions", nargs="*", metavar="CONDITION", help=", ".join(CONDITIONS))
    parser.add_argument("--minutes", type=float, default=4)
    asked = parser.parse_args()
    code = code_state()
    for condition in asked.conditions or CONDITIONS:
        key = {
            "condition": condition,
            "minutes": f"{asked.minutes:g}",
            "code": code,
            "machine": machine(),
        }
        if not is_done(RESULTS, key):
            row = key | measure(condition, asked.minutes) | {"commit": commit()}
            append(RESULTS, COLUMNS, row)
    with RESULTS.open(newline="") as file:
        print(table(of_one_state(list(csv.DictReader(file)))))


if __name__ == "__main__":
    main()
