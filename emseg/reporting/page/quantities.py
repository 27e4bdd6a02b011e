"""The error of what is measured, in plain words."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from emseg.evaluation.metric import Key
from emseg.evaluation.report import Number, SegmentationReport
from emseg.reporting.page.tables import Cell, Column, Table, TableRow, number_cell
from emseg.reporting.page.words import (
    MANY,
    Style,
    Term,
    change,
    significant,
    term_of,
    written,
)

_HEADS = (
    Column("Quantity", is_text=True),
    Column("Reference"),
    Column("Prediction"),
    Column("Error"),
    Column("In words", is_text=True),
)
_COUNT = Term("Number of objects", style=Style.COUNT)


@dataclass(frozen=True, slots=True)
class QuantityTable:
    """What was measured of one class."""

    name: str
    place: int
    table: Table


@dataclass(frozen=True, slots=True)
class _Quantity:
    """Which numbers of a class belong together."""

    title: str
    reference: str
    prediction: str
    error: str
    less: str
    more: str


_AREA = _Quantity(
    "Area fraction",
    "area_fraction_reference",
    "area_fraction",
    "area_fraction_error",
    "too little",
    "too much",
)
_NUMBER = _Quantity(
    "Number of objects",
    "objects_reference",
    "objects_prediction",
    "count_error",
    "too few",
    "too many",
)


def _diameter(unit: str) -> _Quantity:
    return _Quantity(
        "Mean diameter",
        f"mean_diameter_reference_{unit}",
        f"mean_diameter_{unit}",
        f"mean_diameter_error_{unit}",
        "too small",
        "too large",
    )


def quantity_tables(report: SegmentationReport) -> tuple[QuantityTable, ...]:
    """Compare what was measured in prediction and reference, a table for each class."""
    known = {each.key: each for each in report.numbers if each.key[0] == "classes"}
    found = []
    for place, name in enumerate(report.names):
        rows = tuple(_rows(name, known))
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


def _rows(name: str, known: Mapping[Key, Number]) -> Iterator[TableRow]:
    def number(kind: str) -> Number | None:
        return known.get(("classes", name, kind))

    for quantity in (_AREA, _NUMBER, *map(_diameter, ("nm", "px"))):
        if number(quantity.error) is not None:
            yield _row(quantity, number)
    for unit in ("nm", "px"):
        distance = number(f"size_distance_{unit}")
        if distance is not None:
            yield _distance_row(distance)


def _row(quantity: _Quantity, number: Callable[[str], Number | None]) -> TableRow:
    reference, prediction = number(quantity.reference), number(quantity.prediction)
    error = number(quantity.error)
    sides = [
        number_cell(each, _COUNT if quantity is _NUMBER else term_of(each.key))
        if each
        else Cell(written(None, _COUNT))
        for each in (reference, prediction)
    ]
    last = term_of(("classes", "", quantity.error))
    words = Cell(_words(quantity, reference, prediction, error))
    return TableRow(quantity.title, (*sides, number_cell(error, last), words))


def _words(
    quantity: _Quantity, reference: Number | None, prediction: Number | None, error: Number | None
) -> str:
    """Say how wrong it is relative to the reference, and whether that could be chance."""
    if error is None or error.value is None:
        return _without_error(reference, prediction)
    if error.value == 0:
        return "exact"
    wrong = quantity.less if error.value < 0 else quantity.more
    if quantity is _NUMBER:
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


def _distance_row(distance: Number) -> TableRow:
    term = term_of(distance.key)
    text = "" if distance.value is None else f"diameters differ by {written(distance.value, term)}"
    empty = Cell("")
    return TableRow(
        "Size distribution",
        (empty, empty, number_cell(distance, term), Cell(f"{text} on average" if text else "")),
    )
