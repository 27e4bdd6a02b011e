"""``emseg evaluate --compare A B``: which of two results is better."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from emseg import __version__
from emseg.cli.tables import add_row, between, new_table
from emseg.errors import UsageError

if TYPE_CHECKING:
    from emseg.config import EvaluateConfig
    from emseg.evaluation.confidence import Difference
    from emseg.evaluation.contest import Contest

_log = logging.getLogger(__name__)
_RESULT, _TABLE, _SETTINGS = "comparison.json", "comparison.csv", "evaluate.toml"


def compare_results(config: "EvaluateConfig", rivals: tuple[Path, Path], *, json: bool) -> None:
    """Compare two folders of label images with the same masks, and with each other.

    Raises
    ------
    UsageError
        When something was named that has no place here.
    MismatchError
        When the two are not results for the same images.
    """
    from emseg.cli.evaluate_labels import score_labels
    from emseg.evaluation.contest import contest

    _check(config, rivals)
    first, second = (score_labels(config, each) for each in rivals)
    names = [str(each).rstrip("/") for each in rivals]
    _conclude(contest(names[0], names[1], first, second), config, json=json)


def _check(config: "EvaluateConfig", rivals: tuple[Path, Path]) -> None:
    if config.model is not None:
        raise UsageError(
            "--compare takes label images and --model predicts; run emseg predict with each model "
            "first, then compare the folders"
        )
    if config.masks is not None:
        raise UsageError(
            f"--compare {rivals[0]} {rivals[1]} names both results, so that only the masks are "
            f"left to name; leave out {config.inputs} or {config.masks}"
        )
    for each in rivals:
        if (each / "config.json").exists() or (each / "model" / "config.json").exists():
            raise UsageError(
                f"{each} is a model; run emseg predict {each} first and compare the label images"
            )


def _conclude(found: "Contest", config: "EvaluateConfig", *, json: bool) -> None:
    """Write what was found, then print it."""
    from json import dumps

    from emseg.cli import console
    from emseg.writing import write_table, write_text

    text = dumps(found.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    settings = f"# emseg {__version__}\n{config.to_toml()}"
    write_text(config.out / _SETTINGS, settings, "replace")
    text = write_text(config.out / _RESULT, text)
    write_table(config.out / _TABLE, found.as_rows())
    for name, report in ((found.a, found.report_a), (found.b, found.report_b)):
        for caveat in report.caveats:
            _log.warning("%s: %s", name, caveat)
    if json:
        console.print_json(text)
        return
    _show(found)
    console.remark(f"written: {config.out / _RESULT}, {config.out / _TABLE}")


def _show(found: "Contest") -> None:
    from emseg.cli import console

    console.result(f"A is {found.a}, B is {found.b}.")
    console.result("")
    table = new_table("number", "A", "B", "difference", "95 % interval", "p", "", left=("",))
    for key, each in found.tested:
        add_row(table, _title(key), *_cells(each), each.verdict or "")
    console.out.print(table)
    console.result("")
    console.result(_verdict(found))
    for line in _on_tests(found):
        console.result(line)


def _title(key: tuple[str, ...]) -> str:
    *where, kind = key[1:] if key[0] == "classes" else key
    said = kind.replace("_", " ").replace("iou", "IoU").replace("f1", "F1").replace("dice", "Dice")
    return " ".join([*where, said])


def _cells(each: "Difference") -> tuple[str, ...]:
    ends = between(each.interval, "+")
    p = (
        "-"
        if each.p_value is None
        else ("< 0.001" if each.p_value < 0.001 else f"{each.p_value:.3f}")
    )
    return f"{each.a:.3f}", f"{each.b:.3f}", f"{each.value:+.3f}", ends, p


def _verdict(found: "Contest") -> str:
    """Say in one sentence what the headline number shows."""
    from emseg.evaluation.confidence.comparison import FEWEST

    headline = found.headline
    if headline is None:
        return "The mean IoU is not defined for both: nothing is compared."
    said = f"Mean IoU: {headline.verdict} (B - A = {headline.value:+.3f}"
    if headline.p_value is not None:
        return f"{said}, p = {headline.p_value:.2g}, {headline.units} units)."
    if headline.units >= FEWEST or headline.value == 0:
        return f"{said}, {headline.units} units)."
    return (
        f"Mean IoU: B - A = {headline.value:+.3f}; with {headline.units} units no test can say "
        f"whether that is chance. {FEWEST} are the least."
    )


def _on_tests(found: "Contest") -> list[str]:
    """Say for how many tests the other p-values allow, and how many units these need."""
    from emseg.evaluation.confidence.comparison import fewest_units

    if found.tests == 0:
        return []
    tests = f"{found.tests} test{'s' if found.tests > 1 else ''}"
    lines = [f"The p-values of the other numbers allow for {tests} (Holm)."]
    others = [each for _, each in found.tested if each is not found.headline]
    if any(each.verdict == "too few units to tell" for each in others):
        lines.append(
            f"Too few units to tell: for {tests} A and B must differ in at least "
            f"{fewest_units(found.tests)} units; fewer --metrics are fewer tests."
        )
    return lines
