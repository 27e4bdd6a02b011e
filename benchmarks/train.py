"""How good a model is after some minutes, beside a script by hand: the same data and wall clock.

    python -m benchmarks.train                                  # every dataset, three seeds: hours
    python -m benchmarks.train superalloy --seeds 0 --minutes 4
    python -m benchmarks.train --images 1 3 10 --minutes 1 4 8 --programs emseg forest --seeds 0
    python -m benchmarks.train --tables                         # of what was measured; runs nothing

Programs: ``script`` is `benchmarks.baseline_smp`; ``emseg`` is ``emseg train`` without an option,
which takes the encoder and the weights of the script; ``scratch`` the same without weights,
``forest`` its trees in place of a network (of segmentations only). Each trains for ``--minutes`` of
the wall clock, imports and validation included, and predicts the test images; what they write is
scored by one program. Programs alternate. Of ``--images`` emseg is given only the first training
images, and below ten of them none to validate with. Each run appends a row to
``benchmarks/results/train.csv``; one whose row is there for the same code is skipped, so the
command can be stopped and goes on.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import median

import numpy as np
import tifffile

from benchmarks.chain import append, commit, is_done
from benchmarks.code_state import code_state, of_one_state
from benchmarks.learning import DATASETS, ROOT, Dataset
from benchmarks.predicting.setting import machine
from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.metrics.membranes import MembraneScores
from emseg.micrograph import LabelClass, LabelImage

RESULTS = ROOT / "benchmarks" / "results" / "train.csv"
COLUMNS = (
    "dataset", "program", "images", "minutes", "seed", "options", "score", "details", "steps",
    "seconds", "code", "commit", "machine", "load",
)  # fmt: skip
PROGRAMS = {
    "script": (),
    "emseg": (),
    "scratch": ("--pretrained", "none"),
    "forest": ("--network", "forest"),
}
_NOT_KEPT = "PYTHONDONTWRITEBYTECODE"
_ENOUGH = 10  # training images, beside which others are labelled to validate with


def measure(key: dict[str, str]) -> dict[str, str]:
    """Train, predict and score once."""
    data = DATASETS[key["dataset"]]()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        found = (_script if key["program"] == "script" else _emseg)(data, key, work)
        return found | scores(key["dataset"], data, work / "predictions")


def _script(_data: Dataset, key: dict[str, str], work: Path) -> dict[str, str]:
    command = [sys.executable, "-m", "benchmarks.baseline_smp", key["dataset"]]
    limit = ("--minutes", key["minutes"], "--seed", key["seed"])
    said = _run([*command, str(work / "predictions"), *limit])
    told = json.loads(said.splitlines()[-1])
    return {"steps": str(told["steps"]), "seconds": f"{told['seconds']:.0f}"}


def _emseg(data: Dataset, key: dict[str, str], work: Path) -> dict[str, str]:
    emseg, run = [sys.executable, "-m", "emseg"], str(work / "run")
    named = ("--task", "classification") if data.is_classified else ()
    limit = ("--minutes", key["minutes"], "--seed", key["seed"], "--out", run, "--quiet")
    options = (*PROGRAMS[key["program"]], *limit, *key["options"].split())
    start = time.monotonic()
    _run([*emseg, "train", *_data(data, key["images"], work), *named, *options])
    seconds = time.monotonic() - start
    more = () if data.is_classified else ("--probabilities",)
    out = ("--out", str(work / "predictions"), "--precision", "float32", "--quiet")
    _run([*emseg, "predict", run, *map(str, data.test.files), *more, *out])
    card = json.loads((work / "run" / "model" / "config.json").read_text())
    return {"steps": str(card["training"]["steps"]), "seconds": f"{seconds:.0f}"}


def _data(data: Dataset, images: str, work: Path) -> tuple[str, ...]:
    if data.is_classified:
        _write_table(data, work)
        return (str(work / "train.csv"), "--val-images", str(work / "validation.csv"))
    if not images:
        return data.command
    return data.first(int(images), validated=int(images) >= _ENOUGH)


def _write_table(data: Dataset, work: Path) -> None:
    for name, part in (("train", data.train), ("validation", data.validation)):
        with (work / f"{name}.csv").open("w", newline="") as file:
            rows = zip(part.files, (data.classes[label] for label in part.values), strict=True)
            csv.writer(file).writerows([("file", "label"), *rows])


def _run(command: Sequence[str]) -> str:
    """Run a command with threads that are bound to their cores, alike for both sides.

    Modules are compiled once and kept, as ``pip install`` leaves them: a process that may not keep
    them compiles PyTorch and its companions anew, for half a minute of the four.
    """
    threads = str(len(os.sched_getaffinity(0)))
    bound = {"OMP_NUM_THREADS": threads, "OMP_PROC_BIND": "true", "PYTHONPATH": str(ROOT)}
    environ = {name: each for name, each in os.environ.items() if name != _NOT_KEPT} | bound
    ended = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environ, cwd=ROOT
    )
    return ended.stdout


def scores(dataset: str, data: Dataset, out: Path) -> dict[str, str]:
    """Score what was predicted: the headline figure, and the others."""
    if data.is_classified:
        right = [a == b for a, b in zip(_classes(data, out), data.test.values, strict=True)]
        return {"score": f"{np.mean(right):.4f}", "details": "accuracy"}
    truth = data.test.truth()
    answers = np.stack([_labels(out, path) for path in data.test.files])
    ious = []
    for index in range(len(data.classes)):
        one, other = answers == index, truth == index
        ious.append(float((one & other).sum() / max(1, (one | other).sum())))
    details = {f"iou {name}": round(iou, 4) for name, iou in zip(data.classes, ious, strict=True)}
    headline = float(np.mean(ious))
    if dataset == "neuropil":
        headline = ious[1]
    if dataset == "membranes":
        rand, info = _membrane_scores(data, out, answers, truth)
        details |= {"V_rand": round(rand, 4), "V_info": round(info, 4)}
        headline = rand
    return {"score": f"{headline:.4f}", "details": json.dumps(details)}


def _classes(data: Dataset, out: Path) -> list[int]:
    by_script = out / "classes.csv"
    if by_script.exists():
        with by_script.open(newline="") as file:
            found = {row["file"]: int(row["class"]) for row in csv.DictReader(file)}
        return [found[str(path)] for path in data.test.files]
    with (out / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    best = {Path(row["path"]).name: row["class_1"] for row in rows}
    return [data.classes.index(best[path.name]) for path in data.test.files]


def _labels(out: Path, path: Path) -> np.ndarray:
    written = out / f"{path.stem}.ome.tif"
    if written.exists():
        return np.asarray(tifffile.imread(written)).squeeze()
    return np.asarray(np.load(out / f"{path.stem}.npy")).argmax(0)


def _probabilities(out: Path, path: Path) -> np.ndarray:
    written = out / "probabilities" / f"{path.stem}.ome.tif"
    found = tifffile.imread(written) if written.exists() else np.load(out / f"{path.stem}.npy")
    found = np.asarray(found)
    return found if found.dtype == np.uint8 else np.rint(255 * found.astype(float)).astype(np.uint8)


def _membrane_scores(
    data: Dataset, out: Path, answers: np.ndarray, truth: np.ndarray
) -> tuple[float, float]:
    """V_rand and V_info, each at its best threshold over all test slices."""
    classes = tuple(LabelClass(name, (0, 0, 0)) for name in data.classes)
    metric = MembraneScores("cell")
    looks = []
    for path, answer, mask in zip(data.test.files, answers, truth, strict=True):
        images = (LabelImage(each.astype(np.uint8), classes, path.stem) for each in (answer, mask))
        looks.append(metric.look(ComparedPair(path.stem, *images, _probabilities(out, path))))
    rand, info = metric.scores(looks, np.ones((1, len(looks))))[0][:2]
    return float(rand), float(info)


def table(rows: Sequence[dict[str, str]]) -> str:
    """Write the medians over the seeds as Markdown."""
    lines = [
        "| dataset | images | minutes | program | seeds | median | each | steps | s | to script |",
        "|---|---:|---:|---|---:|---:|---|---:|---:|---:|",
    ]
    groups: dict[tuple[str, str, str, str], list[dict[str, str]]] = {}
    for row in rows:
        named = f"{row['program']} {row['options']}".strip()
        key = (row["dataset"], row["images"], row["minutes"], named)
        groups.setdefault(key, []).append(row)
    middles = {key: median(float(row["score"]) for row in found) for key, found in groups.items()}
    for key, found in groups.items():
        dataset, images, minutes, program = key
        script = middles.get((dataset, images, minutes, "script"))
        ahead = "" if script is None or program == "script" else f"{middles[key] - script:+.4f}"
        each = ", ".join(row["score"] for row in sorted(found, key=lambda row: row["seed"]))
        of_all = (median(float(row[name]) for row in found) for name in ("steps", "seconds"))
        steps, seconds = (f"{value:.0f}" for value in of_all)
        cells = (
            dataset, images or "all", minutes, program, str(len(found)), f"{middles[key]:.4f}",
            each, steps, seconds, ahead,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what the table does not hold, and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("datasets", nargs="*", metavar="DATASET", help=", ".join(DATASETS))
    parser.add_argument("--programs", nargs="+", default=list(PROGRAMS), choices=list(PROGRAMS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", nargs="+", default=["4"])
    parser.add_argument("--images", nargs="+", default=[""], help="all of them, if not given")
    parser.add_argument("--options", default="", help="further options of emseg train, quoted")
    parser.add_argument("--tables", action="store_true", help="measure nothing, print the table")
    asked = parser.parse_args()
    code = code_state()
    runs = product(
        asked.seeds, asked.datasets or DATASETS, asked.images, asked.minutes, asked.programs
    )
    for seed, dataset, images, minutes, program in [] if asked.tables else runs:
        if dataset == "steel_classes" and (program == "forest" or images):
            continue
        if program == "script" and images:
            continue
        key = {
            "dataset": dataset, "program": program, "images": images, "minutes": minutes,
            "seed": str(seed), "machine": machine(),
            "options": "" if program == "script" else asked.options,
            "code": "" if program == "script" else code,
        }  # fmt: skip
        if is_done(RESULTS, key):
            continue
        load = f"{os.getloadavg()[0]:.1f}"
        row = key | measure(key)
        append(RESULTS, COLUMNS, row | {"commit": commit(), "load": load})
        print({name: row[name] for name in COLUMNS[:10]}, flush=True)
    if RESULTS.exists():
        with RESULTS.open(newline="") as file:
            rows = of_one_state(list(csv.DictReader(file)))
        print(table(rows))


if __name__ == "__main__":
    main()
