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


def test_the_network_of_the_paper_turns_572_pixels_into_388():
    network = UNet(1, 2, width=2, padding="valid", normalisation="none", mirror_input=False).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)


@pytest.mark.parametrize("size", [(16, 16), (32, 48), (112, 208)])
def test_valid_convolutions_on_a_mirrored_image_keep_the_size(size):
    network = UNet(1, 2, width=2, padding="valid").eval()
    with torch.no_grad():
        assert network(torch.randn(1, 1, *size)).shape == (1, 2, *size)


def test_valid_convolutions_see_the_same_from_the_middle_of_a_tile():
    """Poolings of a tile at the stride fall where those of the image do."""
    network = UNet(1, 2, width=2, depth=2, padding="valid").eval()
    image, halo = torch.randn(1, 1, 96, 96), 24
    with torch.no_grad():
        whole, tile = network(image), network(image[..., 12:84, 16:88])
    inside = slice(halo, 72 - halo)
    expected = whole[..., 12:84, 16:88][..., inside, inside]
    assert torch.allclose(tile[..., inside, inside], expected, atol=1e-5)


def test_padding_is_what_a_mirrored_image_has_at_its_edge():
    """A constant image stays one with valid convolutions, and does not with zeros around it.

    The transposed convolution gives each of its 2 x 2 pixels a value of its own, so that equal
    are those that lie a stride apart.
    """
    image = torch.ones(1, 1, 32, 32)
    torch.manual_seed(0)  # with some weights nothing comes through the rectifiers
    with torch.no_grad():
        mirrored, padded = (
            UNet(1, 1, width=8, depth=1, padding=padding).eval()(image)
            for padding in ("valid", "same")
        )
    assert mirrored[..., ::2, ::2].std() < 1e-6
    assert padded[..., ::2, ::2].std() > 1e-4


@pytest.mark.parametrize("normalisation", ["batch", "instance", "group", "layer", "none"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "prelu", "elu"])
def test_normalisations_and_activations(normalisation, activation):
    network = UNet(2, 3, width=4, depth=1, normalisation=normalisation, activation=activation)
    network(torch.randn(2, 2, 16, 16)).sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())
    kinds = {type(module).__name__ for module in network.modules()}
    norm = {"batch": "BatchNorm2d", "instance": "InstanceNorm2d", "none": ""}
    assert (norm.get(normalisation, "GroupNorm") or "Conv2d") in kinds
    expected = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "elu": "ELU"}
    assert expected[activation] in kinds


def test_batch_normalisation_and_dropout_act_in_training_alone():
    network, image = UNet(1, 2, width=4, depth=1, dropout=0.5), torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        assert not torch.equal(network(image), network(image))
        network.eval()
        before = {name: each.clone() for name, each in network.state_dict().items()}
        assert torch.equal(network(image), network(image))
        assert torch.allclose(network(image)[:1], network(image[:1]), atol=1e-6)
    assert all(torch.equal(before[name], each) for name, each in network.state_dict().items())


def test_the_weights_of_the_default_have_the_names_that_they_always_had():
    names = set(UNet(1, 2, width=2, depth=1).state_dict())
    expected = {"up.0.weight", "up.0.bias", "head.weight", "head.bias"}
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    for block in ("stem", "down.0", "merge.0"):
        expected |= {f"{block}.{at}.weight" for at in (0, 3)}
        expected |= {f"{block}.{at}.{name}" for at in (1, 4) for name in norm}
    assert names == expected
