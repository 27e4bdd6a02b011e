"""Any number of channels, without losing what was learnt."""

import pytest
import timm
import torch
from timm.models import adapt_input_conv
from torch import nn

from emseg.errors import UsageError
from emseg.networks.first_convolution import (
    adapt_first_convolution,
    first_convolution,
    fitted_to_channels,
)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7])
def test_rgb_weights_are_fitted_as_timm_fits_them(channels):
    weight = torch.randn(8, 3, 5, 5)
    torch.testing.assert_close(
        fitted_to_channels(weight, channels), adapt_input_conv(channels, weight)
    )


@pytest.mark.parametrize(("given", "channels"), [(1, 3), (2, 1), (2, 6), (4, 8), (5, 1)])
def test_what_all_channels_show_alike_gives_the_same_features(given, channels):
    weight, grey = torch.randn(8, given, 3, 3), torch.randn(1, 1, 12, 12)
    fitted = fitted_to_channels(weight, channels)
    before = nn.functional.conv2d(grey.repeat(1, given, 1, 1), weight)
    after = nn.functional.conv2d(grey.repeat(1, channels, 1, 1), fitted)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)


def test_the_convolution_at_the_image_is_replaced_and_keeps_bias_and_shape():
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 7, stride=2, padding=3)), nn.Conv2d(4, 2, 1)
    )
    before = first_convolution(network)
    adapt_first_convolution(network, 1)
    after = first_convolution(network)
    assert (after.in_channels, after.kernel_size, after.stride) == (1, (7, 7), (2, 2))
    assert torch.equal(after.bias, before.bias)
    assert network[1].in_channels == 4


def test_the_first_convolution_is_first_even_where_the_head_is_registered_higher():
    network = timm.create_model("resnet18", num_classes=2)
    network.early = nn.Conv2d(9, 9, 1)
    assert first_convolution(network) is network.conv1


def test_a_network_without_convolution_or_with_separate_channels_is_refused():
    with pytest.raises(UsageError, match="has no convolution"):
        adapt_first_convolution(nn.Sequential(nn.Linear(3, 2)), 1)
    with pytest.raises(UsageError, match="keeps its channels apart"):
        adapt_first_convolution(nn.Sequential(nn.Conv2d(3, 3, 1, groups=3)), 1)
