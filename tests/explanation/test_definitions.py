"""Grad-CAM, CAM and occlusion are what their papers define."""

import itertools

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from emseg.explanation.agreement import rank_correlation
from emseg.explanation.heat import class_activation, grad_cam
from emseg.explanation.layers import bottleneck, find_layers, last_maps, recorded, stages
from emseg.explanation.occlusion import Raster, choose_raster, occlusion
from emseg.explanation.target import ExplainedTarget
from emseg.networks import UNet
from tests.explanation.conftest import tiny_classifier


def two_layers(weights, *, inplace=False):
    """One 1 x 1 convolution to two maps, ReLU, and the mean of each times a weight."""
    convolution = nn.Conv2d(1, 2, 1, bias=False)
    head = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        convolution.weight[:] = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
        head.weight[:] = torch.tensor(weights)
    pool = nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(convolution, nn.ReLU(inplace=inplace), pool, nn.Flatten(), head).eval()


IMAGE = torch.tensor([[[[1.0, -2.0], [3.0, 0.0]]]])
# the maps after ReLU are [[1, 0], [3, 0]] and [[0, 2], [0, 0]]


@pytest.mark.parametrize("inplace", [False, True])
def test_grad_cam_by_hand(inplace):
    network = two_layers([[4.0, -8.0], [8.0, 12.0]], inplace=inplace)
    # the mean gradient of class 0 is (4, -8) / 4 = (1, -2): 1 [[1, 0], [3, 0]] - 2 [[0, 2], [0, 0]]
    assert_array_equal(grad_cam(network, IMAGE, "1", ExplainedTarget(0)), [[1, 0], [3, 0]])
    assert_array_equal(grad_cam(network, IMAGE, "1", ExplainedTarget(1)), [[2, 6], [6, 0]])


@pytest.mark.parametrize("inplace", [False, True])
def test_grad_cam_before_an_activation_is_of_the_convolution(inplace):
    network = two_layers([[4.0, -8.0], [8.0, 12.0]], inplace=inplace)
    # gradients pass where the maps [[1, -2], [3, 0]] and [[-1, 2], [-3, 0]] are positive:
    # their means are (4 / 4) 2 / 4 = 0.5 and (-8 / 4) 1 / 4 = -0.5
    assert_array_equal(grad_cam(network, IMAGE, "0", ExplainedTarget(0)), [[1, 0], [3, 0]])


def test_cam_is_the_classical_definition():
    network = two_layers([[4.0, -8.0], [8.0, 12.0]])
    layers, logits = find_layers(network, IMAGE)
    found = class_activation(network, IMAGE, layers, 0)
    assert found is not None
    assert found[0] == "1"
    assert_array_equal(found[1], [[4, -16], [12, 0]])
    assert found[1].mean() == logits[0, 0]


def test_cam_of_a_trained_network_is_its_logit_without_bias(classifier):
    image = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    layers, logits = find_layers(classifier.network, image)
    for index in (0, 1):
        found = class_activation(classifier.network, image, layers, index)
        assert found is not None
        bias = classifier.network[-1].bias[index]
        assert_allclose(found[1].mean(), (logits[0, index] - bias).detach(), rtol=1e-4)


def test_cam_of_a_network_without_a_linear_layer_is_its_last_map():
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    image = torch.randn(1, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    found = class_activation(network.eval(), image, find_layers(network, image)[0], 2)
    assert found is not None
    assert_allclose(found[1], network[:2](image)[0, 2].detach())


def test_a_network_with_two_linear_layers_has_no_cam():
    network = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4), nn.Linear(4, 2)
    ).eval()
    image = torch.randn(1, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    assert class_activation(network, image, find_layers(network, image)[0], 0) is None


@pytest.mark.parametrize("inplace", [False, True])
def test_grad_cam_and_occlusion_are_those_of_captum(inplace):
    attr = pytest.importorskip("captum.attr", reason="captum is the independent reference")
    network = tiny_classifier(inplace).eval()
    image = torch.randn(1, 1, 32, 24, generator=torch.Generator().manual_seed(3))
    largest = []
    for layer, index in itertools.product(("4", "7"), (0, 1)):
        reference = attr.LayerGradCam(network, network.get_submodule(layer))
        theirs = reference.attribute(image, index, relu_attributions=True)
        ours = grad_cam(network, image, layer, ExplainedTarget(index))
        assert_allclose(ours, theirs[0, 0].detach(), rtol=1e-4, atol=1e-7)
        largest.append(ours.max())
    assert max(largest) > 1e-5

    def probability(images):
        return torch.softmax(network(images), dim=1)

    theirs = attr.Occlusion(probability).attribute(
        image, (1, 8, 8), strides=(1, 4, 4), target=1, baselines=0.0
    )
    grey = torch.zeros(1, 1, 1)
    ours = occlusion(
        network, image, ExplainedTarget(1), grey, Raster(8, 4), (32, 24), lambda _: None
    )
    assert_allclose(ours, theirs[0, 0].detach(), atol=1e-6)


def test_an_activation_in_place_does_not_overwrite_what_is_recorded():
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(inplace=True)).eval()
    image = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), recorded(network, ["0", "1"]) as maps:
        answer = network(image)
    assert (maps["0"] < 0).any()
    assert_array_equal(maps["1"], maps["0"].clamp(min=0))
    assert_array_equal(answer, maps["1"])
    assert_array_equal(network(image).detach(), answer)  # no hook is left behind


def test_a_raster_covers_every_pixel_and_ends_at_the_edge():
    assert Raster(4, 3).positions((10, 4)) == [(0, 0), (3, 0), (6, 0)]
    assert Raster(4, 2).positions((9, 3)) == [(0, 0), (2, 0), (4, 0), (5, 0)]


def test_the_work_of_occlusion_is_bounded():
    network = tiny_classifier().eval()
    image = torch.zeros(1, 1, 256, 256)
    for views in (1, 9, 25):
        raster = choose_raster(network, image, views)
        assert raster.patch == 2 * raster.step
        assert len(raster.positions((256, 256))) * views <= 1000
    assert choose_raster(network, image, 1, 30) == Raster(30, 15)


def test_layers_of_a_unet():
    network = UNet(1, 3, width=4, depth=3).eval()
    layers, logits = find_layers(network, torch.zeros(1, 1, 64, 48))
    assert logits.shape == (1, 3, 64, 48)
    deepest = bottleneck(layers)
    assert deepest is not None
    assert (deepest.name, deepest.channels, deepest.size) == ("down.2", 32, (8, 6))
    assert [each.name for each in stages(layers)] == [
        "stem",
        "down.0",
        "down.1",
        "down.2",
        "merge.2",
    ]
    assert next(each for each in layers if each.name == "head").is_answer


def test_layers_of_a_classifier():
    layers, _ = find_layers(tiny_classifier().eval(), torch.zeros(1, 1, 32, 32))
    assert [each.name for each in layers] == ["0", "1", "2", "3", "4", "5", "6", "7"]
    deepest = last_maps(layers)
    assert deepest is not None
    assert (deepest.name, deepest.size) == ("7", (8, 8))


def test_maps_of_tokens_are_no_pictures():
    class Tokens(nn.Module):
        def forward(self, image):
            return image.permute(0, 2, 3, 1)  # (N, Y, X, C), as a Swin transformer has it

    network = nn.Sequential(nn.Conv2d(1, 96, 4, stride=4), Tokens(), nn.Flatten(), nn.LazyLinear(2))
    layers, _ = find_layers(network.eval(), torch.zeros(1, 1, 224, 224))
    assert [each.name for each in layers] == ["0"]
    assert last_maps(layers) is None


def test_rank_correlation():
    rng = np.random.default_rng(0)
    first = rng.random((20, 30)).astype(np.float32)
    assert rank_correlation(first, np.exp(first), 1) == pytest.approx(1)
    assert rank_correlation(first, -first, 1) == pytest.approx(-1)
    assert rank_correlation(first, np.zeros_like(first), 5) is None
    holed = first.copy()
    holed[:, :15] = np.nan
    assert rank_correlation(first, holed, 5) == pytest.approx(1)
    assert rank_correlation(first, np.full_like(first, np.nan), 5) is None
