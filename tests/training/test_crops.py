"""Training crops: what a sample is, and that its labels lie where its pixels lie."""

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import emseg.training.crops
from emseg.intensity import IntensityRule
from emseg.learning import Augment
from emseg.training.appearance import vary_intensity
from emseg.training.crops import CountingSampler, CropDataset, Dealing
from emseg.training.geometry import Geometry


@pytest.fixture
def coded(labelled):
    """A micrograph whose pixels say which label they have: bands of 8 columns, 3 classes."""

    def make(height=100, width=120):
        columns = np.broadcast_to(np.arange(width), (height, width))
        mask = columns // 8 % 3
        return labelled(np.float32([0, 50, 200])[mask] + 0.0, mask)

    return make


def dataset(planes, crop=32, seed=0, rule=IntensityRule.NONE):
    return CropDataset(planes, crop, seed, rule)


def test_a_sample_depends_on_the_seed_and_its_number_alone(coded):
    first, second = dataset([coded()]), dataset([coded()])
    second[3], torch.rand(5)  # whatever happened before
    np.random.default_rng().random()
    for index in (7, 0, 10**9):
        for one, other in zip(first[index], second[index], strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize(("seed", "index"), [(1, 7), (0, 8)])
def test_another_seed_or_number_is_another_sample(coded, seed, index):
    assert not torch.equal(dataset([coded()])[7][0], dataset([coded()], seed=seed)[index][0])


def test_shapes_and_types(coded):
    for index in range(30):
        image, labels = dataset([coded()])[index]
        assert (image.shape, image.dtype) == ((1, 32, 32), torch.float32)
        assert (labels.shape, labels.dtype) == ((32, 32), torch.int64)


def test_labels_follow_turns_and_mirrors_exactly(coded, monkeypatch):
    monkeypatch.setattr(emseg.training.crops, "vary_intensity", lambda _rng, image, _augment: image)
    samples = dataset([coded()])
    turned = 0
    for index in range(60):
        image, labels = samples[index]
        if not set(image.unique().tolist()) <= {0.0, 50.0, 200.0}:
            continue  # a warp has interpolated; see below
        expected = torch.tensor([0, 50, 200])[labels]
        assert torch.equal(image[0], expected.float())
        turned += 1
    assert turned > 30


def test_labels_follow_a_warp_to_the_pixel(coded, monkeypatch):
    """Inside a band both agree; interpolation only blurs the borders between bands."""
    monkeypatch.setattr(emseg.training.crops, "vary_intensity", lambda _rng, image, _augment: image)
    monkeypatch.setattr(Geometry, "draw", lambda *_, **__: Geometry(1, True, 30.0, 1.2))
    samples = dataset([coded()])
    for index in range(10):
        image, labels = samples[index]
        known = labels != 255
        nearest = (image[0][..., None] - torch.tensor([0.0, 50.0, 200.0])).abs().argmin(dim=-1)
        pure = (image[0][..., None] - torch.tensor([0.0, 50.0, 200.0])).abs().min(dim=-1)[0] < 1e-3
        assert (nearest == labels)[known & pure].float().mean() > 0.999
        assert (known & pure).float().mean() > 0.5


def test_what_lies_outside_a_warped_window_has_no_label():
    geometry = Geometry(0, False, 45.0, 0.75)
    ones = torch.ones(1, geometry.window(64), geometry.window(64))
    image, labels = geometry.apply(ones, ones.clone(), 64, 255)
    assert image.shape == labels.shape == (1, 64, 64)
    assert set(labels.unique().tolist()) == {1.0, 255.0}
    assert labels[0, 0, 0] == 255
    assert image[0, 0, 0] == 0
    assert (labels[0, 16:48, 16:48] == 1).all()


@given(turns=st.integers(0, 3), mirrored=st.booleans())
def test_the_eight_symmetries_move_pixels_and_lose_none(turns, mirrored):
    image = torch.arange(16.0).reshape(1, 4, 4)
    turned, labels = Geometry(turns, mirrored).apply(image, image.clone(), 4, 255)
    assert torch.equal(turned, labels)
    assert sorted(turned.ravel().tolist()) == sorted(image.ravel().tolist())


def test_the_eight_symmetries_are_eight_and_all_occur(coded):
    image = torch.arange(16.0).reshape(1, 4, 4)
    rng = np.random.default_rng(0)
    drawn = [Geometry.draw(rng) for _ in range(200)]
    seen = {tuple(g.apply(image, image, 4, 0)[0].ravel().tolist()) for g in drawn if not g.warps}
    assert len(seen) == 8
    assert 0.2 < sum(g.warps for g in drawn) / 200 < 0.4


@pytest.mark.parametrize("size", [(20, 120), (100, 10), (5, 5), (1, 1), (32, 32)])
def test_a_micrograph_smaller_than_the_crop_is_padded_without_labels(coded, size, monkeypatch):
    monkeypatch.setattr(emseg.training.crops, "vary_intensity", lambda _rng, image, _augment: image)
    monkeypatch.setattr(Geometry, "draw", lambda *_, **__: Geometry(0, False))
    image, labels = dataset([coded(*size)])[0]
    assert image.shape == (1, 32, 32)
    height, width = (min(32, length) for length in size)
    assert (labels[:height, :width] != 255).all()
    assert (labels == 255).sum() == 32 * 32 - height * width
    assert torch.isfinite(image).all()
    if height < 32 and width >= 32:
        torch.testing.assert_close(image[:, height], image[:, height - 1])  # mirrored, not black


def test_small_micrographs_are_warped_too(coded):
    for index in range(20):
        image, labels = dataset([coded(40, 9)])[index]
        assert image.shape[1:] == labels.shape == (32, 32)


def test_a_rare_class_is_met_far_more_often_than_it_occurs(labelled):
    mask = np.zeros((400, 400), np.uint8)
    mask[200:203, 77:80] = 2  # one pixel in eighteen thousand
    samples = dataset([labelled(np.random.default_rng(0).random((400, 400)), mask, classes=3)])
    met = sum(bool((samples[index][1] == 2).any()) for index in range(120)) / 120
    assert met > 0.1  # by area alone it would be 0.006


def test_large_micrographs_are_drawn_more_often(labelled):
    small, large = (
        labelled(np.full((side, side), value, np.float32), np.zeros((side, side), int))
        for side, value in ((40, 0.0), (120, 9.0))
    )
    samples = CropDataset([small, large], 32, 0, IntensityRule.NONE)
    samples._shown = []  # only draws by area
    numbers = [samples._place(np.random.default_rng(index))[0] for index in range(500)]
    assert np.mean(numbers) == pytest.approx(0.9, abs=0.04)


def test_every_corner_of_a_micrograph_is_reached(labelled):
    pixels = np.arange(50 * 50, dtype=np.float32).reshape(50, 50)
    samples = dataset([labelled(pixels, np.zeros((50, 50), int))])
    met = set()
    for index in range(150):
        _, centre = samples._place(np.random.default_rng(index))
        image, _ = samples._window(samples.planes[0], centre, 32)
        met |= set(image.ravel().tolist())
    assert met >= {0.0, 49.0, 2450.0, 2499.0}


def test_statistics_are_those_of_the_whole_micrograph(labelled, monkeypatch):
    monkeypatch.setattr(emseg.training.crops, "vary_intensity", lambda _rng, image, _augment: image)
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:, 32:] = 100
    plane = labelled(pixels, pixels // 100)
    image, labels = dataset([plane], crop=16, rule=IntensityRule.ZSCORE)[0]
    torch.testing.assert_close(image[0][labels < 2], 2.0 * labels[labels < 2] - 1)


def test_numbers_are_counted_without_end():
    assert list(islice(CountingSampler(Dealing(2)), 3)) == [0, 1, 2]
    assert list(islice(CountingSampler(Dealing(2), 24), 3)) == [48, 49, 50]


def test_processes_share_the_batch_of_one():
    first, second = (CountingSampler(Dealing(3, rank, 2), 4) for rank in (0, 1))
    whole = CountingSampler(Dealing(6), 4)
    assert list(islice(first, 6)) == [24, 25, 26, 30, 31, 32]
    assert list(islice(second, 6)) == [27, 28, 29, 33, 34, 35]
    assert sorted([*islice(first, 6), *islice(second, 6)]) == list(islice(whole, 12))


def test_intensities_vary_but_stay_finite_and_ordered_on_average():
    image = torch.linspace(-2, 2, 32 * 32).reshape(1, 32, 32)
    varied = [vary_intensity(np.random.default_rng(n), image) for n in range(100)]
    assert all(torch.isfinite(each).all() and each.shape == image.shape for each in varied)
    assert all(each[0, -4:].mean() > each[0, :4].mean() for each in varied)
    means = torch.stack([each.mean() for each in varied])
    assert 0.1 < means.std() < 0.4


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_constant_crop_survives_the_variation(value):
    image = torch.full((1, 16, 16), value)
    for number in range(40):
        assert torch.isfinite(vary_intensity(np.random.default_rng(number), image)).all()


@pytest.mark.parametrize("augment", list(Augment))
def test_every_strength_varies_crops_that_stay_finite(coded, augment):
    samples = CropDataset([coded()], 32, 0, IntensityRule.ZSCORE, augment)
    for index in range(150):
        image, labels = samples[index]
        assert (image.shape, image.dtype) == ((1, 32, 32), torch.float32)
        assert torch.isfinite(image).all()
        assert set(labels.unique().tolist()) <= {0, 1, 2, 255}
        assert float(image.abs().max()) < 50


def test_without_augmentation_a_crop_is_what_the_micrograph_shows(coded):
    samples = CropDataset([coded()], 32, 0, IntensityRule.NONE, Augment.NONE)
    for index in range(20):
        image, labels = samples[index]
        assert torch.equal(image[0], torch.tensor([0.0, 50.0, 200.0])[labels])
        assert torch.equal(labels, labels[:1].expand(32, 32))  # bands stand upright: nothing turned


@pytest.mark.parametrize("augment", [Augment.USUAL, Augment.STRONG])
def test_what_depends_on_direction_is_neither_turned_nor_mirrored(augment):
    rng = np.random.default_rng(0)
    drawn = [Geometry.draw(rng, augment, rotate=False) for _ in range(200)]
    assert {(each.turns, each.mirrored, each.angle) for each in drawn} == {(0, False, 0.0)}
    assert any(each.scale != 1 for each in drawn)


def test_strong_crops_reach_the_magnifications_of_other_microscopes():
    rng = np.random.default_rng(0)
    scales = [Geometry.draw(rng, Augment.STRONG).scale for _ in range(400)]
    assert min(scales) < 0.6
    assert max(scales) > 1.65


def test_labels_follow_what_bends_a_crop(coded, monkeypatch):
    monkeypatch.setattr(emseg.training.crops, "vary_intensity", lambda _rng, image, _augment: image)
    shifts = tuple(np.random.default_rng(1).normal(0, 0.03, 50).tolist())
    monkeypatch.setattr(Geometry, "draw", lambda *_, **__: Geometry(shifts=shifts))
    samples = dataset([coded()])
    bent = 0
    for index in range(10):
        image, labels = samples[index]
        known = labels != 255
        distance = (image[0][..., None] - torch.tensor([0.0, 50.0, 200.0])).abs()
        pure = distance.min(dim=-1)[0] < 1e-3
        assert (distance.argmin(dim=-1) == labels)[known & pure].float().mean() > 0.999
        assert (known & pure).float().mean() > 0.4
        bent += not torch.equal(labels, labels[:1].expand(32, 32))
    assert bent > 5


def test_crops_of_sparse_masks_hold_labels(labelled):
    """Strokes on a fiftieth of the pixels, in one corner of a large micrograph."""
    mask = np.full((600, 600), 255)
    mask[10:100, 10:45] = 0
    mask[10:100, 60:95] = 1
    plane = labelled(np.random.default_rng(0).random((600, 600)), mask, classes=2)
    samples = CropDataset([plane], 64, 0, IntensityRule.NONE, Augment.NONE)
    shares = [float((samples[index][1] != 255).float().mean()) for index in range(60)]
    assert min(shares) > 0
    assert np.mean(shares) > 0.3


def test_micrographs_are_drawn_from_by_what_is_labelled(labelled):
    full, sparse = np.zeros((100, 100), int), np.full((100, 100), 255)
    sparse[:10, :10] = 1
    planes = [
        labelled(np.zeros((100, 100), np.float32), each, classes=2) for each in (full, sparse)
    ]
    samples = CropDataset(planes, 32, 0, IntensityRule.NONE)
    samples._shown = []  # only draws by area
    numbers = [samples._place(np.random.default_rng(index))[0] for index in range(500)]
    assert np.mean(numbers) == pytest.approx(100 / 10100, abs=0.012)


def test_pixels_to_crop_around_are_found_some_rows_at_a_time(labelled, monkeypatch):
    """The same ones whether a plane is looked at as a whole or row by row."""
    rng = np.random.default_rng(0)
    masks = rng.choice([0, 1, 2, 255], (2, 150, 90), p=[0.6, 0.15, 0.01, 0.24])
    masks[1][masks[1] == 0] = 255  # most has no label
    planes = [labelled(rng.normal(0, 1, mask.shape), mask) for mask in masks]
    whole = dataset(planes)
    monkeypatch.setattr(emseg.training.crops, "_AT_ONCE", 7 * 90)
    by_rows = dataset(planes)
    for (drawn, mask), other in zip(
        zip(whole._spots, masks, strict=True), by_rows._spots, strict=True
    ):
        assert drawn.keys() == other.keys()
        for kind, places in drawn.items():
            assert np.array_equal(places, other[kind])
            assert (mask[tuple(places.T)] == kind).all()
            assert len(places) == min(4096, np.count_nonzero(mask == kind))
    assert whole._labelled[0] is None
    assert np.array_equal(whole._labelled[1], by_rows._labelled[1])
