"""V_rand and V_info of reference membranes against themselves, thickened and thinned.

    python -m benchmarks.membrane_scores                  # the 30 slices, seconds
    python -m benchmarks.membrane_scores --slices 0:2
    python -m benchmarks.membrane_scores --floods         # and all 255 thresholds of one slice

The cells of each slice of ``../shared/data/membranes/labels`` are eroded and dilated by one pixel
(4-connected, the image does not erode from its edge) and scored against the slice as it is. Against
themselves both scores are 1. The other scores of partitions stand beside them. Prints a Markdown
table.

With ``--floods`` the labels of the first slice, blurred and noisy, stand for probabilities of a
network: the scores at all 255 thresholds from one tree of basins, and from a flood of its own for
each threshold, as scikit-image does it; how long both take, and by how much they differ.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from natsort import natsorted
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.segmentation import watershed

from emseg.config import parse_slices
from emseg.evaluation.metric import ComparedPair, Metric
from emseg.evaluation.metrics.contingency import count_overlaps
from emseg.evaluation.metrics.membranes import MembraneScores
from emseg.evaluation.metrics.partitions import PartitionScores, partition_sums
from emseg.micrograph import LabelClass, LabelImage

LABELS = Path("../shared/data/membranes/labels")
CLASSES = (LabelClass("membrane", (0, 0, 0)), LabelClass("cell", (255, 255, 255)))
METRICS: tuple[Metric[NDArray[np.float64]], ...] = (MembraneScores("cell"), PartitionScores("cell"))
Cells = NDArray[np.bool_]
PREDICTIONS: dict[str, Callable[[Cells], Cells]] = {
    "the reference": lambda cells: cells,
    "cells eroded by 1 px": lambda cells: ndimage.binary_erosion(cells, border_value=1),
    "cells dilated by 1 px": ndimage.binary_dilation,
}


def pair(name: str, prediction: Cells, reference: Cells) -> ComparedPair:
    """Make label images of cells."""
    images = (LabelImage(each.astype(np.uint8), CLASSES, name) for each in (prediction, reference))
    return ComparedPair(name, *images)


def table(slices: Sequence[Cells]) -> str:
    """Score each kind of prediction, pooled over the slices, as a Markdown table."""
    names = [key[-1] for metric in METRICS for key in metric.numbers]
    lines = [
        f"| prediction | {' | '.join(names)} | s a slice |",
        "|---|" + "---:|" * (len(names) + 1),
    ]
    for kind, change in PREDICTIONS.items():
        pairs = [pair(str(i), change(cells), cells) for i, cells in enumerate(slices)]
        start = time.perf_counter()
        numbers = [
            value
            for metric in METRICS
            for value in metric.scores([metric.look(p) for p in pairs], np.ones((1, len(pairs))))[0]
        ]
        seconds = (time.perf_counter() - start) / len(slices)
        cells = " | ".join(f"{value:.6f}" for value in numbers)
        lines.append(f"| {kind} | {cells} | {seconds:.2f} |")
    return "\n".join(lines)


def floods(cells: Cells) -> str:
    """Compare one tree with a flood for each threshold, on blurred and noisy labels."""
    random = np.random.default_rng(0)
    blurred = ndimage.gaussian_filter(cells.astype(float), 2) + 0.03 * random.standard_normal(
        cells.shape
    )
    levels = np.rint(255 * blurred.clip(0, 1)).astype(np.uint8)
    one, metric = pair("0", cells, cells), MembraneScores("cell", flooded=1)
    likely = ComparedPair("0", one.prediction, one.reference, np.stack((255 - levels, levels)))
    start = time.perf_counter()
    of_tree = metric.curves(metric.look(likely)[None])[0]
    middle = time.perf_counter()
    true = ndimage.label(cells)[0]
    anew = np.stack([_flooded(levels, true, t, metric) for t in range(1, 256)], axis=1)
    end = time.perf_counter()
    apart = np.abs(of_tree - anew).max(axis=1)
    best = of_tree.max(axis=1) - anew.max(axis=1)
    return "\n".join(
        (
            f"one tree {middle - start:.2f} s, a flood for each threshold {end - middle:.1f} s",
            f"V_rand: differs by at most {apart[0]:.1e}, its maximum by {best[0]:+.1e}",
            f"V_info: differs by at most {apart[1]:.1e}, its maximum by {best[1]:+.1e}",
        )
    )


def _flooded(
    levels: NDArray[np.uint8], true: NDArray[np.int32], t: int, metric: MembraneScores
) -> NDArray[np.float64]:
    """Score one threshold by a flood of its own."""
    seeds, count = ndimage.label(levels >= t)
    if not count:
        return np.zeros(2)
    grown = watershed(255 - levels, seeds)
    n, both, s, r, both_log, s_log, r_log = partition_sums(count_overlaps(grown, true))
    own = np.tile([both, s, both_log, s_log, 0], (255, 1)).ravel()
    return metric.of_sums(np.concatenate((own, [n, r, r_log]))[None])[0]


def main() -> None:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", default="0:30", help="planes, from 0")
    parser.add_argument("--floods", action="store_true")
    asked = parser.parse_args()
    files = natsorted(LABELS.glob("*.png"))[parse_slices(asked.slices)]
    slices = [np.asarray(Image.open(file)) > 0 for file in files]
    print(f"{len(slices)} slices of {slices[0].shape[0]} x {slices[0].shape[1]} pixels\n")
    print(table(slices))
    if asked.floods:
        print(f"\n{floods(slices[0])}")


if __name__ == "__main__":
    main()
