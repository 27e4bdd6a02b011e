"""Discs of known size are measured in nm, whatever the pixels."""

import numpy as np
import pytest

from emseg.calibration import PixelSize
from emseg.measuring import find_objects, measure_objects, phase_areas
from emseg.micrograph import LabelClass, LabelImage

CLASSES = (LabelClass("matrix", (0, 0, 0)), LabelClass("particle", (255, 255, 255)))


def apart(diameters, pixel, rng):
    """A mask of discs that do not touch, each in a cell of its own, their centres between pixels.

    The diameters are those of k x k discs, shape (k, k).
    """
    k = len(diameters)
    cell = np.ceil(diameters.max() / np.array(pixel)).astype(int) + 4
    y, x = ((np.arange(size) - size / 2) * step for size, step in zip(cell, pixel, strict=True))
    shift = rng.uniform(-0.5, 0.5, (2, k, 1, k, 1)) * np.reshape(pixel, (2, 1, 1, 1, 1))
    down, right = y[:, None, None] - shift[0], x - shift[1]
    mask = down**2 + right**2 <= diameters[:, None, :, None] ** 2 / 4
    return mask.reshape(k * cell[0], k * cell[1])


def touching(rng, cells, pixel, smallest=12):
    """Pairs of discs that overlap by up to 15 % of the smaller diameter, each in its cell.

    Their radii are up to twice the smallest.
    """
    size = (np.array([110, 110]) * (smallest / 12) / pixel).astype(int) + 2
    y, x = np.indices(size) * np.reshape(pixel, (2, 1, 1))
    pairs = []
    for _ in range(cells):
        radii = rng.uniform(smallest, 2 * smallest, 2)
        angle = rng.uniform(0, np.pi)
        away = radii.sum() - rng.uniform(0, 0.15) * 2 * radii.min()
        step = away / 2 * np.array([np.sin(angle), np.cos(angle)])
        middle = size * pixel / 2 + rng.uniform(-1, 1, 2)
        pairs.append(
            np.any(
                [
                    (y - (middle + way * step)[0]) ** 2 + (x - (middle + way * step)[1]) ** 2
                    <= radius**2
                    for way, radius in zip((-1, 1), radii, strict=True)
                ],
                axis=0,
            )
        )
    return np.vstack(pairs)


@pytest.mark.parametrize(
    ("diameter", "pixel", "k"),
    [
        (5, (0.5, 0.5), 40),
        (5, (1, 1), 50),
        (5, (2, 2), 70),
        (5, (1, 2), 60),
        (20, (1, 2), 20),
        (20, (2, 1), 20),
        (60, (0.5, 1), 4),
        (200, (2, 2), 5),
        (200, (1, 2), 4),
        (200, (0.5, 0.5), 2),
    ],
)
def test_diameter_area_and_count(diameter, pixel, k):
    rng = np.random.default_rng(diameter)
    size = PixelSize(*pixel, "test")
    mask = apart(np.full((k, k), float(diameter)), pixel, rng)
    table = measure_objects(find_objects(mask), size)
    assert len(table) == k * k
    assert table.diameter.mean() == pytest.approx(diameter, rel=0.01)
    fraction = phase_areas(LabelImage(mask.astype(np.uint8), CLASSES, "test", pixel_size=size))
    true = k * k * np.pi * diameter**2 / 4 / (mask.size * size.area_nm2)
    assert fraction.fraction[1] == pytest.approx(true, rel=0.005)
    assert fraction.area[1] == pytest.approx(table.area.sum())


def test_discs_of_all_sizes_at_once():
    rng = np.random.default_rng(1)
    diameters = np.exp(rng.uniform(np.log(5), np.log(200), (12, 12)))
    table = measure_objects(find_objects(apart(diameters, (1, 2), rng)), PixelSize(1, 2, "test"))
    assert len(table) == diameters.size
    assert table.diameter.mean() == pytest.approx(diameters.mean(), rel=0.01)
    assert table.area.sum() == pytest.approx((np.pi / 4 * diameters**2).sum(), rel=0.005)
    assert not table.touches_border.any()
    assert not table.neighbours.any()


@pytest.mark.parametrize(
    ("pixel", "smallest"),
    [
        ((1, 1), 12),
        ((1, 2), 12),
        ((2, 1), 12),
        ((1, 1), 5),
        ((1, 2), 8),
        ((2, 1), 8),
        ((1, 1.5), 6),
    ],
)
def test_touching_discs_are_counted_by_splitting(pixel, smallest):
    mask = touching(np.random.default_rng(2), 40, pixel, smallest)
    assert find_objects(mask).max() < 60
    assert find_objects(mask, split=True, sampling=pixel).max() == pytest.approx(80, rel=0.03)


@pytest.mark.parametrize("pixel", [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("diameter", [4, 6, 9, 14])
def test_small_discs_that_do_not_touch_stay_whole(diameter, pixel):
    mask = apart(np.full((15, 15), float(diameter)), pixel, np.random.default_rng(3))
    count = find_objects(mask).max()
    assert find_objects(mask, split=True, sampling=pixel).max() == count
