"""Which numbers a comparison of two results tests, and what it says of the others."""

from pathlib import Path

import numpy as np
import pytest

from emseg.errors import MismatchError
from emseg.evaluation import Compared, MetricSelection
from emseg.evaluation.confidence import UnitSource
from emseg.evaluation.rivals import compare_results
from emseg.evaluation.scoring import score
from emseg.micrograph import LabelClass, LabelImage

NAMES = ("matrix", "particle")
CLASSES = tuple(LabelClass(name, (0, 0, 0)) for name in NAMES)
TESTED = {  # of two classes and the groups that come without asking, beside the mean IoU
    "classes.matrix.iou",
    "classes.particle.iou",
    "pixel_accuracy",
    "mean.boundary_f1",
    "mean.object_f1",
}


def scoring(noise, images=8, *, first=0, **asked):
    """Score predictions of a square particle with a share of the pixels turned."""

    def one(number):
        random = np.random.default_rng((number, int(1000 * noise)))
        true = np.zeros((40, 40), np.uint8)
        true[5 : 20 + number, 5:25] = 1
        found = np.where(random.random(true.shape) < noise, 1 - true, true)
        sides = (LabelImage(each, CLASSES, str(number)) for each in (found, true))
        return Compared(UnitSource(str(number), Path(f"{number}.tif")), *sides)

    return score(NAMES, map(one, range(first, first + images)), MetricSelection(**asked))


def rows(found):
    return {row["number"]: row for row in found.as_rows()}


def test_eight_images_tell_clear_results_apart_in_one_number_of_each_kind():
    found = compare_results("a", "b", scoring(0.1), scoring(0.01))
    verdicts = {name: row.get("verdict") for name, row in rows(found).items()}
    assert {name for name, verdict in verdicts.items() if verdict} == TESTED | {"mean.iou"}
    assert {verdicts[name] for name in TESTED} == {"B is better"}
    assert found.tests == 5
    assert {rows(found)[name]["p"] for name in TESTED} == {5 * 2 / 2**8}
    assert {".".join(key) for key, _ in found.tested} == TESTED | {"mean.iou"}


def test_with_too_few_units_for_so_many_tests_nothing_is_called_equal():
    found = compare_results("a", "b", scoring(0.1, 7), scoring(0.01, 7))
    assert found.headline.verdict == "B is better"
    assert {rows(found)[name]["verdict"] for name in TESTED} == {"too few units to tell"}


def test_what_the_masks_hold_does_not_differ_and_is_not_tested():
    found = rows(compare_results("a", "b", scoring(0.1), scoring(0.01)))
    held = [name for name in found if "_reference" in name]
    assert len(held) == 4
    for name in held:
        assert (found[name]["difference"], found[name]["low"], found[name]["high"]) == (0, 0, 0)
        assert (found[name]["p"], found[name]["verdict"]) == (None, None)


def test_no_other_group_of_metrics_changes_the_p_value_of_the_headline():
    few, many = (
        compare_results("a", "b", *(scoring(noise, metrics=metrics) for noise in (0.1, 0.08)))
        for metrics in (("overlap",), ("overlap", "objects", "distances"))
    )
    assert few.headline == many.headline
    assert (few.tests, many.tests) == (3, 6)


def test_without_resamples_there_are_verdicts_and_no_intervals():
    found = compare_results("a", "b", scoring(0.1, draws=0), scoring(0.01, draws=0))
    assert {row.get("low") for row in found.as_rows()} == {None}
    assert {rows(found)[name]["verdict"] for name in TESTED} == {"B is better"}


def test_the_result_says_what_it_rests_on():
    asked = {"seed": 3, "draws": 20, "group_by": r"(\d)", "metrics": ("overlap",)}
    found = compare_results("a", "b", scoring(0.1, **asked), scoring(0.01, **asked)).as_json()
    expected = {"seed": 3, "draws": 20, "group_by": r"(\d)", "level": 0.95, "significance": 0.05}
    assert {name: found[name] for name in expected} == expected
    assert (found["tests"], found["headline"], found["verdict"]) == (3, "mean.iou", "B is better")


def test_a_missing_image_is_named_with_the_side_that_lacks_it():
    for sides, words in (
        ((scoring(0.1), scoring(0.1, 7)), "b has no label image for 7, which a has; add it to b"),
        ((scoring(0.1, 7, first=1), scoring(0.1)), "a has no label image for 0, which b has"),
    ):
        with pytest.raises(MismatchError, match=words):
            compare_results("a", "b", *sides)
