"""What the page of a classifier shows."""

from dataclasses import dataclass
from pathlib import Path

from emseg.errors import listed
from emseg.evaluation.classification import ClassificationReport, FileVerdict
from emseg.evaluation.report import Number, by_class
from emseg.reading.finding.stems import shown_names
from emseg.reporting.page.gallery import Gallery, Photograph
from emseg.reporting.page.matrix import confusion_table
from emseg.reporting.page.plots import Whisker, whisker
from emseg.reporting.page.reliability import Reliability, reliability
from emseg.reporting.page.sentences import (
    about_intervals,
    as_sentence,
    of_intervals,
    of_training,
    with_interval,
)
from emseg.reporting.page.tables import (
    Cell,
    Column,
    Table,
    TableRow,
    cell_of_training,
    columns_of_training,
    number_cell,
    overall_table,
)
from emseg.reporting.page.words import counted, percent

MOST_FILES = 1000
"""Rows of the table of files; of more, mistakes first."""

_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """A classified file with its picture."""

    file: FileVerdict
    name: str
    certainty: str
    picture: str


@dataclass(frozen=True, slots=True)
class ClassifiedPage:
    """The content of the page, in the order in which it stands."""

    verdict: str
    summary: str
    warnings: tuple[str, ...]
    cards: tuple[Whisker, ...]
    classes: Table
    overall: Table | None
    confusion: Table
    mistakes: tuple[Shown, ...]
    doubtful: tuple[Shown, ...]
    certain: tuple[Shown, ...]
    reliability: Reliability | None
    files: Table
    settings: tuple[tuple[str, str], ...]


def classified_page(report: ClassificationReport, gallery: Gallery) -> ClassifiedPage:
    """Put the report of a classifier and its pictures into the order of a page."""
    numbers = numbers_over_all(report)
    cards = [each for each in numbers if each.description.is_score and each.value is not None]
    others = [each for each in numbers if each not in cards]
    return ClassifiedPage(
        verdict=f"{with_interval(numbers[0])}.",
        summary=_summary(report),
        warnings=_warnings(report),
        cards=tuple(whisker(each) for each in cards),
        classes=class_table(report),
        overall=overall_table(others),
        confusion=confusion_table(report.names, report.confusion, of="files"),
        mistakes=_pictured(report, gallery.mistakes),
        doubtful=_pictured(report, gallery.doubtful),
        certain=_pictured(report, gallery.certain),
        reliability=reliability(report.calibration, of="files"),
        files=_file_table(report),
        settings=about_intervals(next(filter(None, report.intervals.values()), None)),
    )


def numbers_over_all(report: ClassificationReport) -> tuple[Number, ...]:
    """Take the numbers over all files, the accuracy first; top-1 is the accuracy again."""
    return tuple(
        each for each in report.numbers if each.key[0] != "classes" and each.key != ("top_k", "1")
    )


def class_table(report: ClassificationReport) -> Table:
    """Put the scores of each class into a table."""
    rows = []
    of_classes = by_class(report.names, report.numbers)
    for place, (name, numbers) in enumerate(of_classes.items()):
        files = report.classes[name].support
        cells = (*map(number_cell, numbers.values()), Cell(f"{files:,}", value=files))
        rows.append(TableRow(name, cells, place))
    said = [each.description for each in next(iter(of_classes.values())).values()]
    columns = (
        Column("Class", is_text=True),
        *(Column(each.title, each.meaning) for each in said),
        Column("Files"),
    )
    return Table("Classes", columns, tuple(rows))


def _summary(report: ClassificationReport) -> str:
    right, files = sum(each.correct for each in report.files), len(report.files)
    return f"{right:,} of {counted(files, 'file')} were given the right class."


def _warnings(report: ClassificationReport) -> tuple[str, ...]:
    known = [each for each in report.intervals.values() if each]
    notes = [*map(as_sentence, report.caveats), *of_intervals(known)]
    if report.absent:
        notes.append(
            "Neither true nor predicted for any file, so without scores: "
            f"{listed(report.absent, most=_MOST_NAMED)}."
        )
    notes += of_training([each.unlikeness for each in report.files])
    return tuple(notes)


def _pictured(report: ClassificationReport, taken: tuple[Photograph, ...]) -> tuple[Shown, ...]:
    files = {each.file: each for each in report.files}
    names = shown_names([Path(file) for file in files])
    return tuple(
        Shown(
            files[each.file],
            names[Path(each.file)],
            _certainty(files[each.file]),
            each.picture,
        )
        for each in taken
        if each.file in files
    )


def _file_table(report: ClassificationReport) -> Table:
    """List all files, the most certain mistakes first."""
    ranked = sorted(report.files, key=lambda each: (each.correct, -_probability(each)))
    more = columns_of_training([each.unlikeness for each in ranked])
    rows = tuple(
        TableRow(
            each.file,
            (
                Cell(each.label),
                Cell(each.prediction),
                Cell(_certainty(each), value=_probability(each)),
                Cell("right" if each.correct else "wrong"),
                *(cell_of_training(each.unlikeness) for _ in more),
            ),
        )
        for each in ranked[:MOST_FILES]
    )
    columns = (
        Column("File", is_text=True),
        Column("Reference", is_text=True),
        Column("Prediction", is_text=True),
        Column("Probability"),
        Column("Verdict", is_text=True),
        *more,
    )
    remark = ""
    if len(ranked) > MOST_FILES:
        remark = (
            f"{MOST_FILES:,} of {len(ranked):,} files are shown, mistakes first; all of them are "
            "in metrics.csv."
        )
    return Table("All files", columns, rows, remark=remark)


def _probability(file: FileVerdict) -> float:
    return file.probabilities[file.prediction]


def _certainty(file: FileVerdict) -> str:
    return percent(_probability(file))
