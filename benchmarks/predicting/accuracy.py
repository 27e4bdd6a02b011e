"""What each backend costs in accuracy: test images against PyTorch on whole images in float32."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.predicting.cases import Case
from benchmarks.predicting.images import mean_iou, read_labels
from benchmarks.predicting.models import DATASETS, Dataset
from benchmarks.predicting.rows import Results
from benchmarks.predicting.spending import FailedError

_AGREEMENT = 0.999  # of float32
_LOSS = {"float32": 0.002, "bfloat16": 0.002, "int8": 0.005}  # mean IoU
_WHOLE = Case("whole", "eager")
_AS_IT_IS, _TILES = _CUTS = ("as it is", "small tiles")
_PART = "accuracy"


def accuracy(
    results: Results, names: Sequence[str], backends: Sequence[str], *, measure: bool
) -> str:
    """Predict the test images with each backend and write the table.

    Each backend predicts them as it is and cut into small tiles. ``measure=False`` runs nothing.
    """
    lines = [
        "| dataset | backend | cut | mean IoU | whole image, torch | difference | at most "
        "| agreement | at least | reached |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    cases = [(Case("emseg", each), cut) for each in ("auto", *backends) for cut in _CUTS]
    for name in names:
        if measure:
            _measure(results, name, cases)
        lines += [_row(results, name, *each) for each in cases]
    return "\n".join(lines)


def _measure(results: Results, name: str, cases: Sequence[tuple[Case, str]]) -> None:
    """Predict what the table does not hold yet; the whole images once for all of it."""
    data, setting = DATASETS[name](), results.setting
    key = results.key(_PART, _WHOLE, _AS_IT_IS, 1, name)
    missing = [
        (case, cut, own)
        for case, cut in cases
        if not results.has(own := results.key(_PART, case, cut, 1, name))
    ]
    if results.has(key) and not missing:
        return
    with TemporaryDirectory(dir=setting.work) as folder:
        out = Path(folder) / "whole"
        out.mkdir()
        _, reference = _WHOLE.predict(setting, name, list(data.images), out)
        if not results.has(key):
            results.add(key, {"mean_iou": _score(reference, data)})
        for number, (case, cut, own) in enumerate(missing):
            tile = ("--tile", str(setting.smallest_tile(name))) if cut == _TILES else ()
            asked, out = setting.with_options(*tile), Path(folder) / str(number)
            try:
                _, written = case.predict(asked, name, list(data.images), out)
            except FailedError as error:
                print(f"{case} is left out: {error}", flush=True)
                continue
            found = {"mean_iou": _score(written, data), "details": " ".join(tile)}
            results.add(own, found | {"agreement": f"{_agreement(written, reference):.6f}"})


def _score(written: Sequence[Path], data: Dataset) -> str:
    return f"{mean_iou(written, data.truth(), len(data.values)):.4f}"


def _agreement(written: Sequence[Path], reference: Sequence[Path]) -> float:
    """Share of the pixels of all images that have the same class."""
    same = [
        (read_labels(one) == read_labels(other)).mean()
        for one, other in zip(written, reference, strict=True)
    ]
    return float(np.mean(same))


def _row(results: Results, name: str, case: Case, cut: str) -> str:
    rows = results.find(_PART, case, cut, name)
    whole = results.find(_PART, _WHOLE, _AS_IT_IS, name)
    if not rows or not whole:
        return f"| {name} | {case.backend} | {cut} | | | | | | | not measured |"
    row, most = rows[0], _LOSS[case.precision]
    least = _AGREEMENT if case.precision == "float32" else 0.0
    difference = float(row["mean_iou"]) - float(whole[0]["mean_iou"])
    agreement = float(row["agreement"])
    is_right = abs(difference) <= most and agreement >= least
    cells = (
        name, case.backend, f"{cut} {row['details']}", row["mean_iou"], whole[0]["mean_iou"],
        f"{difference:+.4f}", f"{most}", f"{100 * agreement:.3f} %",
        f"{100 * least:g} %" if least else "", "yes" if is_right else "no",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"
