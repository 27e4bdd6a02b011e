"""How a model fares on micrographs as another microscope would have made them.

    python -m benchmarks.shift                              # superalloy, three seeds: half an hour
    python -m benchmarks.shift --augment usual strong --seeds 0 --minutes 4
    python -m benchmarks.shift --model models/superalloy    # one that is there
    python -m benchmarks.shift --tables                     # of what was measured; runs nothing

A model of the training images of a dataset is scored on its test images as they are and changed:
another gamma and contrast, noise, blur, another magnification that nobody told it, inverted. Each
model appends a row a change to ``benchmarks/results/shift.csv``; one whose rows are there for the
same code is skipped. The fall is the score as it is less that of a change.
"""

import argparse
import csv
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median

import numpy as np
import tifffile
from scipy import ndimage

from benchmarks.chain import append, commit, emseg, is_done
from benchmarks.code_state import code_state, of_one_state
from benchmarks.learning import DATASETS, ROOT, Dataset, read
from benchmarks.predicting.setting import machine

RESULTS = ROOT / "benchmarks" / "results" / "shift.csv"
COLUMNS = (
    "dataset", "model", "minutes", "seed", "options", "change", "score", "code", "commit",
    "machine",
)  # fmt: skip
HOME = "as it is"
_Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _gamma(exponent: float) -> _Change:
    return lambda image, _rng: image**exponent


def _contrast(image: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """Darker than black and brighter than white are lost."""
    return np.clip((image - image.mean()) * 2.5 + 0.5, 0, 1)


def _flat(image: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    return 0.6 + 0.15 * image


def _blur(image: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    return ndimage.gaussian_filter(image, 2)


def _noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image + rng.normal(0, 0.5 * image.std(), image.shape)


def _magnified(factor: float) -> _Change:
    def change(image: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
        if factor < 1:  # a pixel is the mean of what it covers
            image = ndimage.gaussian_filter(image, 0.5 * (1 / factor - 1))
        return ndimage.zoom(image, factor, order=1, grid_mode=True, mode="nearest")

    return change


CHANGES: dict[str, _Change] = {
    HOME: lambda image, _rng: image,
    "gamma 0.5": _gamma(0.5),
    "gamma 2": _gamma(2),
    "contrast x 2.5, clipped": _contrast,
    "contrast x 0.15": _flat,
    "blur 2 px": _blur,
    "noise 0.5 sd": _noise,
    "magnified x 0.7": _magnified(0.7),
    "magnified x 1.4": _magnified(1.4),
    "inverted": lambda image, _rng: 1 - image,
}


def write_changed(data: Dataset, folder: Path) -> None:
    """Write the test images as each change leaves them, 8 bit, without a pixel size."""
    for number, path in enumerate(data.test.files):
        image = read(path).astype(float)
        image = (image - image.min()) / max(1e-9, np.ptp(image))
        for place, change in enumerate(CHANGES.values()):
            changed = change(image, np.random.default_rng(number))
            grey = np.rint(255 * np.clip(changed, 0, 1)).astype(np.uint8)
            tifffile.imwrite(folder / f"{place:02}-{path.stem}.tif", grey)


def scores(data: Dataset, out: Path) -> dict[str, float]:
    """Score what was predicted of each change: mean IoU over all pixels of the test images."""
    truth = data.test.truth()
    found = {}
    for place, name in enumerate(CHANGES):
        same, either = np.zeros(len(data.classes)), np.zeros(len(data.classes))
        for path, mask in zip(data.test.files, truth, strict=True):
            answer = tifffile.imread(out / f"{place:02}-{path.stem}.ome.tif").squeeze()
            factor = [a / b for a, b in zip(answer.shape, mask.shape, strict=True)]
            if answer.shape != mask.shape:
                mask = ndimage.zoom(mask, factor, order=0, grid_mode=True, mode="nearest")
            for index in range(len(data.classes)):
                one, other = answer == index, mask == index
                same[index] += (one & other).sum()
                either[index] += (one | other).sum()
        found[name] = float((same / np.maximum(either, 1)).mean())
    return found


def measure(dataset: str, options: str, seed: int, asked: argparse.Namespace) -> dict[str, float]:
    """Train, or take a model that is there; predict every change, and score it."""
    data = DATASETS[dataset]()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        model = asked.model
        if model is None:
            model = work / "run"
            limit = ("--minutes", f"{asked.minutes:g}") if not asked.steps else ()
            limit = ("--steps", str(asked.steps)) if asked.steps else limit
            more = ("--seed", str(seed), "--out", str(model), "--quiet", *options.split())
            emseg("train", *data.command, *limit, *more)
        (work / "changed").mkdir()
        write_changed(data, work / "changed")
        out = ("--out", str(work / "predictions"), "--precision", "float32", "--quiet")
        emseg("predict", str(model), str(work / "changed"), *out)
        return scores(data, work / "predictions")


def table(rows: Sequence[dict[str, str]]) -> str:
    """Write the medians over the seeds as Markdown, a column a model."""
    models = list(dict.fromkeys((row["model"], row["minutes"], row["options"]) for row in rows))
    named = [" ".join(filter(None, (m, o, t and f"{t} min"))) for m, t, o in models]
    lines = [f"| change | {' | '.join(named)} |", "|---" * (len(models) + 1) + "|"]
    middles = {
        (key, change): median(
            float(row["score"])
            for row in rows
            if (row["model"], row["minutes"], row["options"]) == key and row["change"] == change
        )
        for key in models
        for change in CHANGES
    }
    for change in CHANGES:
        cells = (f"{middles[key, change]:.4f}" for key in models)
        lines.append(f"| {change} | {' | '.join(cells)} |")
    falls = (
        mean(middles[key, HOME] - middles[key, change] for change in CHANGES if change != HOME)
        for key in models
    )
    return "\n".join([*lines, f"| mean fall | {' | '.join(f'{fall:.4f}' for fall in falls)} |"])


def main() -> None:
    """Measure what the table does not hold, and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dataset", nargs="?", default="superalloy", choices=list(DATASETS)[:3])
    parser.add_argument("--augment", nargs="+", default=["usual", "strong"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--steps", type=int, help="in place of minutes")
    parser.add_argument("--options", default="", help="further options of emseg train, quoted")
    parser.add_argument("--model", type=Path, help="score this one; train nothing")
    parser.add_argument("--tables", action="store_true", help="measure nothing, print the table")
    asked = parser.parse_args()
    code = code_state()
    length = f"{asked.steps} steps" if asked.steps else f"{asked.minutes:g}"
    for seed in [] if asked.tables else asked.seeds[: 1 if asked.model else None]:
        for augment in asked.augment[: 1 if asked.model else None]:
            options = f"--augment {augment} {asked.options}".strip()
            key = {
                "dataset": asked.dataset, "model": "trained", "minutes": length,
                "seed": str(seed), "options": options, "code": code, "machine": machine(),
            }  # fmt: skip
            if asked.model is not None:
                key |= {"model": asked.model.name, "minutes": "", "seed": "", "options": ""}
            if is_done(RESULTS, key):
                continue
            for change, score in measure(asked.dataset, options, seed, asked).items():
                row = key | {"change": change, "score": f"{score:.4f}", "commit": commit()}
                append(RESULTS, COLUMNS, row)
    if RESULTS.exists():
        with RESULTS.open(newline="") as file:
            rows = of_one_state(list(csv.DictReader(file)))
        print(table([row for row in rows if row["dataset"] == asked.dataset]))


if __name__ == "__main__":
    main()
