"""The figures that the lectures print, and figures that others published."""

import pytest
from torch import nn

from emseg.config import Task
from emseg.networks import NetworkSpec
from emseg.networks.anatomy import anatomy_of, blank_network
from emseg.networks.densenet import DenseBlock, Transition

_SHAPING = ("Conv2d", "MaxPool2d", "AvgPool2d", "Flatten", "flatten", "Linear")


def anatomy(name, shape, **options):
    spec = NetworkSpec(Task.CLASSIFICATION, name, None, shape[0], 10, options)
    return anatomy_of(blank_network(spec), shape)


def shapes(found):
    return [
        "x".join(map(str, layer.output_shape)) for layer in found.layers if layer.kind in _SHAPING
    ]


def test_lenet_5():
    found = anatomy("lenet5", (1, 28, 28), image_size=28)
    assert shapes(found) == ["6x28x28", "6x14x14", "16x10x10", "16x5x5", "400", "120", "84", "10"]
    assert found.parameters == 61_706
    assert (found.receptive_field, found.stride) == ((16, 16), 4)


def test_alexnet_with_stem_padding_1():
    found = anatomy("alexnet", (1, 224, 224), image_size=224)
    features = "96x54x54 96x26x26 256x26x26 256x12x12 384x12x12 384x12x12 256x12x12 256x5x5"
    assert shapes(found) == [*features.split(), *["6400", "4096", "4096", "10"]]


def test_vgg_11():
    found = anatomy("vgg11", (1, 224, 224))
    pooled = [
        "x".join(map(str, each.output_shape)) for each in found.layers if each.kind == "MaxPool2d"
    ]
    assert pooled == ["64x112x112", "128x56x56", "256x28x28", "512x14x14", "512x7x7"]
    assert shapes(found)[-4:] == ["25088", "4096", "4096", "10"]


def test_nin():
    found = anatomy("nin", (1, 224, 224))
    said = list(dict.fromkeys(shapes(found)))
    features = "96x54x54 96x26x26 256x26x26 256x12x12 384x12x12 384x5x5 10x5x5"
    assert [each for each in said if each != "10"][: len(features.split())] == features.split()
    assert found.layers[-1].output_shape == (10,)


def test_a_dense_block_of_2_and_growth_10_turns_3_channels_into_23():
    block = anatomy_of(DenseBlock(2, 3, 10), (3, 8, 8))
    assert block.layers[-1].kind == "cat"
    assert block.layers[-1].output_shape == (23, 8, 8)
    transition = anatomy_of(Transition(23, 10), (23, 8, 8))
    assert transition.layers[-1].output_shape == (10, 4, 4)


def test_10_filters_of_5_x_5_on_3_x_32_x_32():
    found = anatomy_of(nn.Conv2d(3, 10, 5, padding=2), (3, 32, 32))
    assert (found.parameters, found.macs) == (760, 768_000)


def test_a_5_x_5_convolution_of_128_channels_on_256_x_256():
    found = anatomy_of(nn.Conv2d(128, 128, 5, padding=2), (128, 256, 256))
    assert found.macs == 26_843_545_600  # 26.8 billion
    assert found.operations == 53_687_091_200  # 53.7 billion


@pytest.mark.parametrize(
    ("name", "parameters", "billions"),
    [
        # He et al. 2016; timm and torchvision print the same
        ("resnet50", 25_557_032, 4.09),
        ("resnet18", 11_689_512, 1.81),
        # Simonyan and Zisserman 2015
        ("vgg16", 138_357_544, 15.47),
        # torchvision's table of its weights
        ("densenet121", 7_978_856, 2.83),
        ("googlenet", 6_624_904, 1.50),
        ("torchvision_alexnet", 61_100_840, 0.71),
        ("torchvision_squeezenet1_1", 1_235_496, 0.35),
    ],
)
def test_parameters_and_cost_are_the_published_ones(name, parameters, billions):
    spec = NetworkSpec(Task.CLASSIFICATION, name, None, 3, 1000, {})
    found = anatomy_of(blank_network(spec), (3, 224, 224))
    assert found.parameters == parameters
    assert found.macs / 1e9 == pytest.approx(billions, abs=0.011)
    assert sum(layer.parameters for layer in found.layers) == parameters
    assert sum(layer.macs for layer in found.layers) == found.macs
