"""Whether the rate of ``emseg lr-find`` trains as well as the best of five given ones.

    python -m benchmarks.lr_find --seeds 0 --steps 150

On ``membranes`` the default U-Net is trained on slices 0 to 19, for an equal number of steps, at
1e-4, 3e-4, 1e-3, 3e-3, 1e-2 and at the rate that ``emseg lr-find`` suggests for the seed. A row a
run (mean Dice of slices 25 to 29) is appended to ``benchmarks/results/lr_find.csv``; runs that are
there for the same commit are skipped, so the command can be stopped and goes on. The last lines say
how the found rate compares: at least the best given one less 0.01.
"""

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path

from benchmarks.chain import DATA, ROOT, append, commit, emseg, is_done, machine

RESULTS = ROOT / "benchmarks" / "results" / "lr_find.csv"
COLUMNS = (
    "dataset", "seed", "commit", "machine", "options", "rate", "kind", "steps", "minutes",
    "mean_dice",
)  # fmt: skip
GIVEN = ("0.0001", "0.0003", "0.001", "0.003", "0.01")
ALLOWED = 0.01
TRAIN = (
    str(DATA / "membranes/images"), str(DATA / "membranes/labels"), "--labels",
    "0=membrane,255=cell", "--slices", "0:20", "--val-slices", "20:25",
)  # fmt: skip
TEST = ("--slices", "25:30")


def find(seed: int, range_steps: int, options: list[str]) -> str:
    """Ask ``emseg lr-find`` for a rate."""
    with tempfile.TemporaryDirectory() as folder:
        asked = ("--seed", str(seed), "--steps", str(range_steps), "--out", f"{folder}/rates")
        return str(json.loads(emseg("lr-find", *TRAIN, *options, *asked, "--json"))["suggestion"])


def measure(seed: int, rate: str, steps: int, options: list[str]) -> dict[str, str]:
    """Train at a rate, and score the slices that were held out."""
    with tempfile.TemporaryDirectory() as folder:
        run, said = f"{folder}/run", f"{folder}/said"
        start = time.monotonic()
        budget = ("--steps", str(steps), "--seed", str(seed), "--lr", rate, "--out", run)
        emseg("train", *TRAIN, *options, *budget)
        minutes = (time.monotonic() - start) / 60
        emseg("predict", run, TRAIN[0], *TEST, "--out", said)
        truth = (TRAIN[1], *TEST, "--json", "--out", f"{folder}/scores")
        scores = json.loads(emseg("evaluate", said, *truth))
        card = json.loads(Path(run, "model/config.json").read_text())
    return {
        "machine": machine(card),
        "minutes": f"{minutes:.1f}",
        "mean_dice": f"{scores['mean']['dice']:.4f}",
    }


def rates(seed: int, asked: argparse.Namespace, key: dict[str, str]) -> list[tuple[str, str]]:
    """List the rates to train at, the found one last; it is not searched for a second time."""
    found = next((row["rate"] for row in rows(key) if row["kind"] == "found"), None)
    found = found or find(seed, asked.range_steps, asked.options.split())
    return [*((rate, "given") for rate in GIVEN), (found, "found")]


def rows(key: dict[str, str]) -> list[dict[str, str]]:
    """Rows of the table that have these cells."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="") as file:
        return [row for row in csv.DictReader(file) if all(row[k] == key[k] for k in key)]


def verdict(key: dict[str, str]) -> str:
    """Compare the found rate with the best given one."""
    given = {row["rate"]: float(row["mean_dice"]) for row in rows(key) if row["kind"] == "given"}
    found = next(row for row in rows(key) if row["kind"] == "found")
    best = max(given, key=lambda rate: given[rate])
    is_good = float(found["mean_dice"]) >= given[best] - ALLOWED
    return (
        f"seed {key['seed']}: found {found['rate']} -> {found['mean_dice']}, best given {best} -> "
        f"{given[best]:.4f}: {'good' if is_good else 'worse'}"
    )


def main() -> None:
    """Measure what the command line asks for and the table does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=150, help="of each training")
    parser.add_argument("--range-steps", type=int, default=100, help="of the range test")
    parser.add_argument("--options", default="", help="further options of both commands, quoted")
    asked = parser.parse_args()
    for seed in asked.seeds:
        key = {"dataset": "membranes", "seed": str(seed), "commit": commit()}
        key |= {"options": asked.options, "steps": str(asked.steps)}
        for rate, kind in rates(seed, asked, key):
            run = key | {"rate": rate, "kind": kind}
            if is_done(RESULTS, run):
                print(f"seed {seed}, {kind} rate {rate}: in {RESULTS.name} already")
                continue
            row = run | measure(seed, rate, asked.steps, asked.options.split())
            append(RESULTS, COLUMNS, row)
            print(row)
        print(verdict(key))


if __name__ == "__main__":
    main()
