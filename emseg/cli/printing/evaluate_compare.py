"""``emseg evaluate --compare A B``: which of two results is better."""

from typing import TYPE_CHECKING

from emseg.cli.terminal import console
from emseg.cli.terminal.tables import add_row, between, new_table

if TYPE_CHECKING:
    from emseg.evaluation.confidence import Difference
    from emseg.evaluation.description import Description
    from emseg.evaluation.metric import Key
    from emseg.evaluation.rivals import ComparisonReport


def show(found: "ComparisonReport") -> None:
    """Print what was found: a table, and what it shows in words."""
    console.result(f"A is {found.a}, B is {found.b}.")
    console.result("")
    table = new_table("number", "A", "B", "difference", "95 % interval", "p", "", left=("",))
    for key, each in found.tested:
        title = _title(key, found.numbers[key])
        add_row(table, title, *_cells(each), each.verdict or "")
    console.out.print(table)
    console.result("")
    console.result(_verdict(found))
    for line in _on_tests(found):
        console.result(line)


def _title(key: "Key", said: "Description") -> str:
    """Name a number and its unit behind the class that it is of."""
    where = key[1] if key[0] == "classes" else ""
    return " ".join(filter(None, (where, said.heading or said.title, said.unit)))


def _cells(each: "Difference") -> tuple[str, ...]:
    ends = between(each.interval, "+")
    p = (
        "-"
        if each.p_value is None
        else ("< 0.001" if each.p_value < 0.001 else f"{each.p_value:.3f}")
    )
    return f"{each.a:.3f}", f"{each.b:.3f}", f"{each.value:+.3f}", ends, p


def _verdict(found: "ComparisonReport") -> str:
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


def _on_tests(found: "ComparisonReport") -> list[str]:
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
