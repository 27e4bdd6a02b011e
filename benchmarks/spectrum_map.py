"""Train on chosen X-ray lines plus HAADF with a sparse mask, and predict the map.

    python -m benchmarks.spectrum_map --minutes 2

The mask of ``../shared/data/spectrum_maps`` is painted in two colours on black; most of it is
black, which is unlabelled. Of the strokes of each colour, counted from the largest, every second
one is held out: the network never sees its pixels as labelled, and the prediction of the whole
map is scored on those pixels alone. Strokes lie apart, but they are strokes on one map: the
score says how well the rest of this map is told apart, not what happens on another specimen.

Each run appends a row to ``benchmarks/results/spectrum_map.csv``; ``--keep FOLDER`` keeps the
run and the preview picture.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from benchmarks.chain import DATA, ROOT, append, commit, emseg, machine, scores

RESULTS = ROOT / "benchmarks" / "results" / "spectrum_map.csv"
MAP = DATA / "spectrum_maps" / "SiO2 EDS Spectrum Image.hspy"
MASK = DATA / "spectrum_maps" / "SiO2_sparse_trainingmask.png"
CHANNELS = "Si_Ka,O_Ka,C_Ka,* HAADF Image.hspy"
LABELS = ("--labels", "#6da34d=background,#a30015=particle", "--unlabelled", "#000000")
COLUMNS = (
    "channels", "seed", "commit", "machine", "options", "minutes", "steps", "trained_on",
    "scored_on", "score", "details",
)  # fmt: skip


def strokes(mask: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Share the painted strokes between training and test, shape (Y, X, 3) each."""
    parts = (np.zeros_like(mask), np.zeros_like(mask))
    for colour in np.unique(mask.reshape(-1, 3), axis=0):
        if not colour.any():
            continue
        numbered, count = ndimage.label((mask == colour).all(-1))
        areas = np.bincount(numbered.ravel())[1:]
        for rank, stroke in enumerate(np.argsort(-areas, kind="stable")[:count]):
            parts[rank % 2][numbered == stroke + 1] = colour
    return parts


def measure(work: Path, channels: str, seed: int, minutes: float, options: str) -> dict[str, str]:
    """Train, predict and evaluate once."""
    mask = np.asarray(Image.open(MASK).convert("RGB"))
    train, test = strokes(mask)
    for name, part in (("train", train), ("test", test)):
        Image.fromarray(part).save(work / f"{name}.png")
    said = ("--channels", channels, *LABELS, "--crop-size", "32", *options.split())
    limits = ("--seed", str(seed), "--minutes", str(minutes), "--out", str(work / "run"))
    start = time.monotonic()
    emseg("train", str(MAP), str(work / "train.png"), *said, *limits)
    spent = (time.monotonic() - start) / 60
    emseg("predict", str(work / "run"), str(MAP), "--out", str(work / "predictions"))
    compared = (str(work / "predictions"), str(work / "test.png"), *LABELS)
    metrics = json.loads(emseg("evaluate", *compared, "--json", "--out", str(work / "evaluation")))
    card = json.loads((work / "run/model/config.json").read_text())
    return {
        "channels": channels,
        "seed": str(seed),
        "commit": commit(),
        "machine": machine(card),
        "options": options,
        "minutes": f"{minutes:g} ({spent:.1f} with start and drawing)",
        "steps": str(card["training"]["steps"]),
        "trained_on": f"{int(train.any(-1).sum())} px",
        "scored_on": f"{int(test.any(-1).sum())} px",
        **scores(metrics),
    }


def main() -> None:
    """Measure once and append a row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--channels", default=CHANNELS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--options", default="", help="further options of emseg train, quoted")
    parser.add_argument("--keep", type=Path, help="an empty folder for the run and the preview")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = asked.keep or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        row = measure(work, asked.channels, asked.seed, asked.minutes, asked.options)
    append(RESULTS, COLUMNS, row)
    print(row)


if __name__ == "__main__":
    main()
