"""How a model fares that learns from few labels: strokes, and a class that is rare.

    python -m benchmarks.labels                         # three seeds: an hour and a half
    python -m benchmarks.labels --labels full rare --seeds 0 --minutes 8
    python -m benchmarks.labels --tables                # of what was measured; runs nothing

Models of `superalloy`, on its test images: ``full`` masks, ``strokes`` (a brush through each class;
95 % of the pixels are unlabelled, of the validation masks too), and ``rare`` (small precipitates
are unlabelled but for some that cover 0.3 % of the labelled pixels). Each run appends a row to
``benchmarks/results/labels.csv``; one whose row is there for the same code is skipped.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image
from scipy import ndimage

from benchmarks.chain import append, commit, emseg, is_done
from benchmarks.code_state import code_state, of_one_state
from benchmarks.learning import ROOT, Part, read, superalloy
from benchmarks.predicting.setting import machine
from benchmarks.train import scores

RESULTS = ROOT / "benchmarks" / "results" / "labels.csv"
COLUMNS = (
    "labels", "minutes", "seed", "options", "score", "details", "labelled", "steps", "code",
    "commit", "machine",
)  # fmt: skip
_UNLABELLED = 255
_KEPT = 0.05  # of the pixels have a label under a brush
_RARE = 0.003  # of the labelled pixels belong to the rare class
_BRUSH = 3  # pixels to either side of the line that a hand draws
_SMALL = 1


def strokes(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keep the labels under curved strokes that stay inside one class each, as a hand paints."""
    kept = np.zeros(mask.shape, bool)
    present = np.unique(mask)
    while kept.mean() < _KEPT:
        label = present[int(rng.integers(len(present)))]
        rows, columns = np.nonzero(mask == label)
        start = int(rng.integers(len(rows)))
        at, angle = np.array([rows[start], columns[start]], float), rng.uniform(0, 2 * np.pi)
        line = np.zeros(mask.shape, bool)
        for _ in range(60):
            row, column = at.round().astype(int)
            inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
            if not inside or mask[row, column] != label:
                break
            line[row, column] = True
            angle += rng.normal(0, 0.2)
            at += np.sin(angle), np.cos(angle)
        kept |= ndimage.binary_dilation(line, iterations=_BRUSH) & (mask == label)
    return np.where(kept, mask, _UNLABELLED).astype(np.uint8)


def rare(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Take their label from small precipitates, in any order, until few pixels of them are left."""
    numbered, count = ndimage.label(mask == _SMALL)
    result = mask.astype(np.uint8)
    for number in rng.permutation(count) + 1:
        if (result == _SMALL).sum() <= _RARE * (result != _UNLABELLED).sum():
            break
        result[numbered == number] = _UNLABELLED
    return result


LABELS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "full": lambda mask, _rng: mask.astype(np.uint8),
    "strokes": strokes,
    "rare": rare,
}


def _written(part: Part, labels: str, folder: Path) -> float:
    """Write the masks of a part; return the share of their pixels that has a label."""
    folder.mkdir()
    shares = []
    for number, path in enumerate(part.masks):
        mask = LABELS[labels](read(path), np.random.default_rng(number))
        Image.fromarray(mask).save(folder / path.name)
        shares.append(float((mask != _UNLABELLED).mean()))
    return float(np.mean(shares))


def measure(labels: str, seed: int, asked: argparse.Namespace) -> dict[str, str]:
    """Train on such labels, and score on the whole masks of the test images."""
    data = superalloy()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        share = _written(data.train, labels, work / "masks")
        _written(data.validation, labels, work / "val-masks")
        images, held_out = (str(part.files[0].parent) for part in (data.train, data.validation))
        named = ("--labels", "0=matrix,1=small,2=large", "--unlabelled", str(_UNLABELLED))
        length = ("--minutes", f"{asked.minutes:g}", "--seed", str(seed), "--quiet")
        run = str(work / "run")
        emseg(
            "train", images, str(work / "masks"), "--val-images", held_out, "--val-masks",
            str(work / "val-masks"), *named, *length, "--out", run, *asked.options.split(),
        )  # fmt: skip
        out = str(work / "predictions")
        test = map(str, data.test.files)
        emseg("predict", run, *test, "--out", out, "--precision", "float32", "--quiet")
        card = json.loads((work / "run" / "model" / "config.json").read_text())
        found = scores("superalloy", data, work / "predictions")
        return found | {"labelled": f"{share:.3f}", "steps": str(card["training"]["steps"])}


def table(rows: Sequence[dict[str, str]]) -> str:
    """Write the medians over the seeds as Markdown."""
    lines = ["| labels | minutes | seeds | labelled | mean IoU | IoU small |", "|---" * 6 + "|"]
    keys = dict.fromkeys((row["labels"], row["minutes"], row["options"]) for row in rows)
    for key in keys:
        found = [row for row in rows if (row["labels"], row["minutes"], row["options"]) == key]
        score = median(float(row["score"]) for row in found)
        small = median(json.loads(row["details"])["iou small"] for row in found)
        labelled, named = found[0]["labelled"], f"{key[0]} {key[2]}".strip()
        cells = (named, key[1], str(len(found)), labelled, f"{score:.4f}", f"{small:.4f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what the table does not hold, and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--labels", nargs="+", default=list(LABELS), choices=list(LABELS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--options", default="", help="further options of emseg train, quoted")
    parser.add_argument("--tables", action="store_true", help="measure nothing, print the table")
    asked = parser.parse_args()
    code = code_state()
    for seed in [] if asked.tables else asked.seeds:
        for labels in asked.labels:
            key = {
                "labels": labels, "minutes": f"{asked.minutes:g}", "seed": str(seed),
                "options": asked.options, "code": code, "machine": machine(),
            }  # fmt: skip
            if not is_done(RESULTS, key):
                row = key | measure(labels, seed, asked)
                append(RESULTS, COLUMNS, row | {"commit": commit()})
    if RESULTS.exists():
        with RESULTS.open(newline="") as file:
            print(table(of_one_state(list(csv.DictReader(file)))))


if __name__ == "__main__":
    main()
