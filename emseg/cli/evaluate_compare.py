"""``emseg evaluate --compare A B``: which of two results is better."""

from pathlib import Path
from typing import TYPE_CHECKING

from emseg import __version__
from emseg.cli.tables import add_row, between, new_table
from emseg.errors import UsageError

if TYPE_CHECKING:
    from emseg.config import EvaluateConfig
    from emseg.evaluation.confidence import Difference
    from emseg.evaluation.contest import Contest

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
    from emseg.writing import whole_file, write_table

    text = dumps(found.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(config.out / _SETTINGS) as beside:
        beside.write_text(f"# emseg {__version__}\n{config.to_toml()}", encoding="utf-8")
    with whole_file(config.out / _RESULT) as beside:
        beside.write_text(text, encoding="utf-8")
    write_table(config.out / _TABLE, found.as_rows())
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
    shown = [
        (key, each)
        for key, each in zip(found.keys, found.differences, strict=True)
        if each is not None and _is_telling(key)
    ]
    for key, each in shown:
        add_row(table, _title(key), *_cells(each), each.verdict)
    console.out.print(table)
    console.result("")
    console.result(_verdict(found))


def _is_telling(key: tuple[str, ...]) -> bool:
    """Whether a number belongs in the short table; the file holds all."""
    return key[0] != "classes" or key[-1] in ("iou", "boundary_f1", "object_f1", "v_rand")


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
    headline = found.headline
    if headline is None:
        return "The mean IoU is not defined for both: nothing is compared."
    if headline.p_value is None:
        return (
            f"Mean IoU: B - A = {headline.value:+.3f}; with {headline.units} units no test can say "
            "whether that is chance. Six are the least."
        )
    return (
        f"Mean IoU: {headline.verdict} (B - A = {headline.value:+.3f}, p = {headline.p_value:.2g}, "
        f"{headline.units} units).\n"
        "The p-values of the other numbers allow for their being several."
    )
