"""Every number of a report stands in one table of the page, in words that a microscopist uses."""

import numpy as np
import pytest

from emseg.evaluation.confidence.intervals import Interval
from emseg.evaluation.report import Number, SegmentationReport
from emseg.reporting.page.matrix import confusion_table
from emseg.reporting.page.plots import forest, histogram, whisker
from emseg.reporting.page.quantities import quantity_tables
from emseg.reporting.page.tables import class_tables, image_table

from .conftest import description_of


def numbers(**values):
    """A report of one class whose numbers are these."""
    keys = {("classes", "a", kind): value for kind, value in values.items()}
    found = tuple(Number(key, value, description_of(*key)) for key, value in keys.items())
    counts = np.zeros((1, 1), np.int64)
    return SegmentationReport(
        ("a",), found, (), counts, np.zeros(1, np.int64), {"distance": "4 nm"}
    )


def words(**values):
    """What the table of quantities says in words, by quantity."""
    (table,) = quantity_tables(numbers(**values))
    return {row.head: row.cells[-1].text for row in table.table.rows}


def test_every_number_of_a_class_stands_in_one_table(pair, report):
    kinds = ("hausdorff_95_nm", "object_recall", "vi_split", "roc_auc", "object_f1")
    extra = {("classes", "small", kind): 0.5 for kind in kinds}
    tables = class_tables(report([pair()], extra))
    titles = [column.title for table in tables for column in table.columns[1:]]
    assert titles == [
        *("IoU", "Dice", "Precision", "Recall", "Object F1", "In reference", "In prediction"),
        "Hausdorff 95 %",
        "Recall",
        "VI split (bits)",
        "ROC area",
    ]
    assert [len(table.rows) for table in tables] == [3, 1, 1, 1, 1]
    assert tables[0].foot is not None
    assert [cell.text for cell in tables[0].foot.cells[2:]] == ["", "", "", "", ""]


def test_the_distance_of_boundaries_is_named():
    (table,) = class_tables(numbers(boundary_f1=0.5))
    assert table.columns[1].meaning == "boundary that lies within 4 nm from the other one"


@pytest.mark.parametrize(
    ("true", "found", "said"),
    [
        (0.2, 0.25, "25 % too much"),
        (0.2, 0.199, "0.50 % too little"),
        (0.2, 0.2, "exact"),
        (0.2, 0.20001, "<0.1 % too much"),
        (0.0, 0.1, "too much: the reference has none"),
        (0.0001, 0.5308, "× 5,308 of the reference, too much"),
    ],
)
def test_an_area_fraction_in_words(true, found, said):
    values = {"area_fraction_reference": true, "area_fraction": found}
    assert words(**values, area_fraction_error=found - true) == {"Area fraction": said}


def test_objects_in_words():
    said = words(
        objects_reference=200.0,
        objects_prediction=190.0,
        count_error=-0.05,
        mean_diameter_nm=11.0,
        mean_diameter_reference_nm=10.0,
        mean_diameter_error_nm=1.0,
        size_distance_nm=1.25,
    )
    assert said == {
        "Number of objects": "5.0 % too few",
        "Mean diameter": "10 % too large",
        "Size distribution": "diameters differ by 1.25 nm on average",
    }


@pytest.mark.parametrize(
    ("true", "found", "said"),
    [
        (5.0, 0.0, "none was found"),
        (0.0, 0.0, "there is none"),
        (0.0, 3.0, "the reference has none"),
    ],
)
def test_objects_that_are_not_there(true, found, said):
    values = {"objects_reference": true, "objects_prediction": found, "count_error": None}
    assert words(**values) == {"Number of objects": said}


def test_an_error_that_may_be_chance_is_called_so():
    unsure = Interval(-0.01, 0.02, 0.95, 20, "image", "bootstrap", False)
    key = ("classes", "a", "area_fraction_error")
    plain = numbers(area_fraction_reference=0.5, area_fraction=0.505)
    error = Number(key, 0.005, description_of(*key), unsure)
    result = SegmentationReport(
        plain.names, (*plain.numbers, error), (), plain.confusion, plain.missed, {}
    )
    (table,) = quantity_tables(result)
    assert table.table.rows[0].cells[-1].text == "1.0 % too much (the interval includes 0)"


def test_images_stand_worst_first_and_lead_to_their_figures(pair, report):
    pairs = [pair(str(k), wrong=share, seed=k) for k, share in enumerate((0.1, 0.3, 0.2))]
    pairs.append(pair("nothing", unlabelled=1.0))
    table = image_table(report(pairs), {"1": "image-1"})
    assert [row.head for row in table.rows] == ["1", "2", "0", "nothing"]
    assert [row.target for row in table.rows] == ["image-1", "", "", ""]
    assert table.columns[2].title == "Mean IoU"
    assert table.columns[2].order == "ascending"
    assert table.rows[-1].cells[1].text == "–"


def test_a_confusion_matrix_shows_shares_of_its_rows():
    counts = np.array([[90, 10], [0, 0]])
    table = confusion_table(("a", "b"), counts, np.array([0, 0]))
    assert [column.title for column in table.columns] == ["Reference", "a", "b", "All pixels"]
    assert [cell.text for cell in table.rows[0].cells] == ["90.0 %", "10.0 %", "100"]
    assert [cell.level for cell in table.rows[0].cells] == [9, 1, None]
    assert [cell.text for cell in table.rows[1].cells] == ["·", "·", "0"]


def test_pixels_without_a_class_have_a_column():
    table = confusion_table(("a",), np.array([[3]]), np.array([1]))
    assert [column.title for column in table.columns] == [
        "Reference",
        "a",
        "no class",
        "All pixels",
    ]
    assert table.rows[0].cells[1].text == "25.0 %"


def test_of_many_classes_the_largest_confusions_are_listed():
    counts = np.diag(np.full(30, 100))
    counts[3, 4], counts[5, 6] = 20, 50
    table = confusion_table(tuple(map(str, range(30))), counts, of="files")
    assert [(row.head, *(cell.text for cell in row.cells)) for row in table.rows] == [
        ("5", "6", "50", "33.3 %"),
        ("3", "4", "20", "16.7 %"),
    ]


def test_the_axis_begins_as_late_as_the_intervals_allow(pair, report):
    plot = forest(report([pair(str(k), wrong=0.05, seed=k) for k in range(3)]))
    assert plot is not None
    assert [tick.text for tick in plot.ticks] == ["0.8", "0.85", "0.9", "0.95", "1"]
    assert all(0 <= each.low <= each.at <= each.high <= 100 for each in plot.whiskers)
    assert forest(report([pair(names=("a",))])) is None


def test_a_whisker_stays_on_its_axis():
    wide = Interval(-0.2, 1.3, 0.95, 3, "image", "t", True)
    found = whisker(Number(("mean", "iou"), 0.5, description_of("mean", "iou"), wide))
    assert (found.low, found.at, found.high) == (0, 50, 100)


def test_the_histogram_counts_every_image(pair, report):
    pairs = [pair(str(k), wrong=0.05 * k, seed=k) for k in range(9)]
    plot = histogram(report(pairs))
    assert plot is not None
    assert sum(bar.count for bar in plot.bars) == 9
    assert max(bar.height for bar in plot.bars) == 100
    assert histogram(report(pairs[:7])) is None
