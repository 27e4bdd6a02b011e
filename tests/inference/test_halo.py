"""The halo is measured on networks whose reach is known."""

import numpy as np
import pytest
import torch
from torch import nn

from emseg.inference import measure_halo


def stack_of_convolutions(count, size=3):
    """Reach of ``count * (size // 2)`` pixels, and every one of them matters."""
    torch.manual_seed(0)
    layers = []
    for index in range(count):
        last = index == count - 1
        layer = nn.Conv2d(1 if index == 0 else 4, 2 if last else 4, size, padding=size // 2)
        nn.init.normal_(layer.weight, std=1.0)
        layers.append(layer)
    return nn.Sequential(*layers).eval()


def noise(*shape):
    return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize(("count", "size", "reach"), [(1, 3, 1), (3, 3, 3), (2, 9, 8), (4, 5, 8)])
def test_a_known_reach_is_found(count, size, reach):
    network = stack_of_convolutions(count, size)
    found = measure_halo(network, noise(1, 300, 300), stride=1, receptive_field=2 * reach + 1)
    assert reach - 2 <= found <= reach


def test_it_is_a_multiple_of_the_stride():
    network = stack_of_convolutions(4, 5)
    assert measure_halo(network, noise(1, 300, 300), stride=16, receptive_field=17) == 16


def test_a_pixel_by_pixel_network_needs_no_halo():
    network = stack_of_convolutions(2, 1)
    assert measure_halo(network, noise(1, 100, 100), stride=4, receptive_field=1) == 0


def test_reach_along_either_axis_counts():
    for kernel in ((1, 17), (17, 1)):
        network = nn.Conv2d(1, 2, kernel, padding=(kernel[0] // 2, kernel[1] // 2))
        with torch.no_grad():
            network.weight[0], network.weight[1] = 1, -1
        assert 7 <= measure_halo(network, noise(1, 200, 200), stride=1, receptive_field=17) <= 8


def test_what_changes_nothing_needs_no_halo():
    """A wide reach with tiny weights: the margin is measured, not calculated."""
    network = nn.Conv2d(1, 2, 31, padding=15)
    nn.init.constant_(network.weight, 1e-7)
    with torch.no_grad():
        network.bias[0] = 3
    assert measure_halo(network, noise(1, 200, 200), stride=1, receptive_field=31) == 0


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (31, 31)])
def test_a_small_image_gives_half_the_receptive_field(size):
    network = stack_of_convolutions(4, 5)
    assert measure_halo(network, noise(1, *size), stride=16, receptive_field=60) == 32
    assert measure_halo(network, noise(1, *size), stride=16, receptive_field=None) == 16


def test_an_image_too_small_to_show_the_end_is_on_the_safe_side():
    network = nn.Conv2d(1, 2, 81, padding=40)  # reaches 40 pixels, more than half of 48
    with torch.no_grad():
        network.weight[0], network.weight[1] = 1, -1
    assert measure_halo(network, noise(1, 48, 48), stride=1, receptive_field=81) == 40
    assert measure_halo(network, noise(1, 48, 48), stride=1, receptive_field=None) == 12
