"""Which pixels are one object: connected ones, and touching particles told apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from emseg.measuring import find_objects

MASKS = arrays(bool, st.tuples(st.integers(0, 12), st.integers(0, 12)))


def discs(shape, centres, radii, pixel=(1.0, 1.0)):
    """Discs with their centres and radii in the unit of the pixel."""
    rows, columns = np.indices(shape)
    mask = np.zeros(shape, bool)
    for (y, x), radius in zip(centres, radii, strict=True):
        mask |= (rows * pixel[0] - y) ** 2 + (columns * pixel[1] - x) ** 2 <= radius**2
    return mask


def in_reading_order(labels):
    """Whether 1 to n first come in this order."""
    values, first = np.unique(labels, return_index=True)
    numbers = values[values > 0]
    return (
        numbers.tolist() == list(range(1, len(numbers) + 1))
        and (np.diff(first[values > 0]) > 0).all()
    )


@settings(deadline=None, max_examples=60)
@given(MASKS)
def test_objects_are_the_connected_pixels_in_reading_order(mask):
    labels = find_objects(mask)
    expected, count = ndimage.label(mask, np.ones((3, 3)))
    assert labels.dtype == np.int32
    assert labels.max(initial=0) == count
    assert in_reading_order(labels)
    together = np.unique(np.stack([labels.ravel(), expected.ravel()]), axis=1)
    assert together.shape[1] == len(np.unique(expected))


@settings(deadline=None, max_examples=60)
@given(MASKS, st.booleans(), st.integers(1, 6))
def test_small_objects_become_background(mask, split, smallest):
    labels = find_objects(mask, split=split, smallest=smallest)
    every = find_objects(mask, split=split)
    sizes = np.bincount(every.ravel())
    kept = (sizes >= smallest)[every] & mask if mask.size else mask
    np.testing.assert_array_equal(labels > 0, kept)
    assert in_reading_order(labels)


def test_the_mask_is_left_as_it_is():
    mask = np.eye(5, dtype=bool)
    mask.flags.writeable = False
    assert find_objects(mask[::-1], smallest=2).max() == 1


def test_a_stack_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 3, 4\)"):
        find_objects(np.ones((2, 3, 4), bool))


@pytest.mark.parametrize("pixel", [(1.0, 1.0), (2.0, 1.0), (1.0, 2.0)])
@pytest.mark.parametrize("turn", [0, 20, 45, 90])
def test_discs_that_overlap_by_15_percent_are_two(pixel, turn):
    shape = (np.array([120, 120]) / pixel).astype(int)
    step = 0.85 * 20 * np.array([np.sin(np.radians(turn)), np.cos(np.radians(turn))])
    mask = discs(shape, [60 - step, 60 + step], [20, 20], pixel)
    assert find_objects(mask).max() == 1
    labels = find_objects(mask, split=True, sampling=pixel)
    assert labels.max() == 2
    np.testing.assert_array_equal(labels > 0, mask)
    sizes = np.bincount(labels.ravel())[1:]
    assert sizes.min() / sizes.max() > 0.9


@pytest.mark.parametrize("radius", [1, 2, 3.3, 5, 8.2, 13, 21, 34.7])
def test_one_disc_stays_one(radius):
    rng = np.random.default_rng(4)
    for _ in range(5):
        mask = discs((80, 80), [40 + rng.uniform(-1, 1, 2)], [radius])
        assert find_objects(mask, split=True).max() == 1


@pytest.mark.parametrize("turn", [0, 17, 45, 80])
def test_an_ellipse_and_a_rod_stay_one(turn):
    y, x = np.indices((100, 100)) - 50.2
    angle = np.radians(turn)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    assert find_objects((along / 40) ** 2 + (across / 12) ** 2 <= 1, split=True).max() == 1
    assert find_objects((np.abs(along) < 40) & (np.abs(across) < 6), split=True).max() == 1


def test_a_deeper_neck_can_be_asked_for():
    mask = discs((60, 90), [(30, 30), (30, 54)], [16, 16])  # a neck of two thirds
    assert find_objects(mask, split=True, depth=0.2).max() == 2
    assert find_objects(mask, split=True, depth=0.5).max() == 1


def test_three_in_a_row_are_three_and_a_ring_of_them_too():
    row = discs((40, 110), [(20, 20), (20, 54), (20, 88)], [20, 20, 20])
    assert find_objects(row, split=True).max() == 3
    ring = discs((90, 90), [(30, 30), (30, 60), (56, 45)], [16, 16, 16])
    assert find_objects(ring, split=True).max() == 3


def test_a_small_particle_on_a_large_one_is_told_apart():
    mask = discs((90, 120), [(45, 40), (45, 84)], [35, 12])
    labels = find_objects(mask, split=True)
    sizes = np.bincount(labels.ravel())[1:]
    assert len(sizes) == 2
    assert sizes.min() == pytest.approx(np.pi * 12**2, rel=0.15)


def test_a_mask_without_background_is_one_object():
    assert find_objects(np.ones((7, 9), bool), split=True).max() == 1


def test_an_object_is_split_as_if_it_were_alone():
    rng = np.random.default_rng(5)
    mask = discs((150, 200), rng.uniform(0, 200, (40, 2)), rng.uniform(4, 16, 40))
    objects, together = find_objects(mask), find_objects(mask, split=True)
    assert together.max() > objects.max()
    for number in range(1, objects.max() + 1):
        alone = find_objects(objects == number, split=True)
        pairs = np.unique(np.stack([alone, together])[:, objects == number], axis=1)
        assert pairs.shape[1] == alone.max()


def test_the_smallest_particles_that_can_be_told_apart():
    mask = np.zeros((12, 12), bool)
    mask[1:4, 1:4] = mask[4:7, 4:7] = True
    assert find_objects(mask).max() == 1
    assert np.bincount(find_objects(mask, split=True).ravel()).tolist() == [126, 9, 9]
    mask[1, 1] = False
    assert find_objects(mask, split=True).max() == 1


def test_pixels_of_any_unit_split_the_same():
    mask = discs((80, 120), [(40, 30), (40, 60)], [18, 18])
    expected = find_objects(mask, split=True)
    scaled = find_objects(mask, split=True, sampling=(0.02, 0.02))
    np.testing.assert_array_equal(scaled, expected)
