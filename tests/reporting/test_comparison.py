"""The comparison judges every pixel and says how many are wrong."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emseg.calibration import PixelSize
from emseg.errors import MismatchError
from emseg.evaluation import Confusion
from emseg.micrograph import LabelClass, LabelImage, Micrograph
from emseg.reporting import write_comparison
from emseg.reporting.comparison import _scores
from emseg.reporting.verdicts import verdict_counts, verdict_legend, verdicts_of

MATRIX = LabelClass("matrix", (0, 114, 178))
SMALL = LabelClass("small", (230, 159, 0))
LARGE = LabelClass("large", (0, 158, 115))
CORRECT, MISSED, FALSE, CONFUSED, NOT_JUDGED = range(5)


def labels(pixels: object, classes: tuple[LabelClass, ...] = (MATRIX, SMALL, LARGE)) -> LabelImage:
    return LabelImage(np.asarray(pixels, np.uint8), classes, "a")


def test_every_pixel_is_judged() -> None:
    #                   right    missed   false    confused  not judged
    reference = labels([[0, 1, 2, 1, 2, 1, 0, 0, 0, 1, 2, 255, 255, 0]])
    prediction = labels([[0, 1, 2, 0, 0, 255, 1, 2, 255, 2, 1, 0, 255, 0]])
    expected = [CORRECT] * 3 + [MISSED] * 3 + [FALSE] * 3 + [CONFUSED] * 2 + [NOT_JUDGED] * 2 + [0]
    assert verdicts_of(prediction, reference)[0].tolist() == expected


def test_classes_are_compared_by_name() -> None:
    reference = labels([[0, 0, 1, 2]])
    prediction = labels([[2, 2, 0, 1]], (SMALL, LARGE, MATRIX))
    assert verdicts_of(prediction, reference).max() == CORRECT
    assert _scores(prediction, reference) == "mean IoU 1.000, pixel accuracy 1.000"


def test_a_class_that_the_reference_does_not_have_is_wrong_everywhere() -> None:
    reference = labels([[0, 0, 1, 1]], (MATRIX, SMALL))
    prediction = labels([[0, 1, 1, 0]], (MATRIX, LARGE))
    assert verdicts_of(prediction, reference)[0].tolist() == [CORRECT, FALSE, CONFUSED, MISSED]


def test_the_legend_counts_mistakes_among_labelled_pixels() -> None:
    reference = labels([[0, 0, 1, 1, 255, 255]])
    verdicts = verdicts_of(labels([[0, 1, 1, 0, 0, 0]]), reference)
    counts = np.bincount(verdicts.ravel(), minlength=5)
    assert [each.text for each in verdict_legend(counts, "matrix")] == [
        "missed, called matrix: 25.00 %",
        "false, is matrix: 25.00 %",
        "not labelled",
    ]


@pytest.mark.parametrize("background", range(3))
def test_verdicts_follow_from_the_confusion(background: int) -> None:
    rng = np.random.default_rng(background)
    values = np.array([0, 1, 2, 255])
    reference, prediction = (labels(rng.choice(values, (20, 20))) for _ in range(2))
    verdicts = verdicts_of(prediction, reference, background)
    confusion = Confusion(reference.names)
    confusion.update(prediction, reference)
    counted = np.bincount(verdicts.ravel(), minlength=5)[:4]
    assert verdict_counts(confusion, background)[:4].tolist() == counted.tolist()


def test_a_reference_without_labels_has_no_scores() -> None:
    assert _scores(labels([[0, 1]]), labels([[255, 255]])) == "nothing is labelled"


@pytest.mark.parametrize(
    ("size", "across"), [((300, 300), 4), ((300, 500), 2), ((100, 400), 1), ((8, 5), 4)]
)
def test_four_panels_are_written(tmp_path: Path, size: tuple[int, int], across: int) -> None:
    rng = np.random.default_rng(0)
    image = Micrograph(rng.random((1, *size)), "a", pixel_size=PixelSize(2, 2, "the user"))
    reference, prediction = (labels(rng.integers(0, 3, size)) for _ in range(2))
    write_comparison(tmp_path / "c.png", image, prediction, reference)
    panel = size if max(size) >= 320 else [320, 320 * size[1] // size[0]]
    with Image.open(tmp_path / "c.png") as picture:
        picture.load()
        assert picture.width > across * panel[1] - 2 * across
        assert picture.height > 4 // across * panel[0] - 2 * across
    assert list(tmp_path.iterdir()) == [tmp_path / "c.png"]


def test_mistakes_are_where_they_are(tmp_path: Path) -> None:
    reference, prediction = np.zeros((320, 320), np.uint8), np.zeros((320, 320), np.uint8)
    reference[:160, :160] = prediction[160:, 160:] = 1
    image = Micrograph(np.random.default_rng(0).random((1, 320, 320)), "a")
    write_comparison(tmp_path / "c.png", image, labels(prediction), labels(reference))
    with Image.open(tmp_path / "c.png") as picture:
        shown = np.asarray(picture)
    missed, false = (np.argwhere((shown == colour).all(axis=-1)) for colour in VERDICTS)
    panel = missed[missed[:, 0] < 320]  # leaves out the legend
    assert np.ptp(panel, axis=0).tolist() == [159, 159]
    corner = panel.min(axis=0)
    assert (false[false[:, 0] < corner[0] + 320].min(axis=0) - corner).tolist() == [160, 160]


VERDICTS = ((214, 0, 70), (110, 60, 230))


@pytest.mark.parametrize("what", ["prediction", "reference"])
def test_images_of_different_sizes_are_refused(tmp_path: Path, what: str) -> None:
    pair = {"prediction": labels(np.zeros((4, 5))), "reference": labels(np.zeros((4, 5)))}
    pair[what] = labels(np.zeros((5, 4)))
    with pytest.raises(MismatchError, match=f"the {what} has"):
        write_comparison(tmp_path / "c.png", Micrograph(np.zeros((1, 4, 5)), "a"), **pair)
    assert not list(tmp_path.iterdir())
