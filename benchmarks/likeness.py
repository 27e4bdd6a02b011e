"""How often a micrograph is called unlike a training: those held out of it, and those of others.

    python -m benchmarks.likeness                     # all sets: a minute
    python -m benchmarks.likeness --few 1 2 3 5       # trainings of few images, drawn six times

A training is the training part of a dataset; its own are its validation and test parts, and the
others all micrographs of another dataset. Wanted: at most 5 % of its own, at least 95 % of others.
"""

import argparse
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.learning import DATA, DATASETS, read
from emseg.bundle import Likeness
from emseg.inference.preparing.likeness import likeness_of, unlikeness
from emseg.intensity import IntensityRule, Statistics, measure
from emseg.micrograph import Micrograph

_DRAWS = 6
_RULE = IntensityRule.ZSCORE


@cache
def micrograph(path: Path) -> tuple[Micrograph, Statistics]:
    """Read one, and measure it."""
    pixels = read(path)
    found = Micrograph(pixels[None] if pixels.ndim == 2 else pixels, path.stem, path)
    return found, measure(found)


def sets() -> dict[str, tuple[tuple[Path, ...], tuple[Path, ...]]]:
    """Files that are learnt from, and those that are held out, by dataset."""
    found = {}
    for name, build in DATASETS.items():
        data = build()
        found[name] = (data.train.files, (*data.validation.files, *data.test.files))
    phases = tuple(sorted((DATA / "steel_phases").rglob("*.tif")))
    found["steel_phases"] = (phases[: 2 * len(phases) // 3], phases[2 * len(phases) // 3 :])
    return found


def told(files: Sequence[Path], likeness: Likeness) -> np.ndarray:
    """Say how far each of some files is from a training."""
    card: Any = SimpleNamespace(likeness=likeness, intensity=_RULE)
    return np.array([unlikeness(*micrograph(path), card) for path in files])


def main() -> None:
    """Print a row a training and what it is shown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--few", type=int, nargs="*", default=[], help="images of a training")
    asked = parser.parse_args()
    known = sets()
    print("| training | images | shown | told | least | median | most |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for few in [None, *asked.few]:
        for name, (train, held) in known.items():
            drawn = [train] if few is None else [_draw(train, few, n) for n in range(_DRAWS)]
            learnt = [likeness_of([micrograph(path) for path in files], _RULE) for files in drawn]
            shown = {"its own": held} | {
                other: (*one, *two) for other, (one, two) in known.items() if other != name
            }
            for other, files in shown.items():
                away = np.concatenate([told(files, each) for each in learnt])
                numbers = (away.min(), np.median(away), away.max())
                cells = [name, str(len(drawn[0])), other, f"{100 * np.mean(away > 1):.0f} %"]
                print(f"| {' | '.join([*cells, *(f'{each:.2f}' for each in numbers)])} |")


def _draw(files: Sequence[Path], count: int, seed: int) -> tuple[Path, ...]:
    chosen = np.random.default_rng(seed).choice(len(files), count, replace=False)
    return tuple(files[index] for index in chosen)


if __name__ == "__main__":
    main()
