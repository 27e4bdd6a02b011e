"""What the pictures claim: the evidence for a particle lies on the particle."""

import numpy as np
import pytest

from emseg.explanation import Explainer, rank_correlation
from emseg.meters import Silence

STRIDE = 4
RADIUS = 5


def share_within(heat, centre, radius):
    """Share of the positive heat within a circle."""
    y, x = np.mgrid[: heat.shape[0], : heat.shape[1]]
    inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2
    positive = np.clip(np.nan_to_num(heat), 0, None)
    return positive[inside].sum() / positive.sum()


def centre_of_mass(heat):
    positive = np.clip(np.nan_to_num(heat), 0, None)
    y, x = np.mgrid[: heat.shape[0], : heat.shape[1]]
    return (y * positive).sum() / positive.sum(), (x * positive).sum() / positive.sum()


@pytest.fixture
def explainer(classifier, particle, cpu):
    return Explainer(classifier, particle((20, 44)), cpu, class_name="particle")


def test_grad_cam_lies_on_the_particle(explainer):
    heat = explainer.grad_cam()
    assert np.pi * RADIUS**2 < 0.05 * heat.values.size
    assert heat.values.shape == (64, 64)
    assert share_within(heat.values, (20, 44), RADIUS + STRIDE) >= 0.6


def test_class_activation_lies_on_the_particle(explainer):
    heat = explainer.cam()
    assert share_within(heat.values, (20, 44), RADIUS + STRIDE) >= 0.6


def test_occlusion_agrees(explainer):
    class Told(Silence):
        done = total = 0

        def reach(self, done, total=None):
            self.done, self.total = done, total

        def advance(self, steps=1):
            self.done += steps

    told = Told()
    heat = explainer.occlusion(told, patch=8)
    assert (heat.patch, heat.step) == (8, 4)
    assert (told.done, told.total) == (15 * 15, 15 * 15)
    assert share_within(heat.values, (20, 44), RADIUS + heat.patch) >= 0.6
    covered = heat.values[16:24, 40:48].mean()
    far = heat.values[40:, :20].mean()
    assert covered > 0.1 > 10 * abs(far)
    agreement = rank_correlation(explainer.grad_cam().values, heat.values, heat.step)
    assert agreement is not None
    assert agreement > 0.2


def test_seg_grad_cam_lies_on_the_particle(segmenter, particle, cpu):
    explainer = Explainer(segmenter, particle((20, 44)), cpu)
    assert explainer.answer.class_name == "particle"  # the largest after the first
    assert explainer.answer.share is not None
    assert 0.01 < explainer.answer.share < 0.05
    assert explainer.deepest is not None
    assert (explainer.deepest.name, explainer.deepest.size) == ("encoder", (16, 16))
    assert share_within(explainer.grad_cam().values, (20, 44), RADIUS + STRIDE) >= 0.5
    heat = explainer.occlusion(Silence(), patch=8)
    assert share_within(heat.values, (20, 44), RADIUS + heat.patch) >= 0.5


@pytest.mark.parametrize("corner", [(6, 6), (6, 57), (57, 6), (57, 57)])
def test_a_particle_in_a_corner_lights_that_corner(classifier, segmenter, particle, cpu, corner):
    for model in (classifier, segmenter):
        explainer = Explainer(model, particle(corner), cpu, class_name="particle")
        found = centre_of_mass(explainer.grad_cam().values)
        assert np.hypot(found[0] - corner[0], found[1] - corner[1]) < 10


@pytest.mark.parametrize("centre", [(30, 120), (80, 20)])
def test_crops_lie_where_they_were_cut(classifier, particle, cpu, centre):
    explainer = Explainer(classifier, particle(centre, side=150), cpu, class_name="particle")
    assert len(explainer.scene.views) == 9
    heat = explainer.grad_cam().values
    assert np.isfinite(heat).all()
    assert np.hypot(*np.subtract(np.unravel_index(heat.argmax(), heat.shape), centre)) < 12
    assert share_within(heat, centre, RADIUS + STRIDE) >= 0.5


def test_no_particle_no_probability(classifier, particle, cpu):
    with_one = Explainer(classifier, particle((20, 44)), cpu).answer
    without = Explainer(classifier, particle(None), cpu).answer
    assert (with_one.class_name, without.class_name) == ("particle", "nothing")
    assert with_one.probability > 0.9
    assert without.probability > 0.5


def test_features_are_of_the_crop_that_shows_the_class(classifier, particle, cpu):
    explainer = Explainer(classifier, particle((130, 20), side=150), cpu, class_name="particle")
    features = explainer.features(explainer.layer("3"))
    assert features.maps.shape == (16, 32, 32)
    assert (features.region.bottom, features.region.left) == (150, 0)
    assert sorted(features.order) == list(range(16))
    activity = np.abs(features.maps).mean(axis=(1, 2))[features.order]
    assert (np.diff(activity) <= 0).all()
