"""Numbers are written so that they are read right."""

import pytest

from emseg.evaluation.confidence.intervals import Interval
from emseg.evaluation.report import Number
from emseg.reporting.page.sentences import with_interval
from emseg.reporting.page.words import (
    between,
    counted,
    lengths,
    percent,
    significant,
    written,
)

from .conftest import description_of


def interval(low, high, units=30, unit="image", method="bootstrap"):
    return Interval(low, high, 0.95, units, unit, method, units < 10)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("iou", 0.9064, "0.906"),
        ("iou", None, "–"),
        ("iou", float("nan"), "–"),
        ("surface_distance_nm", 45.23, "45.2 nm"),
        ("surface_distance_px", 0.01234, "0.0123 px"),
        ("hausdorff_95_nm", 12345.0, "12,345 nm"),
        ("mean_diameter_error_nm", -1.234, "−1.23 nm"),
        ("mean_diameter_error_nm", 1.234, "+1.23 nm"),
        ("mean_diameter_error_nm", 0.0, "0 nm"),
        ("area_fraction", 0.2344, "23.4 %"),
        ("area_fraction_error", -0.0012, "−0.12 points"),
        ("area_fraction_error", -0.00001, "0.00 points"),
        ("count_error", 0.034, "+3.4 %"),
        ("count_error", -1.0, "−100.0 %"),
        ("count_error", 9.99, "+999.0 %"),
        ("count_error", 10.0, "× 11.0"),
        ("count_error", 5306.071, "× 5,307"),
        ("objects_reference", 1234.0, "1,234"),
        ("adapted_rand_error", 0.12345, "0.123"),
    ],
)
def test_a_number_is_written_as_its_kind(kind, value, text):
    assert written(value, description_of("classes", "a", kind)) == text


@pytest.mark.parametrize(
    ("key", "title"),
    [
        (("mean", "iou"), "Mean IoU"),
        (("mean", "boundary_f1"), "Mean boundary F1"),
        (("mean", "panoptic_quality"), "Mean panoptic quality"),
        (("pixel_accuracy",), "Pixel accuracy"),
    ],
)
def test_a_number_has_a_title(key, title):
    assert description_of(*key).title == title


def test_an_interval_names_its_unit_once():
    distance = description_of("classes", "a", "surface_distance_nm")
    assert between(interval(1.2, 3.4), distance) == "1.20 to 3.40 nm"
    error = description_of("classes", "a", "area_fraction_error")
    assert between(interval(-0.01, 0.02), error) == "−1.00 to +2.00 points"
    assert between(interval(0.89, 0.92), description_of("mean", "iou")) == "0.890 to 0.920"


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (interval(0.89, 0.92), "Mean IoU 0.906 (95 % interval 0.890 to 0.920 from 30 images)"),
        (
            interval(0.906, 0.906, method="all units are equal"),
            "Mean IoU 0.906 (the same in all 30 images)",
        ),
        (
            interval(0.8, 0.95, 16, "block of one image"),
            "Mean IoU 0.906 (95 % interval 0.800 to 0.950 from 16 blocks of one image)",
        ),
        (None, "Mean IoU 0.906"),
    ],
)
def test_a_number_in_a_sentence(found, text):
    assert (
        with_interval(Number(("mean", "iou"), 0.906, description_of("mean", "iou"), found)) == text
    )


def test_small_words():
    assert [counted(1, "image"), counted(1200, "file")] == ["1 image", "1,200 files"]
    assert [percent(0), percent(0.0001), percent(0.99999), percent(1)] == [
        "0.0 %",
        "<0.1 %",
        ">99.9 %",
        "100.0 %",
    ]
    assert [*map(lengths, (0, 0.05, 999.9, 1234, 2.5e6)), lengths(1234, 920)] == [
        "0 nm",
        "50.0 pm",
        "1,000 nm",
        "1.23 µm",
        "2.50 mm",
        "1.23 × 0.920 µm",
    ]
    assert [significant(-0.5), significant(123456), significant(9.999)] == [
        "−0.500",
        "123,456",
        "10.0",
    ]
