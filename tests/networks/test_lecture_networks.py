"""The networks of the lectures have the shapes that the lectures print."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from emseg.config import Task
from emseg.errors import UsageError
from emseg.networks import NetworkSpec, build_network, with_image_size
from emseg.networks.densenet import DenseBlock, Transition


def lecture_network(name, channels, side, classes=10, **options):
    spec = NetworkSpec(Task.CLASSIFICATION, name, None, channels, classes, options)
    return build_network(with_image_size(spec, side)).eval()


def shapes(network, channels, side):
    """Shapes that the children of a network put out, one after the other, without repeats."""
    image, found = torch.zeros(1, channels, side, side), []
    with torch.no_grad():
        for child in network.children():
            image = child(image)
            found.append("x".join(str(size) for size in image.shape[1:]))
    changes = (after for before, after in pairwise(found) if before != after)
    return " ".join([found[0], *changes])


@pytest.mark.parametrize("name", ["lenet5", "lenet5_modern", "bn_lenet"])
def test_lenet(name):
    assert shapes(lecture_network(name, 1, 28), 1, 28) == (
        "6x28x28 6x14x14 16x10x10 16x5x5 400 120 84 10"
    )


def test_lenet_of_1998_has_sigmoids_and_averages():
    kinds = [type(child) for child in lecture_network("lenet5", 1, 28).children()]
    assert kinds.count(nn.Sigmoid) == 4
    assert kinds.count(nn.AvgPool2d) == 2
    kinds = [type(child) for child in lecture_network("lenet5_modern", 1, 28).children()]
    assert kinds.count(nn.ReLU) == 4
    assert kinds.count(nn.MaxPool2d) == 2
    kinds = [type(child) for child in lecture_network("bn_lenet", 1, 28).children()]
    assert [kinds.count(nn.BatchNorm2d), kinds.count(nn.BatchNorm1d)] == [2, 2]


def test_alexnet():
    network = lecture_network("alexnet", 1, 224)
    assert shapes(network, 1, 224) == (
        "96x54x54 96x26x26 256x26x26 256x12x12 384x12x12 256x12x12 256x5x5 6400 4096 10"
    )
    layers = [child for child in network.children() if isinstance(child, nn.Conv2d | nn.Linear)]
    assert [getattr(layer, "out_channels", None) or layer.out_features for layer in layers] == [
        *(96, 256, 384, 384, 256),
        *(4096, 4096, 10),
    ]
    assert [child.p for child in network.children() if isinstance(child, nn.Dropout)] == [0.5, 0.5]


def test_nin():
    assert shapes(lecture_network("nin", 1, 224), 1, 224) == (
        "96x54x54 96x26x26 256x26x26 256x12x12 384x12x12 384x5x5 10x5x5 10x1x1 10"
    )


@pytest.mark.parametrize("seed", range(8))
def test_no_draw_of_the_weights_keeps_nin_from_learning(seed):
    torch.manual_seed(seed)
    network = lecture_network("nin", 1, 67, classes=2)
    answer = network(torch.randn(2, 1, 67, 67))
    assert torch.softmax(answer, dim=1).sub(0.5).abs().max() < 0.2
    nn.functional.cross_entropy(answer, torch.tensor([0, 1])).backward()
    assert all(weight.grad.abs().sum() > 0 for weight in network.parameters() if weight.ndim > 1)


def test_a_dense_block_of_two_convolutions_and_growth_10_turns_3_channels_into_23():
    image = torch.zeros(4, 3, 8, 8)
    dense, transition = DenseBlock(2, 3, 10), Transition(23, 10)
    assert dense(image).shape == (4, 23, 8, 8)
    assert transition(dense(image)).shape == (4, 10, 4, 4)


def test_the_input_of_a_dense_block_is_handed_through():
    image = torch.randn(2, 3, 8, 8)
    assert torch.equal(DenseBlock(3, 3, 4)(image)[:, :3], image)


def test_densenet_has_a_stem_of_64_and_four_blocks_of_four():
    assert shapes(lecture_network("densenet", 1, 96), 1, 96) == (
        "64x24x24 192x24x24 96x12x12 224x12x12 112x6x6 240x6x6 120x3x3 248x3x3 248x1x1 248 10"
    )


@pytest.mark.parametrize("side", [(40, 64), 57])
@pytest.mark.parametrize("name", ["lenet5", "bn_lenet"])
def test_lenet_is_built_for_any_size(name, side):
    height, width = (side, side) if isinstance(side, int) else side
    network = lecture_network(name, 3, side, classes=4)
    with torch.no_grad():
        assert network(torch.zeros(2, 3, height, width)).shape == (2, 4)


@pytest.mark.parametrize(("name", "side"), [("lenet5", 11), ("alexnet", 64)])
def test_an_image_that_is_too_small_is_refused(name, side):
    with pytest.raises(UsageError, match=f"image_size {side} x {side} is too small"):
        lecture_network(name, 1, side)


def test_torchvision_has_another_alexnet():
    spec = NetworkSpec(Task.CLASSIFICATION, "torchvision_alexnet", None, 1, 10)
    first = next(m for m in build_network(spec).modules() if isinstance(m, nn.Conv2d))
    assert (first.in_channels, first.out_channels) == (1, 64)
