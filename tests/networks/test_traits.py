"""What tiling and memory need to know of a network."""

import pytest
import torch
from torch import nn

from emseg.config import Task
from emseg.errors import UsageError
from emseg.networks import NetworkSpec, UNet, build_network, inspect_network


def segmenter(name, encoder):
    return build_network(NetworkSpec(Task.SEGMENTATION, name, encoder, 1, 2))


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("unet", "resnet18"),
        ("unet", "mobilenet_v2"),
        ("unetplusplus", "resnet18"),
        ("linknet", "resnet18"),
    ],
)
def test_convolutions_see_a_part_of_the_image(name, encoder):
    traits = inspect_network(segmenter(name, encoder), 1)
    assert not traits.global_context
    assert traits.stride == 32


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("pspnet", "resnet18"),
        ("deeplabv3plus", "resnet18"),
        ("pan", "resnet18"),
        ("fpn", "resnet18"),  # group normalisation
        ("manet", "resnet18"),
        ("unet", "efficientnet-b0"),  # squeeze and excitation
        ("unet", "tu-resnest14d"),  # split attention
        ("unet", "mit_b0"),  # a transformer
    ],
)
def test_pooling_attention_and_norms_see_all_of_it(name, encoder):
    assert inspect_network(segmenter(name, encoder), 1).global_context


@pytest.mark.parametrize(
    ("layer", "sees_everything"),
    [
        (nn.BatchNorm2d(4), False),
        (nn.InstanceNorm2d(4), True),
        (nn.GroupNorm(2, 4), True),
        (nn.MaxPool2d(3, 1, 1), False),
        (nn.AvgPool2d(3, 1, 1), False),
        (nn.AdaptiveAvgPool2d(256), True),
        (nn.Dropout2d(0.5), False),
        (nn.Upsample(scale_factor=1), False),
    ],
)
def test_single_layers(layer, sees_everything):
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), layer, nn.Conv2d(4, 2, 1))
    assert inspect_network(network, 1).global_context is sees_everything


def test_the_classic_unet():
    network = UNet(3, 2, width=4, depth=2)
    traits = inspect_network(network, 3)
    assert (traits.stride, traits.receptive_field, traits.global_context) == (4, 44, False)


def test_memory_grows_with_the_width():
    thin, thick = (inspect_network(UNet(1, 2, width=w), 1).bytes_per_pixel for w in (4, 16))
    assert 3.5 < thick / thin < 4.5
    assert thin > 4 * 4 * 10  # four filters of float32 in ten layers at full size


@pytest.mark.parametrize("training", [True, False])
def test_looking_at_a_network_does_not_change_it(training):
    network = UNet(1, 2, width=2, depth=1).train(training)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    inspect_network(network, 1)
    assert network.training is training
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_a_network_of_one_size_is_refused():
    with pytest.raises(UsageError, match=r"256 x 256 pixels \(.*\); choose another"):
        inspect_network(nn.Sequential(nn.Flatten(), nn.Linear(64 * 64, 2)), 1)
