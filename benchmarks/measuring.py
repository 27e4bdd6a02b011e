"""How long it takes to measure every object of a large label image, beside scikit-image.

    python -m benchmarks.measuring                        # 10,000 objects, 16,384 x 16,384 pixels
    python -m benchmarks.measuring --size 2048 --objects 400

The same label image and micrograph, a process a program: wall and processor seconds of the
measurement alone, and the largest resident memory of the process, which holds the two images (5
bytes a pixel). scikit-image is asked by ``regionprops_table`` for what both know; emseg's table
also has the smallest Feret diameter, the neighbours and the nearest object. A row a program is
appended to ``benchmarks/results/measuring.csv``.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.chain import ROOT, append, commit

RESULTS = ROOT / "benchmarks" / "results" / "measuring.csv"
COLUMNS = (
    "program", "version", "size", "objects", "seconds", "cpu_seconds", "ratio", "memory_mb",
    "images_mb", "mean_diameter", "commit", "machine",
)  # fmt: skip
PROPERTIES = (
    "label", "area", "equivalent_diameter_area", "feret_diameter_max", "perimeter_crofton",
    "axis_major_length", "axis_minor_length", "orientation", "centroid", "bbox", "intensity_mean",
)  # fmt: skip


def draw(folder: Path, size: int, objects: int) -> None:
    """Draw blobs of many sizes, one in each cell of a grid, and a micrograph of noise."""
    rng = np.random.default_rng(0)
    across = round(objects**0.5)
    cell = size // across
    labels = np.zeros((size, size), np.int32)
    y, x = np.indices((cell, cell)) - (cell - 1) / 2
    distance, angle = np.hypot(y, x), np.arctan2(y, x)
    for number, (row, column) in enumerate(np.ndindex(across, across), start=1):
        outline = 1 + 0.1 * np.cos(rng.integers(2, 6) * angle + rng.uniform(0, 6))
        blob = distance <= outline * rng.uniform(0.15, 0.44) * cell
        place = np.s_[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell]
        labels[place][blob] = number
    np.save(folder / "labels.npy", labels)
    np.save(folder / "intensities.npy", rng.integers(0, 256, (1, size, size), np.uint8))


def with_emseg(labels: np.ndarray, intensities: np.ndarray) -> np.ndarray:
    """Measure with emseg and give the diameters."""
    from emseg.measuring import measure_objects

    return measure_objects(labels, None, intensities=intensities).diameter


def with_scikit_image(labels: np.ndarray, intensities: np.ndarray) -> np.ndarray:
    """Measure with scikit-image and give the diameters."""
    from skimage.measure import regionprops_table

    table = regionprops_table(labels, intensities[0], properties=PROPERTIES)
    return table["equivalent_diameter_area"]


PROGRAMS = {"emseg": with_emseg, "scikit-image": with_scikit_image}


def measure(folder: Path, program: str) -> dict[str, float]:
    """Measure in this process: seconds, largest resident memory, and the mean diameter."""
    labels, intensities = np.load(folder / "labels.npy"), np.load(folder / "intensities.npy")
    tiny = np.kron(np.arange(4).reshape(2, 2), np.ones((4, 4), int))
    PROGRAMS[program](tiny, tiny[None])  # what is imported when called is not counted
    start, processor = time.perf_counter(), time.process_time()
    diameters = PROGRAMS[program](labels, intensities)
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - processor,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "images_mb": (labels.nbytes + intensities.nbytes) / 1e6,
        "mean_diameter": float(diameters.mean()),
    }


def child(*arguments: str) -> str:
    """Run this module in a process of its own, whose memory is counted from the start."""
    command = [sys.executable, "-m", "benchmarks.measuring", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout


def compare(size: int, objects: int) -> list[dict[str, str]]:
    """Give a row a program; ``ratio`` is its time over that of emseg."""
    about = {"size": str(size), "objects": str(objects), "commit": commit()}
    about["machine"] = f"{platform.machine()} {os.cpu_count()} cores"
    rows = []
    with TemporaryDirectory() as folder:
        scale = ("--size", str(size), "--objects", str(objects), "--folder", folder)
        child(*scale, "--part", "draw")
        found = {name: json.loads(child(*scale, "--part", name)) for name in PROGRAMS}
    for name, values in found.items():
        values["ratio"] = values["seconds"] / found["emseg"]["seconds"]
        numbers = {column: f"{value:.2f}" for column, value in values.items()}
        rows.append(about | {"program": name, "version": version(name)} | numbers)
    return rows


def main() -> None:
    """Measure and append; or do one part of it in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=16384, help="rows and columns")
    parser.add_argument("--objects", type=int, default=10000, help="a square number")
    parser.add_argument("--part", choices=("draw", *PROGRAMS), help="used by itself")
    parser.add_argument("--folder", type=Path, help="where the parts keep the images")
    asked = parser.parse_args()
    if asked.part == "draw":
        draw(asked.folder, asked.size, asked.objects)
    elif asked.part:
        print(json.dumps(measure(asked.folder, asked.part)))
    else:
        for row in compare(asked.size, asked.objects):
            append(RESULTS, COLUMNS, row)
            print(row)


if __name__ == "__main__":
    main()
