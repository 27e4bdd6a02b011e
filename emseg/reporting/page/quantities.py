"""The error of what is measured, in plain words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emseg.evaluation.description import Deviation, Group, Style
from emseg.evaluation.report import Number, SegmentationReport, by_class
from emseg.reporting.page.tables import Cell, Column, Table, TableRow, number_cell
from emseg.reporting.page.words import MANY, change, significant, written

_HEADS = (
    Column("Quantity", is_text=True),
    Column("Reference"),
    Column("Prediction"),
    Column("Error"),
    Column("In words", is_text=True),
)


@dataclass(frozen=True, slots=True)
class QuantityTable:
    """What was measured of one class."""

    name: str
    place: int
    table: Table


def quantity_tables(report: SegmentationReport) -> tuple[QuantityTable, ...]:
    """Compare what was measured in prediction and reference, a table for each class."""
    found = []
    for place, (name, numbers) in enumerate(by_class(report.names, report.numbers).items()):
        rows = tuple(_rows(numbers))
        if rows:
            found.append(QuantityTable(name, place, Table(name, _HEADS, rows)))
    return tuple(found)


def largest_area_error(report: SegmentationReport) -> tuple[str, float] | None:
    """Find the class whose area fraction is most wrong, and its error as a share."""
    errors = {
        each.key[1]: each.value
        for each in report.numbers
        if each.key[0] == "classes" and each.key[-1] == "area_fraction_error" and each.value
    }
    if not errors:
        return None
    worst = max(errors, key=lambda name: abs(errors[name]))
    return worst, errors[worst]


def _rows(numbers: Mapping[str, Number]) -> Iterator[TableRow]:
    """Put each error of a class beside its two values; what is no value of one stands alone."""
    deviations = [each.description.deviation for each in numbers.values()]
    sides = {kind for each in deviations if each for kind in (each.reference, each.prediction)}
    for kind, number in numbers.items():
        said = number.description
        if said.deviation:
            yield _row(said.deviation, number, numbers)
        elif said.group is Group.QUANTITIES and kind not in sides:
            text = "" if number.value is None else said.meaning
            words = Cell(text.replace("{value}", written(number.value, said)))
            yield TableRow(said.title, (Cell(""), Cell(""), number_cell(number), words))


def _row(deviation: Deviation, error: Number, numbers: Mapping[str, Number]) -> TableRow:
    reference, prediction = numbers.get(deviation.reference), numbers.get(deviation.prediction)
    words = Cell(_words(deviation, reference, prediction, error))
    cells = (*map(number_cell, (reference, prediction, error)), words)
    return TableRow(deviation.quantity, cells)


def _words(
    deviation: Deviation, reference: Number | None, prediction: Number | None, error: Number
) -> str:
    """Say how wrong it is relative to the reference, and whether that could be chance."""
    if error.value is None:
        return _without_error(reference, prediction)
    if error.value == 0:
        return "exact"
    wrong = deviation.less if error.value < 0 else deviation.more
    if error.description.style is Style.CHANGE:
        relative: float | None = abs(error.value)
    else:
        true = reference.value if reference else None
        relative = abs(error.value) / true if true else None
    text = _by_how_much(relative, wrong)
    interval = error.interval
    if interval and interval.low <= 0 <= interval.high:
        text += " (the interval includes 0)"
    return text


def _without_error(reference: Number | None, prediction: Number | None) -> str:
    if prediction is not None and not prediction.value:
        return "none was found" if reference and reference.value else "there is none"
    return "the reference has none" if reference is not None and not reference.value else ""


def _by_how_much(relative: float | None, wrong: str) -> str:
    """Say how far off it is: ``"20 % too little"``, ``"× 5,307 of the reference, too many"``."""
    if relative is None:
        return f"{wrong}: the reference has none"
    if relative >= MANY:
        return f"{change(relative)} of the reference, {wrong}"
    share = f"{significant(100 * relative, 2)} %" if relative >= 0.001 else "<0.1 %"
    return f"{share} {wrong}"
