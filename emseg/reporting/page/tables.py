"""Tables of a page: what stands in each cell, and what it sorts by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from emseg.evaluation.description import Description, Group, Style
from emseg.evaluation.overlap import HEADLINE
from emseg.evaluation.report import (
    OF_IMAGES,
    ImageNumbers,
    Number,
    SegmentationReport,
    by_class,
)
from emseg.reporting.page.words import NONE, between, percent, written

MOST_IMAGES = 1000
"""Rows of the table of images; of more, the worst."""

UNLIKENESS = "Unlikeness"
"""Heads the column of how far micrographs are from the training of a model."""

_MOST_COLUMNS = 10
_DISTANCE = "distance"  # the note that says how far a boundary may be off
_FEW_CLASSES = 6  # whose IoU stands in the table of images


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column: its title, what it says, and how the table is sorted by it."""

    title: str
    meaning: str = ""
    is_text: bool = False
    order: Literal["none", "ascending", "descending"] = "none"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Parameters
    ----------
    text : str
        What it says.
    note : str
        Small text behind it, such as an interval.
    value : float or None
        What it sorts by where that is not its text.
    level : int or None
        How dark it is, 0 to 10.
    """

    text: str
    note: str = ""
    value: float | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: its head, its cells, the place of its class, and the figure that it leads to."""

    head: str
    cells: tuple[Cell, ...]
    colour: int | None = None
    target: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a heading.

    Parameters
    ----------
    heading : str
        Above it.
    columns : tuple of Column
        The first is that of the heads of the rows.
    rows : tuple of TableRow
        In the order in which they stand.
    foot : TableRow or None
        Stays at the end when the table is sorted.
    remark : str
        Below it: what is cut, how it is read.
    """

    heading: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    foot: TableRow | None = None
    remark: str = ""

    @property
    def meanings(self) -> tuple[Column, ...]:
        """Columns that need a word."""
        return tuple(each for each in self.columns if each.meaning)


def number_cell(number: Number | None) -> Cell:
    """Write a number with its interval; `NONE` where there is none."""
    if number is None or number.value is None:
        return Cell(NONE)
    said = number.description
    note = between(number.interval, said) if number.interval else ""
    value = None if said.style in (Style.SCORE, Style.PLAIN) else number.value
    return Cell(written(number.value, said), note, value)


def class_tables(report: SegmentationReport) -> tuple[Table, ...]:
    """Put the numbers of the classes into tables, one a group; quantities have their own."""
    tables: dict[Group, dict[str, Description]] = {each: {} for each in Group}
    for kind, said in report.of_a_class.items():
        tables[Group.OVERLAP if said.is_beside_overlap else said.group][kind] = said
    del tables[Group.QUANTITIES]
    return tuple(_class_table(group, report, kinds) for group, kinds in tables.items() if kinds)


def overall_table(numbers: Sequence[Number]) -> Table | None:
    """Put numbers over all classes into a table; None when there are none."""
    rows = []
    for each in numbers:
        said = each.description
        rows.append(TableRow(said.title, (number_cell(each), Cell(said.meaning))))
    columns = (Column("Number", is_text=True), Column("Value"), Column("Says", is_text=True))
    return Table("Over all classes", columns, tuple(rows)) if rows else None


def image_table(report: SegmentationReport, targets: Mapping[str, str]) -> Table:
    """Put the numbers of each image into a table, the worst image first.

    Parameters
    ----------
    report : SegmentationReport
        What was found.
    targets : mapping of str to str
        The figures of the images that have one.
    """
    shown = _of_each_image(report)
    ranked = sorted(report.images, key=_worst_first)
    columns = [Column("Image", is_text=True), Column("Labelled pixels")]
    columns += [_image_column(each) for each in shown]
    columns += columns_of_training([each.unlikeness for each in ranked])
    cut = _cut(len(ranked), MOST_IMAGES, "images", "metrics.csv")
    return Table(
        "All images",
        tuple(columns),
        tuple(_image_row(each, columns, shown, targets) for each in ranked[:MOST_IMAGES]),
        remark=" ".join(filter(None, (OF_IMAGES if len(ranked) > 1 else "", cut))),
    )


def columns_of_training(unlikeness: Sequence[float | None]) -> list[Column]:
    """Give the column of how far micrographs are from a training, where that was measured."""
    known = any(each is not None for each in unlikeness)
    return [Column(UNLIKENESS, "up to 1 for a micrograph as the training has")] if known else []


def cell_of_training(unlikeness: float | None) -> Cell:
    """Write how far a micrograph is from a training."""
    if unlikeness is None:
        return Cell("–")
    return Cell(f"{unlikeness:.2f}", "unlike" if unlikeness > 1 else "", unlikeness)


def shares(report: SegmentationReport) -> list[tuple[float, float]]:
    """Share of each class among the labelled pixels, in reference and prediction."""
    pixels = max(1, report.pixels)
    true = report.confusion.sum(axis=1) + report.missed
    found = report.confusion.sum(axis=0)
    return [(float(a / pixels), float(b / pixels)) for a, b in zip(true, found, strict=True)]


def _cut(count: int, most: int, what: str, where: str) -> str:
    """Say what a table leaves out."""
    if count <= most:
        return ""
    return f"The {most:,} worst of {count:,} {what} are shown; all of them are in {where}."


def _class_table(
    group: Group, report: SegmentationReport, kinds: Mapping[str, Description]
) -> Table:
    columns = [Column("Class", is_text=True)]
    columns += [_class_column(each, report.notes) for each in kinds.values()]
    is_overlap = group is Group.OVERLAP
    rows = []
    for place, (name, own) in enumerate(by_class(report.names, report.numbers).items()):
        numbers = [own.get(kind) for kind in kinds]
        if is_overlap or any(numbers):
            rows.append(TableRow(name, tuple(map(number_cell, numbers)), place))
    if is_overlap:
        columns += [
            Column("In reference", "share of the labelled pixels"),
            Column("In prediction", "share of the labelled pixels"),
        ]
        rows = [
            TableRow(row.head, (*row.cells, *(Cell(percent(p), value=p) for p in pair)), row.colour)
            for row, pair in zip(rows, shares(report), strict=True)
        ]
    return Table(group.value, tuple(columns), tuple(rows), _foot(report, kinds, len(columns)))


def _class_column(said: Description, notes: Mapping[str, str]) -> Column:
    meaning = said.meaning
    if _DISTANCE in notes:  # say which one was asked for
        meaning = meaning.replace("the distance of the settings", notes[_DISTANCE])
    return Column(said.title, meaning)


def _foot(report: SegmentationReport, kinds: Iterable[str], columns: int) -> TableRow | None:
    """Take the means over classes, as far as there are any."""
    means = [report.number("mean", kind) for kind in kinds]
    if not any(means):
        return None
    cells = [number_cell(each) if each else Cell("") for each in means]
    return TableRow("Mean", (*cells, *[Cell("")] * (columns - 1 - len(cells))))


def _of_each_image(report: SegmentationReport) -> list[Number]:
    """Choose the numbers that the table of images has a column for; the headline comes first."""
    shown = [each for each in report.numbers if each.key[0] != "classes"]
    if len(report.names) <= _FEW_CLASSES:
        shown += [each for each in report.numbers if each.key[::2] == ("classes", "iou")]
    shown.sort(key=lambda each: each.key != HEADLINE)  # stable
    return shown[:_MOST_COLUMNS]


def _image_column(number: Number) -> Column:
    key, title = number.key, number.description.title
    return Column(
        f"{title} of {key[1]}" if key[0] == "classes" else title,
        order="ascending" if key == HEADLINE else "none",
    )


def _image_row(
    image: ImageNumbers,
    columns: Sequence[Column],
    shown: Sequence[Number],
    targets: Mapping[str, str],
) -> TableRow:
    cells = [
        number_cell(Number(each.key, image.values.get(each.key), each.description))
        for each in shown
    ]
    if columns[-1].title == UNLIKENESS:
        cells.append(cell_of_training(image.unlikeness))
    pixels = Cell(f"{image.pixels:,}", value=image.pixels)
    return TableRow(image.name, (pixels, *cells), target=targets.get(image.name, ""))


def _worst_first(image: ImageNumbers) -> float:
    value = image.values.get(HEADLINE)
    return 2.0 if value is None else value
