"""From label images to a report: numbers, intervals, and what they rest on."""

from pathlib import Path

import numpy as np
import pytest

from emseg.calibration import Distance, PixelSize, parse_smallest
from emseg.errors import MismatchError, UnknownNameError, UsageError
from emseg.evaluation import Compared, MetricSelection
from emseg.evaluation.confidence import UnitSource
from emseg.evaluation.rivals import compare_results
from emseg.evaluation.scoring import check_units, score
from emseg.micrograph import LabelClass, LabelImage, Region


def segmentation_report(*given, **how):
    return score(*given, **how).report()


NAMES = ("matrix", "particle")
CLASSES = tuple(LabelClass(name, (0, 0, 0)) for name in NAMES)
NM = PixelSize(2.0, 2.0, "a test")


def image(pixels, name, classes=CLASSES, **more):
    return LabelImage(np.asarray(pixels, np.uint8), classes, name, **more)


def compared(number, *, noise=0.05, side=80, pixel_size=NM, folder="a"):
    """A square particle, and a prediction of it with a share of pixels turned."""
    rng = np.random.default_rng(number)
    true = np.zeros((side, side), np.uint8)
    true[10 : 40 + number, 10:50] = 1
    predicted = np.where(rng.random(true.shape) < noise, 1 - true, true)
    name = f"image {number}"
    sides = (image(each, name, pixel_size=pixel_size) for each in (predicted, true))
    return Compared(UnitSource(name, Path(folder, f"{number}.tif")), *sides)


def test_every_number_has_an_interval_that_holds_it():
    report = segmentation_report(NAMES, [compared(number) for number in range(12)])
    assert {each.key for each in report.numbers} >= {
        ("mean", "iou"),
        ("classes", "particle", "boundary_f1"),
        ("classes", "particle", "object_f1"),
        ("classes", "particle", "mean_diameter_error_nm"),
    }
    for each in report.numbers:
        assert each.interval is not None, each.key
        assert each.interval.low <= each.value <= each.interval.high, each.key
        assert each.interval.units <= 12
    iou = report.number("mean", "iou")
    assert iou.interval.low < iou.value < iou.interval.high
    assert (report.confidence.units, report.confidence.unit) == (12, "image")
    assert report.notes == {"distance": "2 px (4 nm)"}


def test_numbers_that_blocks_change_have_no_interval_of_them():
    true = np.zeros((256, 256), np.uint8)
    true[20:236:20] = true[21:236:20] = 1  # eleven lines, each cut by every block that it crosses
    rng = np.random.default_rng(1)
    predicted = np.where(rng.random(true.shape) < 0.001, 1, true)
    sides = (image(each, "lines", pixel_size=NM) for each in (predicted, true))
    report = segmentation_report(NAMES, [Compared(UnitSource("lines", Path("lines.tif")), *sides)])
    assert report.value("classes", "particle", "objects_reference") == 11
    assert report.number("classes", "particle", "objects_reference").interval is None
    assert report.number("classes", "particle", "mean_diameter_nm").interval is None
    assert report.number("classes", "particle", "iou").interval is not None


def test_the_numbers_of_an_image_are_those_of_an_evaluation_of_it_alone():
    pairs = [compared(number, noise=0.02 * number) for number in range(1, 5)]
    report = segmentation_report(NAMES, pairs)
    for place, pair in enumerate(pairs):
        alone = segmentation_report(NAMES, [pair], MetricSelection(draws=0))
        for each in alone.numbers:
            found = report.images[place].values[each.key]
            assert found == (None if each.value is None else pytest.approx(each.value))


def test_every_image_has_its_own_pixel_size_in_whichever_order_they_come():
    fine, coarse = (compared(n, pixel_size=PixelSize(s, s, "a test")) for n, s in ((1, 1), (2, 10)))
    selection = MetricSelection(
        smallest=parse_smallest("100nm"), draws=0
    )  # all of coarse, none of fine
    there, back = (
        segmentation_report(NAMES, each, selection) for each in ([fine, coarse], [coarse, fine])
    )
    assert there.value("classes", "particle", "objects_reference") == 1
    for each in there.numbers:
        assert back.value(*each.key) == pytest.approx(each.value), each.key
    assert there.notes == {"distance": "2 px"}  # which is not the same in nm


def test_one_image_is_cut_into_blocks_and_says_so():
    report = segmentation_report(NAMES, [compared(3, side=256)])
    assert report.confidence.unit == "block of one image"
    assert report.confidence.units >= 4
    for each in report.numbers:
        if each.interval is not None:
            assert each.interval.low <= each.value <= each.interval.high, each.key
    assert report.number("mean", "iou").interval is not None
    small = segmentation_report(NAMES, [compared(3)])
    assert small.confidence is None
    assert small.value("mean", "iou") > 0.8


def test_units_are_folders_where_the_user_says_so(caplog):
    pairs = [compared(number, folder=f"specimen {number % 3}") for number in range(12)]
    grouped = segmentation_report(NAMES, pairs, MetricSelection(group_by="folder"))
    assert (grouped.confidence.units, grouped.confidence.unit) == (3, "group")
    assert grouped.confidence.few_units
    each = segmentation_report(NAMES, pairs)
    assert grouped.value("mean", "iou") == each.value("mean", "iou")
    check_units([pair.source for pair in pairs], MetricSelection())
    assert not caplog.records
    slices = [UnitSource(f"s[{n}]", Path("s.tif"), n) for n in range(5)]
    check_units(slices, MetricSelection())
    assert "not independent specimens" in caplog.text


def test_a_bad_grouping_is_refused_before_anything_is_compared():
    with pytest.raises(UnknownNameError, match="did you mean 'folder'"):
        check_units([compared(1).source], MetricSelection(group_by="foldr"))
    with pytest.raises(UsageError, match="says nothing about"):
        check_units([compared(1).source], MetricSelection(group_by=r"specimen(\d)"))


def test_the_same_seed_gives_the_same_intervals():
    pairs = [compared(number) for number in range(11)]
    first, second, other = (
        segmentation_report(NAMES, pairs, MetricSelection(metrics=("overlap",), seed=seed)).numbers
        for seed in (1, 1, 2)
    )
    assert first == second
    assert [each.value for each in first] == [each.value for each in other]
    assert first != other


def test_classes_in_another_order_are_the_same_classes():
    pair = compared(4)
    turned = image(1 - pair.prediction.pixels, "t", CLASSES[::-1], pixel_size=NM)
    one = segmentation_report(NAMES, [pair], MetricSelection(draws=0))
    two = segmentation_report(
        NAMES, [Compared(pair.source, turned, pair.reference)], MetricSelection(draws=0)
    )
    assert [each.value for each in one.numbers] == [each.value for each in two.numbers]


def test_an_information_bar_is_in_no_number():
    pair = compared(2)
    with_bar = np.pad(pair.prediction.pixels, ((0, 20), (0, 0)), constant_values=1)
    prediction = image(with_bar, "b", pixel_size=NM, specimen=Region(0, 80, 0, 80))
    masks = (pair.reference, image(np.pad(pair.reference.pixels, ((0, 20), (0, 0))), "b"))
    expected = segmentation_report(NAMES, [pair], MetricSelection(draws=0))
    for reference in masks:
        found = segmentation_report(
            NAMES, [Compared(pair.source, prediction, reference)], MetricSelection(draws=0)
        )
        assert found.numbers == expected.numbers


def test_images_with_and_without_a_pixel_size_are_not_mixed():
    pairs = [compared(1), compared(2, pixel_size=None)]
    with pytest.raises(MismatchError, match=r"image 2 has no pixel size"):
        segmentation_report(NAMES, pairs)
    report = segmentation_report(NAMES, pairs, MetricSelection(distance=Distance(2, "px")))
    assert report.value("classes", "particle", "mean_diameter_px") > 0
    with pytest.raises(MismatchError, match="--distance 2px"):
        segmentation_report(NAMES, pairs[1:], MetricSelection(distance=Distance(5, "nm")))


def test_a_clear_improvement_is_told_from_chance():
    worse = score(NAMES, [compared(number, noise=0.10) for number in range(10)])
    better = score(NAMES, [compared(number, noise=0.04) for number in reversed(range(10))])
    found = compare_results("old", "new", worse, better)
    assert found.headline.verdict == "B is better"
    assert found.headline.p_value == pytest.approx(2 / 2**10)
    assert found.headline.value == pytest.approx(
        found.report_b.value("mean", "iou") - found.report_a.value("mean", "iou")
    )
    same = compare_results("a", "b", worse, worse)
    assert same.headline.verdict == "no difference shown"


def test_results_for_other_images_are_not_compared():
    one, two = (score(NAMES, [compared(n) for n in range(*ends)]) for ends in ((0, 3), (1, 4)))
    with pytest.raises(MismatchError, match="image 0"):
        compare_results("a", "b", one, two)
