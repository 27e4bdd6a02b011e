"""Tables of what was measured, with what was to be reached: Markdown.

The marginal rate is the difference in pixels of two images over the difference of the medians
of their whole processes: what one more pixel costs, reading and writing included, whatever the
start costs. It is seen from outside, alike for every program. The same over processor seconds
says what a busy machine does not hide; what is to be reached counts by the clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.predicting.cases import BACKENDS, BARE, MIRRORED, Case
from benchmarks.predicting.rows import Results

PART = "compare"
LIMIT = "limit"
_SAME = {BARE: 0.9, "monai-0.25": 2.0, "monai-0.5": 4.0, "nnunet": 4.0}
_USERS = {"monai-0.25": 3.0, "monai-0.5": 6.0, "nnunet": 6.0, MIRRORED: None}
_INT8 = {"monai-0.25": 10.0, "monai-0.5": 20.0, "nnunet": 20.0, MIRRORED: None}
_HEAD = (
    "| program | backend | precision | runs | whole s | CPU s | peak MB "
    "| mean IoU | Mpx/s | Mpx/CPU s | emseg / it, Mpx/s | by CPU | it / emseg, whole s "
    "| at least | reached |",
    "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|",
)


@dataclass(frozen=True, slots=True)
class Line:
    """The medians of one case; rates are marginal, in Mpx a second and a processor second."""

    case: Case
    runs: int
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_mb: float | None = None
    mean_iou: float | None = None
    rate: float | None = None
    cpu_rate: float | None = None


def line_of(results: Results, case: Case, sides: Sequence[int]) -> Line:
    """Take the medians of a case over its repetitions, at the largest side."""
    if case.program == BARE:
        return _bare(results, case)
    large = f"{sides[1]} x {sides[1]}"
    whole = (
        results.median(column, PART, case, large)
        for column in ("seconds", "cpu_seconds", "peak_mb", "mean_iou")
    )
    rates = (_marginal(results, column, case, sides) for column in ("seconds", "cpu_seconds"))
    return Line(case, len(results.find(PART, case, large)), *whole, *rates)


def _bare(results: Results, case: Case) -> Line:
    rows = [row for row in results.find(LIMIT, case) if row["repetition"] != "0"]
    rates = (
        median(float(row[column]) for row in rows) if rows else None
        for column in ("mpx_s", "mpx_cpu_s")
    )
    return Line(case, len(rows), None, None, None, None, *rates)


def _marginal(results: Results, column: str, case: Case, sides: Sequence[int]) -> float | None:
    short, long = (results.median(column, PART, case, f"{side} x {side}") for side in sides)
    if short is None or long is None or long <= short:
        return None
    return (sides[1] ** 2 - sides[0] ** 2) / 1e6 / (long - short)


def table(
    results: Results,
    emseg: Case,
    others: Sequence[tuple[Case, float | None]],
    sides: Sequence[int],
) -> list[str]:
    """Compare emseg with others; each has the ratio that is to be reached, or none."""
    own = line_of(results, emseg, sides)
    lines = [*_HEAD, _row(own, own, None)]
    lines += [_row(line_of(results, case, sides), own, least) for case, least in others]
    return lines


def _row(line: Line, own: Line, least: float | None) -> str:
    ratio, cpu_ratio = _over(own.rate, line.rate), _over(own.cpu_rate, line.cpu_rate)
    reached = "" if least is None else "not measured"
    if least is not None and ratio is not None:
        reached = "yes" if ratio >= least else "no"
    measured = (
        (line.seconds, ".1f"), (line.cpu_seconds, ".1f"), (line.peak_mb, ".0f"),
        (line.mean_iou, ".4f"), (line.rate, ".3f"), (line.cpu_rate, ".3f"),
    )  # fmt: skip
    compared = ((ratio, ".2f"), (cpu_ratio, ".2f"), (_over(line.seconds, own.seconds), ".2f"))
    cells = (
        line.case.program, line.case.backend, line.case.precision, str(line.runs),
        *(text(*each) for each in measured), *("" if line is own else text(*x) for x in compared),
        text(least, "g"), reached,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _over(one: float | None, other: float | None) -> float | None:
    return one / other if one and other else None


def tables(results: Results, backends: Sequence[str], sides: Sequence[int]) -> str:
    """Write the tables of a comparison."""
    lines = [f"{sides[1]} x {sides[1]} pixels; marginal rate from {sides[0]} x {sides[0]} on."]
    for backend in backends:
        lines += ["", f"(a) {backend}, float32, for all", ""]
        same = [(Case(name, backend), least) for name, least in _SAME.items()]
        lines += table(results, Case("emseg", backend), same, sides)
    lines += ["", "(b) each as its users call it: emseg as it is, the others in eager PyTorch", ""]
    eager = [(Case(name, "eager"), least) for name, least in _USERS.items()]
    lines += table(results, Case("emseg", "auto"), eager, sides)
    lines += ["", "(b) the same in float32, with the fastest backend", ""]
    lines += table(results, Case("emseg", BACKENDS[-1]), eager, sides)
    lines += ["", "(c) emseg in int8, which is another precision than that of the others", ""]
    eager = [(Case(name, "eager"), least) for name, least in _INT8.items()]
    lines += table(results, Case("emseg", "int8"), eager, sides)
    return "\n".join(lines)


def text(value: float | None, form: str) -> str:
    """Write a number, or nothing where there is none."""
    return "" if value is None else format(value, form)
