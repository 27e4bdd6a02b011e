"""The classic U-Net."""

import math
from functools import cache

import pytest
import torch
from torch import nn

from emseg.networks import UNet
from emseg.tiling import padded_length


def linear_unet(depth: int) -> nn.Module:
    """Make every path count: positive weights, averages for maxima, nothing cut off."""
    network = UNet(1, 1, width=1, depth=depth).double()
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d | nn.ReLU):
                setattr(parent, name, nn.Identity())
            elif isinstance(child, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(2))
            elif isinstance(child, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.constant_(child.weight, 0.1)
    return network


@cache
def measured_reach(depth: int) -> list[tuple[int, int]]:
    """How far up and down each pixel of a block of the stride looks, by its gradient."""
    network, stride = linear_unet(depth), 2**depth
    side = 16 * stride if depth < 3 else 20 * stride
    middle = side // 2 // stride * stride
    image = torch.zeros(1, 1, side, 2 * stride, dtype=torch.float64, requires_grad=True)
    answer = network(image)[0, 0]
    reach = []
    for row in range(middle, middle + stride):
        (gradient,) = torch.autograd.grad(answer[row, stride], image, retain_graph=True)
        rows = torch.nonzero(gradient[0, 0].sum(dim=1)).ravel()
        assert rows[0] > 0
        assert rows[-1] < side - 1
        reach.append((row - int(rows[0]), int(rows[-1]) - row))
    return reach


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_stated_receptive_field_is_the_measured_one(depth):
    reach = measured_reach(depth)
    assert UNet(1, 1, width=1, depth=depth).receptive_field == max(
        up + down + 1 for up, down in reach
    )


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_half_the_receptive_field_is_halo_enough_for_tiles_at_the_stride(depth):
    """Tiles keep whole blocks, so pixel p of a block is p further from the tile's edge."""
    stride = 2**depth
    needed = max(
        max(up - phase, down - (stride - 1 - phase))
        for phase, (up, down) in enumerate(measured_reach(depth))
    )
    halo = padded_length(UNet(1, 1, width=1, depth=depth).receptive_field // 2, stride)
    assert needed <= halo < needed + 2 * stride


@pytest.mark.parametrize(("depth", "field"), [(0, 5), (1, 18), (2, 44), (3, 100), (4, 204)])
def test_receptive_fields(depth, field):
    assert UNet(1, 2, width=2, depth=depth).receptive_field == field


def test_input_and_output_have_one_size():
    network = UNet(3, 5, width=4, depth=3).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 40, 64)).shape == (2, 5, 40, 64)


def test_filters_double_from_level_to_level():
    network = UNet(1, 2, width=8, depth=4)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert {c.out_channels for c in convolutions} == {2, 8, 16, 32, 64, 128}
    assert math.isclose(sum(p.numel() for p in network.parameters()), 486_000, rel_tol=0.02)
