"""How long ``emseg evaluate`` takes for 100 pairs of 2048 x 2048 with 1,000 resamples.

    python -m benchmarks.evaluating                # writes the pairs, evaluates, appends a row
    python -m benchmarks.evaluating --pairs 10 --metrics all

The pairs have three classes: smooth random fields, cut at two levels, and the same with a little
noise of the same smoothness as the prediction. The target for the usual metrics is 3 minutes on
two cores.
"""

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.chain import ROOT, append, commit, emseg

RESULTS = ROOT / "benchmarks" / "results" / "evaluating.csv"
COLUMNS = (
    "pairs", "side", "metrics", "draws", "commit", "machine", "seconds", "per_pair", "report",
)  # fmt: skip
LEVELS = (-0.5, 1.0)


def write_pairs(folder: Path, count: int, side: int) -> None:
    """Write label images with some hundred objects each."""
    for name in ("masks", "predictions"):
        (folder / name).mkdir()
    for number in range(count):
        rng = np.random.default_rng(number)
        field = _smooth(rng, side, 12)
        noisy = field + 0.15 * _smooth(rng, side, 6)
        for name, values in (("masks", field), ("predictions", noisy)):
            classes = np.digitize(values, LEVELS).astype(np.uint8)
            iio.imwrite(folder / name / f"{number}.png", classes)


def _smooth(rng: np.random.Generator, side: int, sigma: float) -> np.ndarray:
    field = gaussian_filter(rng.standard_normal((side, side)).astype(np.float32), sigma)
    return field / field.std()


def measure(count: int, side: int, metrics: str, draws: int, report: bool) -> dict[str, str]:
    """Evaluate as a user does, and say how long it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pairs(folder, count, side)
        options = ["--metrics", metrics, "--draws", str(draws)]
        options += ["--report" if report else "--no-report"]
        start = time.monotonic()
        paths = (str(folder / "predictions"), str(folder / "masks"), "--out", str(folder / "out"))
        emseg("evaluate", *paths, "--classes", "matrix,grey,bright", *options)
        seconds = time.monotonic() - start
    return {
        "pairs": str(count),
        "side": str(side),
        "metrics": metrics,
        "draws": str(draws),
        "commit": commit(),
        "machine": f"{platform.machine()} {os.cpu_count()} cores",
        "seconds": f"{seconds:.1f}",
        "per_pair": f"{seconds / count:.2f}",
        "report": "yes" if report else "no",
    }


def main() -> None:
    """Measure once, print and append the row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--metrics", default="overlap,boundary,objects,quantities")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--no-report", dest="report", action="store_false")
    asked = parser.parse_args()
    row = measure(asked.pairs, asked.side, asked.metrics, asked.draws, asked.report)
    append(RESULTS, COLUMNS, row)
    print(row)


if __name__ == "__main__":
    main()
