"""Train, predict and evaluate on real micrographs, by the commands that a user types.

    python -m benchmarks.chain superalloy membranes steel_classes --seeds 0

Each run appends a row to ``benchmarks/results/chain.csv`` (dataset, seed, commit, machine,
minutes, scores). A run whose row is there for the same commit is skipped, so the command can be
stopped and goes on. The data lie in ``../shared/data`` or where EMSEG_REAL_DATA says.
"""

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("EMSEG_REAL_DATA", ROOT.parent / "shared" / "data"))
RESULTS = ROOT / "benchmarks" / "results" / "chain.csv"
COLUMNS = (
    "dataset", "seed", "commit", "machine", "options", "minutes", "steps", "score", "details",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One dataset with its split: what follows ``train``, ``predict`` and ``evaluate``."""

    train: tuple[str, ...]
    predict: tuple[str, ...]
    evaluate: tuple[str, ...]
    minutes: float
    files: dict[str, str] = field(default_factory=dict)


def superalloy(_work: Path) -> Case:
    """Mean IoU on its own test images."""
    at = DATA / "superalloy"
    train = (str(at / "train/image"), str(at / "train/label"), "--classes", "matrix,small,large")
    held_out = ("--val-images", str(at / "val/image"), "--val-masks", str(at / "val/label"))
    return Case((*train, *held_out), (str(at / "test/image"),), (str(at / "test/label"),), 8)


def membranes(_work: Path) -> Case:
    """IoU of membrane and cell on slices 25 to 29."""
    at = DATA / "membranes"
    train = (str(at / "images"), str(at / "labels"), "--labels", "0=membrane,255=cell")
    split = ("--slices", "0:20", "--val-slices", "20:25")
    test = ("--slices", "25:30")
    return Case((*train, *split), (str(at / "images"), *test), (str(at / "labels"), *test), 10)


def steel_classes(work: Path) -> Case:
    """Accuracy on a held-out fifth of each class, drawn with seed 0."""
    rng = np.random.default_rng(0)
    held_out: list[tuple[str, str]] = []
    kept: list[tuple[str, str]] = []
    for folder in sorted(each for each in (DATA / "steel_classes").iterdir() if each.is_dir()):
        files = sorted(folder.iterdir())
        drawn = set(rng.permutation(len(files))[: len(files) // 5].tolist())
        for number, file in enumerate(files):
            (held_out if number in drawn else kept).append((str(file.resolve()), folder.name))
    for name, rows in (("train.csv", kept), ("test.csv", held_out)):
        with (work / name).open("w", newline="") as file:
            csv.writer(file).writerows([("file", "label"), *rows])
    return Case((str(work / "train.csv"),), (), (str(work / "test.csv"),), 5)


CASES = {"superalloy": superalloy, "membranes": membranes, "steel_classes": steel_classes}


def emseg(*arguments: str) -> str:
    """Run a command as a user does, and return what it prints on stdout."""
    command = [sys.executable, "-m", "emseg", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def commit() -> str:
    """Commit of the measured code, marked when the tree is changed."""
    head = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(head, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def measure(name: str, seed: int, options: Sequence[str], minutes: float | None) -> dict[str, str]:
    """Train, predict and evaluate once."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        case = CASES[name](work)
        limit = minutes or case.minutes
        run = str(work / "run")
        asked = ("--minutes", str(limit), "--seed", str(seed), "--out", run, *options)
        start = time.monotonic()
        emseg("train", *case.train, *asked)
        spent = (time.monotonic() - start) / 60
        if case.predict:
            predictions = str(work / "predictions")
            emseg("predict", run, *case.predict, "--out", predictions)
            compared = (predictions, *case.evaluate)
        else:
            compared = ("--model", run, *case.evaluate)
        metrics = json.loads(
            emseg("evaluate", *compared, "--json", "--out", str(work / "evaluation"))
        )
        card = json.loads((work / "run/model/config.json").read_text())
    return {
        "dataset": name,
        "seed": str(seed),
        "commit": commit(),
        "machine": machine(card),
        "options": " ".join(options),
        "minutes": f"{limit:g} ({spent:.1f} with start and drawing)",
        "steps": str(card["training"]["steps"]),
        **scores(metrics),
    }


def scores(metrics: dict[str, dict[str, dict[str, float]]]) -> dict[str, str]:
    """Pick the headline figure and the figures of each class."""
    key = "iou" if "mean" in metrics else "f1"
    details = {n: round(each[key], 4) for n, each in metrics["classes"].items()}
    headline = metrics["mean"]["iou"] if "mean" in metrics else metrics["accuracy"]
    kind = "mean IoU" if "mean" in metrics else "accuracy"
    return {"score": f"{kind} {headline:.4f}", "details": f"{key} {json.dumps(details)}"}


def machine(card: dict[str, dict[str, str]]) -> str:
    """Say what a model was trained on."""
    return f"{platform.machine()} {os.cpu_count()} cores, {card['training']['device']}"


def is_done(table: Path, row: dict[str, str]) -> bool:
    """Whether a table holds a run with these cells already."""
    if not table.exists():
        return False
    with table.open(newline="") as file:
        return any(all(old[k] == row[k] for k in row) for old in csv.DictReader(file))


def append(table: Path, columns: Sequence[str], row: dict[str, str]) -> None:
    """Add a row to a table."""
    table.parent.mkdir(exist_ok=True)
    is_new = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, columns)
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def main() -> None:
    """Measure what the command line asks for and the table does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("datasets", nargs="+", choices=list(CASES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--minutes", type=float, help="another budget than the baselines'")
    parser.add_argument("--options", default="", help="further options of emseg train, quoted")
    asked = parser.parse_args()
    for name in asked.datasets:
        for seed in asked.seeds:
            key = {
                "dataset": name,
                "seed": str(seed),
                "commit": commit(),
                "options": asked.options,
            }
            if is_done(RESULTS, key):
                print(f"{name} seed {seed}: in {RESULTS.name} already")
                continue
            row = measure(name, seed, asked.options.split(), asked.minutes)
            append(RESULTS, COLUMNS, row)
            print(row)


if __name__ == "__main__":
    main()
