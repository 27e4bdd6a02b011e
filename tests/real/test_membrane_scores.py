"""V_rand and V_info of real reference membranes."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage.segmentation import watershed

from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.metrics.membranes import MembraneScores
from emseg.micrograph import LabelClass, LabelImage

pytestmark = pytest.mark.real
CLASSES = (LabelClass("membrane", (0, 0, 0)), LabelClass("cell", (0, 0, 0)))
METRIC = MembraneScores("cell")


@pytest.fixture
def slices(real_data):
    folder = real_data("membranes") / "labels"
    return [np.asarray(Image.open(folder / f"{n}.png")) > 0 for n in (0, 12)]


def pair(prediction, reference, levels=None):
    images = (LabelImage(each.astype(np.uint8), CLASSES, "a") for each in (prediction, reference))
    return ComparedPair("a", *images, None if levels is None else np.stack((255 - levels, levels)))


def scores(*pairs):
    return METRIC.scores([METRIC.look(each) for each in pairs], np.ones((1, len(pairs))))[0]


def test_slices_against_themselves_are_perfect(slices):
    assert scores(*(pair(each, each) for each in slices)) == pytest.approx([1, 1], abs=1e-9)


def test_a_pixel_thicker_or_thinner_is_a_little_worse(slices):
    thicker = scores(*(pair(ndimage.binary_erosion(each, border_value=1), each) for each in slices))
    thinner = scores(*(pair(ndimage.binary_dilation(each), each) for each in slices))
    assert ((thicker > 0.95) & (thicker < 1)).all()
    assert ((thinner > 0.9) & (thinner < 1)).all()


def test_the_best_of_255_thresholds_is_that_of_a_flood_of_its_own(slices):
    cells = slices[0][:256, :256]
    noise = 0.03 * np.random.default_rng(0).standard_normal(cells.shape)
    blurred = ndimage.gaussian_filter(cells.astype(float), 2) + noise
    levels = np.rint(255 * blurred.clip(0, 1)).astype(np.uint8)
    one = pair(cells, cells, levels)
    best, _ = METRIC.best_threshold([METRIC.look(one)])
    grown = watershed(255 - levels, ndimage.label(levels >= best)[0])
    true = ndimage.label(cells)[0]
    joint = np.zeros((grown.max() + 1, true.max() + 1))
    np.add.at(joint, (grown[cells], true[cells]), 1)
    squares = [(sizes**2).sum() for sizes in (joint, joint.sum(axis=0), joint.sum(axis=1))]
    v_rand = 2 * squares[0] / (squares[1] + squares[2])
    assert scores(one)[0] == pytest.approx(v_rand, abs=1e-3)
