"""Maps of crops become one map of the micrograph."""

import numpy as np
import pytest

from emseg.explanation.scene import ExplainedImage, View
from emseg.micrograph import Micrograph, Region


def scene(*columns: tuple[int, int], width: int, shown: int | None = None) -> ExplainedImage:
    """Views of 20 rows; each spans these columns of a scene of so many."""
    views = tuple(
        View(np.zeros((1, 20, right - left), np.float32), Region(0, 20, left, right))
        for left, right in columns
    )
    micrograph = Micrograph(np.zeros((1, 20, shown or width), np.uint8), "steel")
    return ExplainedImage(micrograph, (20, width), views, np.zeros((1, 1, 1), np.float32))


def test_overlapping_crops_are_blended_without_a_seam():
    overlapping = scene((0, 60), (40, 100), width=100)
    heat = overlapping.stitched([np.zeros((5, 5), np.float32), np.ones((5, 5), np.float32)])
    assert (heat[:, :40] == 0).all()
    assert (heat[:, 60:] == 1).all()
    steps = np.diff(heat[7])
    assert (steps >= 0).all()
    assert steps.max() < 0.1  # an average would jump by one half, twice


@pytest.mark.parametrize("shown", [100, 50, 230])
def test_crops_that_agree_give_what_they_say(shown):
    heat = scene((0, 60), (30, 90), (40, 100), width=100, shown=shown).stitched(
        [np.full((3, 3), 0.7, np.float32)] * 3
    )
    assert heat.shape == (20, shown)
    np.testing.assert_allclose(heat, 0.7, rtol=1e-5)


def test_what_no_crop_holds_stays_unknown():
    heat = scene((0, 40), (60, 100), width=100).stitched([np.ones((2, 2), np.float32)] * 2)
    assert np.isnan(heat[:, 40:60]).all()
    assert np.isfinite(heat[:, :40]).all()
    assert np.isfinite(heat[:, 60:]).all()
