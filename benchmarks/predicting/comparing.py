"""Predicts the large images with each case in turn, where the table does not hold it yet."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.predicting.cases import BARE, MIRRORED, Case
from benchmarks.predicting.images import mean_iou, mosaic, read_labels
from benchmarks.predicting.rows import Results
from benchmarks.predicting.spending import FailedError
from benchmarks.predicting.verdicts import LIMIT, PART

CLASSES = 3  # of superalloy


def compare(results: Results, cases: Sequence[Case], sides: Sequence[int], times: int) -> None:
    """Predict the large images with each case in turn, as often as asked."""
    left_out: set[Case] = set()
    for repetition, case in product(range(1, times + 1), cases):
        if case in left_out or (case.program == MIRRORED and repetition > 1):
            continue
        try:
            if case.program == BARE:
                _bare(results, case, repetition)
            else:
                _files(results, case, sides, repetition)
        except FailedError as error:
            left_out.add(case)
            print(f"{case} is left out: {error}", flush=True)


def _files(results: Results, case: Case, sides: Sequence[int], repetition: int) -> None:
    for side in sides:
        key = results.key(PART, case, f"{side} x {side}", repetition)
        if results.has(key):
            continue
        image, labels = mosaic(results.setting.work / "images", side)
        with TemporaryDirectory(dir=results.setting.work) as folder:
            spent, written = case.predict(results.setting, "superalloy", [image], Path(folder))
            score = mean_iou(written, [read_labels(labels)], CLASSES)
        results.add(key, spent.cells() | {"mean_iou": f"{score:.4f}"})


def _bare(results: Results, case: Case, repetition: int) -> None:
    """Find the best batch and side once (repetition 0), then measure there."""
    setting = results.setting
    found = [row for row in results.find(LIMIT, case) if row["repetition"] == "0"]
    if not found:
        best = case.bare_rate(setting, "superalloy")
        image = f"{best['batch']:.0f} x {best['side']:.0f} x {best['side']:.0f}"
        results.add(results.key(LIMIT, case, image, 0), _rates(best))
        found = results.find(LIMIT, case)
    image = found[0]["image"]
    key = results.key(LIMIT, case, image, repetition)
    if not results.has(key):
        batch, side, _ = (int(each) for each in image.split(" x "))
        results.add(key, _rates(case.bare_rate(setting, "superalloy", batch, side)))


def _rates(found: dict[str, float]) -> dict[str, str]:
    return {column: f"{found[column]:.4f}" for column in ("mpx_s", "mpx_cpu_s")}
