"""What the pixel-size guard saves: one model on the same micrographs at other pixel sizes.

    python -m benchmarks.pixel_size --minutes 8 --seeds 0

A model learns mitochondria on micrographs 00 to 11 of ``neuropil`` (4.6 nm). It then segments 15
to 19 as they are, enlarged twice (2.3 nm) and reduced twice (9.2 nm), calibrated files each, with
``--rescale auto`` and ``--rescale never``. Dice is that of the mitochondria, in the pixels of the
files, against the masks at the same size. A row each is appended to
``benchmarks/results/pixel_size.csv``; seeds that are there for the same commit are skipped.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from benchmarks.chain import DATA, ROOT, append, commit, emseg, is_done, machine

RESULTS = ROOT / "benchmarks" / "results" / "pixel_size.csv"
COLUMNS = (
    "dataset", "seed", "commit", "machine", "minutes", "steps", "pixel_size_nm", "rescale", "dice",
    "fall",
)  # fmt: skip
SIZE_NM = 4.6
FACTORS = (1.0, 2.0, 0.5)
TEST = range(15, 20)


def resized(source: Path, factor: float, *, is_mask: bool) -> np.ndarray:
    """Bring a picture to another size: bicubic up, areas down; the nearest pixel of a mask."""
    picture = Image.open(source)
    size = tuple(round(length * factor) for length in picture.size)
    smooth = Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.BOX
    return np.asarray(picture.resize(size, Image.Resampling.NEAREST if is_mask else smooth))


def write_set(folder: Path, factor: float) -> None:
    """Write the test micrographs and masks at another pixel size."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    per_cm = 1e7 / (SIZE_NM / factor)
    for number in TEST:
        image = resized(DATA / f"neuropil/images/{number:02}.tif", factor, is_mask=False)
        mask = resized(DATA / f"neuropil/mitochondria/{number:02}.png", factor, is_mask=True)
        tifffile.imwrite(
            folder / f"images/{number:02}.tif",
            image,
            resolution=(per_cm, per_cm),
            resolutionunit="CENTIMETER",
        )
        Image.fromarray(mask).save(folder / f"masks/{number:02}.png")


def measure(seed: int, minutes: float, work: Path) -> Iterator[dict[str, str]]:
    """Train once, predict six times."""
    data, run = DATA / "neuropil", str(work / "run")
    masks = ("--masks", f"mitochondria={data / 'mitochondria'}")
    split = ("--slices", "0:12", "--val-slices", "12:15")
    budget = ("--minutes", str(minutes), "--seed", str(seed), "--out", run)
    emseg("train", str(data / "images"), *masks, *split, *budget)
    card = json.loads((work / "run/model/config.json").read_text())
    whole = None
    for factor in FACTORS:
        at = work / f"{factor:g}"
        write_set(at, factor)
        for rescale in ("auto", "never"):
            dice = predicted(run, at, rescale)
            whole = dice if whole is None else whole
            yield {
                "dataset": "neuropil",
                "seed": str(seed),
                "commit": commit(),
                "machine": machine(card),
                "minutes": f"{minutes:g}",
                "steps": str(card["training"]["steps"]),
                "pixel_size_nm": f"{SIZE_NM / factor:g}",
                "rescale": rescale,
                "dice": f"{dice:.4f}",
                "fall": f"{whole - dice:.4f}",
            }


def predicted(run: str, at: Path, rescale: str) -> float:
    """Dice of the mitochondria when a set is predicted."""
    out, masks = str(at / rescale), f"mitochondria={at / 'masks'}"
    emseg("predict", run, str(at / "images"), "--rescale", rescale, "--out", out)
    scores = emseg("evaluate", out, "--masks", masks, "--json", "--out", str(at / "scores"))
    return float(json.loads(scores)["classes"]["mitochondria"]["dice"])


def main() -> None:
    """Measure the seeds that the command line names and the table does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--minutes", type=float, default=8)
    asked = parser.parse_args()
    for seed in asked.seeds:
        key = {"seed": str(seed), "commit": commit(), "minutes": f"{asked.minutes:g}"}
        if is_done(RESULTS, key):
            print(f"seed {seed}: in {RESULTS.name} already")
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows = list(measure(seed, asked.minutes, Path(folder)))
        for row in rows:
            append(RESULTS, COLUMNS, row)
            print(row)


if __name__ == "__main__":
    main()
