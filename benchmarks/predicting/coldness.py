"""A cold start: one small file by each program, whole processes, in turns with a script by hand."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.predicting.cases import Case
from benchmarks.predicting.comparing import CLASSES
from benchmarks.predicting.images import mean_iou, mosaic, read_labels
from benchmarks.predicting.rows import Results
from benchmarks.predicting.spending import FailedError
from benchmarks.predicting.verdicts import text

_SIDE = 1024
_STARTS = _LATER, _FIRST = (f"{_SIDE} x {_SIDE}", f"{_SIDE} x {_SIDE}, first start")
_SHARE = 0.25  # of the script's time, at most
_PART = "cold"


def cold(results: Results, backends: Sequence[str], times: int) -> str:
    """Start, predict one small file and end, in turns with a script by hand.

    As a rule Python has compiled its modules; at the first start after an installation by uv it
    has not.
    """
    setting = results.setting
    image, labels = mosaic(setting.work / "images", _SIDE)
    truth = [read_labels(labels)]
    plain = Case("plain", "eager")
    left_out: set[Case] = set()
    cases = [plain, *(Case("emseg", each) for each in ("auto", *backends))]
    for repetition, start, case in product(range(1, times + 1), _STARTS, cases):
        key = results.key(_PART, case, start, repetition)
        if case in left_out or results.has(key):
            continue
        own = setting.first_start() if start == _FIRST else setting
        with TemporaryDirectory(dir=setting.work) as folder:
            try:
                if case is plain:
                    written = [Path(folder) / "labels.tif"]
                    names = (setting.model("superalloy"), image, *written, setting.threads)
                    spent = own.script("plain", *map(str, names))
                else:
                    spent, written = case.predict(own, "superalloy", [image], Path(folder))
            except FailedError as error:
                left_out.add(case)
                print(f"{case} is left out: {error}", flush=True)
                continue
            score = mean_iou(written, truth, CLASSES)
        results.add(key, spent.cells() | {"mean_iou": f"{score:.4f}"})
    return "\n".join(line for start in _STARTS for line in _table(results, cases, start))


def _table(results: Results, cases: Sequence[Case], start: str) -> list[str]:
    lines = [
        "",
        f"one file of {start}, whole processes",
        "",
        "| program | backend | runs | seconds | CPU s | peak MB | share of the script's | at most "
        "| reached |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    script = results.median("seconds", _PART, cases[0], start)
    for case in cases:
        values = [
            results.median(column, _PART, case, start)
            for column in ("seconds", "cpu_seconds", "peak_mb")
        ]
        share = values[0] / script if values[0] and script else None
        reached = "not measured" if share is None else "yes" if share <= _SHARE else "no"
        verdict = ("", "", "") if case is cases[0] else (text(share, ".3f"), "0.25", reached)
        cells = (
            case.program, case.backend, str(len(results.find(_PART, case, start))),
            *(text(value, form) for value, form in zip(values, (".2f", ".2f", ".0f"), strict=True)),
            *verdict,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines
