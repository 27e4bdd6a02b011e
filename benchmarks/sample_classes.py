"""Each family of classifiers on the sample images, with the same steps, beside DenseNet-121.

    python -m benchmarks.sample_classes --steps 60      # every family: under an hour on a CPU
    python -m benchmarks.sample_classes lenet5 nin
    python -m benchmarks.sample_classes --summary       # the table of what was measured

Eight images of each of the four classes of ``sample_data/classes`` are learned from (emseg keeps a
fifth of them to validate with), four are scored, all from random weights. Each run appends a row to
``benchmarks/results/sample_classes.csv``. A run whose row is there for the same code is skipped, so
the command can be stopped and goes on.
"""

import argparse
import csv
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.chain import ROOT, append, commit, is_done
from benchmarks.classifiers import scores
from benchmarks.code_state import code_state

RESULTS = ROOT / "benchmarks" / "results" / "sample_classes.csv"
COLUMNS = (
    "network", "seed", "commit", "code", "machine", "options", "minutes", "steps", "accuracy",
    "macro_f1",
)  # fmt: skip
CLASSES = ROOT / "sample_data" / "classes"
REFERENCE = "densenet121"
NETWORKS = (
    "lenet5", "lenet5_modern", "bn_lenet", "alexnet", "vgg11", "nin", "googlenet", "inception_v3",
    "inception_v4", "resnet18", "densenet", REFERENCE, "squeezenet1_1", "mobilenet_v2",
    "mobilenet_v3_small", "tf_efficientnet_lite0",
)  # fmt: skip
TESTED = 4  # images of each class
NATIVE = ("--rescale", "never")  # a lattice and an alloy share no magnification
FLOOR = 0.9  # of the accuracy of the reference


def write_split(work: Path) -> tuple[Path, Path]:
    """Write ``train.csv`` and ``test.csv``: the last images of each class are tested."""
    rows: dict[str, list[tuple[str, str]]] = {"train": [], "test": []}
    for folder in sorted(each for each in CLASSES.iterdir() if each.is_dir()):
        files = sorted(folder.iterdir())
        for part, chosen in (("train", files[:-TESTED]), ("test", files[-TESTED:])):
            rows[part] += [(str(file.resolve()), folder.name) for file in chosen]
    for part, listed in rows.items():
        with (work / f"{part}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("file", "label"), *listed])
    return work / "train.csv", work / "test.csv"


def measure(network: str, seed: int, options: Sequence[str]) -> dict[str, str]:
    """Train and score once."""
    asked = ("--network", network, "--pretrained", "none", *options, "--seed", str(seed))
    with tempfile.TemporaryDirectory() as folder:
        scored = scores(*write_split(Path(folder)), asked, NATIVE)
    return key(network, seed, options) | {"commit": commit()} | scored


def key(network: str, seed: int, options: Sequence[str]) -> dict[str, str]:
    """Cells by which a run is known."""
    return {
        "network": network,
        "seed": str(seed),
        "code": code_state(),
        "options": " ".join(options),
    }


def summary(rows: Iterable[dict[str, str]]) -> str:
    """Write the newest row of each network and seed as a Markdown table, the best mean first."""
    newest = {(row["network"], row["seed"]): row for row in rows}.values()
    found: dict[str, list[float]] = {}
    for row in newest:
        found.setdefault(row["network"], []).append(float(row["accuracy"]))
    whole = float(np.mean(found[REFERENCE])) if REFERENCE in found else float("nan")
    lines = [
        "| network | accuracy | of that of DenseNet-121 | reaches 90 % |",
        "|---|---:|---:|---|",
    ]
    for name, values in sorted(found.items(), key=lambda each: -float(np.mean(each[1]))):
        mean = float(np.mean(values))
        share = mean / whole
        lines.append(
            f"| `{name}` | {100 * mean:.1f} % | {100 * share:.0f} % "
            f"| {'yes' if share >= FLOOR else 'no'} |"
        )
    budgets = ", ".join(sorted({row["options"] for row in newest}))
    states = len({row["code"] for row in newest})
    seeds = ", ".join(sorted({row["seed"] for row in newest}))
    return "\n".join([*lines, "", f"`{budgets}`, seeds {seeds}; {states} state(s) of the code."])


def main() -> None:
    """Measure what the command line asks for and the table does not hold, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=", ".join(NETWORKS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--options", default="", help="further options of emseg train, quoted")
    parser.add_argument("--summary", action="store_true", help="print the table, measure nothing")
    asked = parser.parse_args()
    if asked.summary and not RESULTS.exists():
        parser.error(f"{RESULTS} is not there yet; measure first")
    if asked.summary:
        with RESULTS.open(newline="") as file:
            print(summary(csv.DictReader(file)))
        return
    options = ("--steps", str(asked.steps), "--batch", str(asked.batch), *asked.options.split())
    for seed in asked.seeds:
        for network in asked.networks or NETWORKS:
            if is_done(RESULTS, key(network, seed, options)):
                print(f"{network} seed {seed}: in {RESULTS.name} already")
                continue
            row = measure(network, seed, options)
            append(RESULTS, COLUMNS, row)
            print(row)


if __name__ == "__main__":
    main()
