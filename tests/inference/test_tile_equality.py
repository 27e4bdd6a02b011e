"""A prediction by tiles is the prediction of the whole image, its edges included."""

import numpy as np
import pytest
import torch

from emseg.inference import Segmenter
from emseg.intensity import IntensityRule, measure, normalise
from emseg.tiling import padded_length

TOLERANCE = 1e-4  # in probability


def whole_image(network, micrograph):
    """One forward pass over everything; the far edges mirrored up to the stride of 16."""
    values = normalise(micrograph.pixels, measure(micrograph), IntensityRule.ZSCORE)
    height, width = micrograph.size
    margins = [(0, 0), (0, -height % 16), (0, -width % 16)]
    image = torch.from_numpy(np.pad(values, margins, mode="symmetric"))[None]
    with torch.inference_mode():
        return torch.softmax(network(image), dim=1)[0, :, :height, :width].numpy()


def by_tiles(model, micrograph, cpu, tile, halo=None):
    segmenter = Segmenter.of(model, cpu, tile=tile, halo=halo)
    return segmenter.segment(micrograph, keep_probabilities=True)


@pytest.fixture
def network(trained_unet):
    return trained_unet(1, 3, width=8)


@pytest.fixture
def model(network, make_model):
    halo = padded_length(network.receptive_field // 2, 16)
    return make_model(network, stride=16, halo=halo)


@pytest.fixture
def odd(micrograph):
    """An image whose size is no multiple of anything."""
    return micrograph(517, 389)


def test_the_network_has_opinions(network, odd):
    """Otherwise equality would mean nothing."""
    probabilities = whole_image(network, odd)
    assert probabilities.max() > 0.9
    assert probabilities.std(axis=(1, 2)).min() > 0.1


@pytest.mark.parametrize("tile", [320, 432, 1000])
def test_tiles_equal_the_whole_image(model, network, odd, cpu, tile):
    answer = by_tiles(model, odd, cpu, tile)
    expected = whole_image(network, odd)
    assert answer.probabilities.shape == (3, 517, 389)
    assert np.abs(answer.probabilities - expected).max() <= TOLERANCE
    np.testing.assert_array_equal(answer.labels.pixels, answer.probabilities.argmax(axis=0))


@pytest.mark.parametrize("halo", [0, 32, 64, 80])
def test_a_halo_too_small_makes_it_fail(model, network, odd, cpu, halo):
    answer = by_tiles(model, odd, cpu, 320, halo)
    assert np.abs(answer.probabilities - whole_image(network, odd)).max() > TOLERANCE


@pytest.mark.slow
@pytest.mark.long
def test_tiles_equal_the_whole_of_2048_pixels(model, network, micrograph, cpu):
    large = micrograph(2048, 2048)
    expected = whole_image(network, large)
    answer = by_tiles(model, large, cpu, 768)
    assert np.abs(answer.probabilities - expected).max() <= TOLERANCE
    assert np.abs(by_tiles(model, large, cpu, 768, 64).probabilities - expected).max() > TOLERANCE
