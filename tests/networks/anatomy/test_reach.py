"""The arithmetic of receptive fields, operation by operation, against gradients."""

from fractions import Fraction

import pytest
import torch
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from emseg.errors import UsageError
from emseg.networks.anatomy import anatomy_of
from emseg.networks.anatomy.reach import Reach, Sampling

counts = st.integers
_TRIED = (Phase.explicit, Phase.reuse, Phase.generate)  # each example takes too long to shrink


def shape_after(layer, side):
    return anatomy_of(layer, (1, side, side)).layers[0].output_shape


@settings(max_examples=60, deadline=None)
@given(width=counts(1, 40), kernel=counts(1, 11), padding=counts(0, 5), stride=counts(1, 5))
@example(width=224, kernel=11, padding=1, stride=4)
def test_the_output_size_is_that_of_the_lecture(width, kernel, padding, stride):
    assume(kernel <= width + 2 * padding)
    layer = nn.Conv2d(1, 3, kernel, stride, padding)
    size = (width - kernel + 2 * padding) // stride + 1
    assert shape_after(layer, width) == (3, size, size)
    if padding <= kernel // 2:
        assert shape_after(nn.MaxPool2d(kernel, stride, padding), width) == (1, size, size)


@settings(max_examples=40, deadline=None)
@given(width=counts(3, 40), kernel=counts(1, 5), stride=counts(1, 4), dilation=counts(1, 3))
def test_dilation_widens_the_kernel(width, kernel, stride, dilation):
    spread = dilation * (kernel - 1) + 1
    assume(spread <= width)
    layer = nn.Conv2d(1, 1, kernel, stride, dilation=dilation)
    size = (width - spread) // stride + 1
    assert shape_after(layer, width) == (1, size, size)
    (row,) = anatomy_of(layer, (1, width, width)).layers
    assert row.receptive_field == (spread, spread)


@settings(max_examples=40, deadline=None)
@given(width=counts(2, 40), kernel=counts(1, 7), stride=counts(1, 5), padding=counts(0, 3))
def test_ceil_mode_keeps_a_window_that_begins_in_the_image(width, kernel, stride, padding):
    assume(kernel <= width and padding <= kernel // 2)
    layer = nn.MaxPool2d(kernel, stride, padding, ceil_mode=True)
    starts = [start for start in range(-padding, width, stride) if start < width + padding]
    reached = -(-(width - kernel + 2 * padding) // stride) + 1
    size = min(reached, len(starts))
    assert shape_after(layer, width) == (1, size, size)
    (row,) = anatomy_of(layer, (1, width, width)).layers
    assert row.receptive_field == (kernel, kernel)


@settings(max_examples=30, deadline=None)
@given(layers=counts(1, 8), kernel=counts(1, 6))
def test_layers_of_one_kernel_see_one_more_than_layers_times_kernel_less_one(layers, kernel):
    network = nn.Sequential(*(nn.Conv2d(1, 1, kernel) for _ in range(layers)))
    anatomy = anatomy_of(network, (1, 64, 64))
    field = 1 + layers * (kernel - 1)
    assert anatomy.receptive_field == (field, field)


def test_samples_between_two_see_both():
    fine = Reach().through(Sampling.window(2, 2)).through(Sampling.nearest(Fraction(1, 2)))
    seen = fine.through(Sampling.window(3, 1, 1))
    assert (fine.jump, fine.spans) == (1, ((0, 1), (0, 1)))
    assert seen.spans == ((-2, 1), (0, 3))


def test_transposed_convolution_leaves_holes_where_nothing_is_seen():
    seen = Reach().through(Sampling.transposed(1, 2))
    assert (seen.jump, seen.spans) == (Fraction(1, 2), ((0, 0), None))


class Branches(nn.Module):
    """Two ways that meet again, as in most networks."""

    def __init__(self, one, other, joined):
        super().__init__()
        self.one, self.other, self.joined = one, other, joined

    def forward(self, image):
        both = self.one(image), self.other(image)
        return torch.cat(both, 1) if self.joined == "cat" else both[0] + both[1]


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, image):
        return self.function(image)


def conv(kernel, stride=1, dilation=1):
    return nn.Conv2d(1, 1, kernel, stride, dilation * (kernel // 2), dilation)


def _resize(**options):
    return lambda: Function(lambda image: functional.interpolate(image, **options))


_LAYERS = {
    "conv3": lambda: conv(3),
    "conv2": lambda: nn.Conv2d(1, 1, 2),
    "conv5": lambda: conv(5),
    "strided": lambda: conv(3, 2),
    "dilated": lambda: conv(3, dilation=3),
    "pool2": lambda: nn.MaxPool2d(2),
    "pool3": lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "average": lambda: nn.AvgPool2d(3, 3),
    "up2": lambda: nn.ConvTranspose2d(1, 1, 2, 2),
    "up3": lambda: nn.ConvTranspose2d(1, 1, 3, 2, 1, 1),
    "up4": lambda: nn.ConvTranspose2d(1, 1, 4, 2, 1),
    "nearest": _resize(scale_factor=2),
    "nearest3": _resize(scale_factor=3, mode="nearest-exact"),
    "bilinear": _resize(scale_factor=2, mode="bilinear"),
    "bicubic": _resize(scale_factor=2, mode="bicubic"),
    "smaller": _resize(scale_factor=0.5, mode="nearest"),
    "aligned": lambda: nn.UpsamplingBilinear2d(scale_factor=2),
    "reflect": lambda: Function(lambda image: functional.pad(image, (1, 2, 3, 0), "reflect")),
    "zeros": lambda: nn.ZeroPad2d((2, 0, 1, 1)),
    "crop": lambda: Function(lambda image: image[..., 3:-2, 1:]),
    "every": lambda: Function(lambda image: image[..., ::2, 1::2]),
    "shuffle": lambda: nn.Sequential(nn.Conv2d(1, 4, 1), nn.PixelShuffle(2)),
    "unshuffle": lambda: nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, 1, 1)),
    "cat": lambda: nn.Sequential(Branches(conv(3), conv(5), "cat"), nn.Conv2d(2, 1, 1)),
    "add": lambda: Branches(conv(1), conv(3, dilation=2), "add"),
    "down and up": lambda: Branches(
        nn.Sequential(conv(3, 2), conv(3), nn.Upsample(scale_factor=2)), conv(7), "add"
    ),
    "asymmetric": lambda: nn.Conv2d(1, 1, (1, 7), padding=(0, 3)),
    "tokens": lambda: Function(lambda image: image.flatten(2).mT.mT.unflatten(2, image.shape[2:])),
}
_EXACT = sorted(set(_LAYERS) - {"aligned"})  # by corners, no two places of the image are alike
_IN_CHAINS = sorted(set(_EXACT) - {"nearest3"})  # which would need 81 phases


def check_chain(names, measure, side=96):
    """Compare both axes; the image must show the whole field."""
    network = nn.Sequential(*(_LAYERS[name]() for name in names))
    try:
        anatomy = anatomy_of(network, (1, side, side))
        rows, columns = anatomy.receptive_field
        phases = min(16, *(length // 2 for length in anatomy.layers[-1].output_shape[1:]))
        measured = [measure(network, 1, side, phases, axis, side) for axis in (0, 1)]
    except (UsageError, IndexError):  # sizes that do not meet, or an image too small
        return False
    assert measured == [rows, columns]
    return True


@pytest.mark.parametrize("name", _EXACT)
def test_what_a_layer_sees_is_what_gradients_reach(name, measured_field):
    assert check_chain([name], measured_field)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=_TRIED)
@given(names=st.lists(st.sampled_from(_IN_CHAINS), min_size=2, max_size=4))
@example(names=["pool2", "conv3", "nearest", "conv3"])
@example(names=["strided", "strided", "conv3", "up3", "conv3", "up4"])
@example(names=["average", "conv3", "nearest", "pool2"])
@example(names=["pool3", "bilinear", "conv2", "every"])
@example(names=["conv3", "tokens", "conv3"])
@example(names=["up2", "down and up", "crop"])
def test_what_a_chain_of_layers_sees_is_what_gradients_reach(names, measured_field):
    assume(check_chain(names, measured_field))


@pytest.mark.parametrize("name", ["aligned"])
def test_upsampling_by_corners(name, measured_field):
    network = nn.Sequential(conv(3, 2), conv(3), _LAYERS[name]())
    anatomy = anatomy_of(network, (1, 64, 64))
    assert anatomy.receptive_field == (9, 9)
    assert measured_field(network, 1, 64, 16) == 9


@pytest.mark.parametrize(
    "layer",
    [
        nn.AdaptiveAvgPool2d(7),
        nn.Upsample(size=(16, 16)),
        nn.InstanceNorm2d(1),
        nn.GroupNorm(1, 1),
        nn.LayerNorm((32, 32)),
        nn.Softmax(dim=-1),
        Function(lambda image: image - image.mean((2, 3), keepdim=True)),
        Function(lambda image: image + image.amax(3, keepdim=True)),
        Function(lambda image: image.roll(1, 2)),
        Function(lambda image: image.flip(3)),
        Function(lambda image: image.cumsum(2)),
        Function(lambda image: torch.cat([image, image], 2)),
        Function(lambda image: image @ image),
        Function(lambda image: functional.scaled_dot_product_attention(image, image, image)),
    ],
)
def test_what_joins_all_pixels_or_is_not_known_sees_all(layer):
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), layer, nn.Conv2d(1, 1, 1))
    whole = isinstance(layer, nn.Upsample)  # from 32 to 16 is a known sampling
    assert (anatomy_of(network, (1, 32, 32)).receptive_field is not None) is whole


@pytest.mark.parametrize(
    "layer",
    [
        nn.Softmax(dim=1),
        nn.LocalResponseNorm(3),
        nn.ChannelShuffle(2),
        Function(lambda image: nn.LayerNorm(4)(image.movedim(1, 3)).movedim(3, 1)),
        Function(lambda image: nn.Linear(4, 4)(image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)),
        Function(lambda image: image * image.mean(1, keepdim=True)),
        Function(lambda image: torch.stack([image, -image]).sum(0)),
    ],
)
def test_what_joins_channels_sees_one_pixel(layer):
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), layer, nn.Conv2d(4, 1, 1))
    assert anatomy_of(network, (1, 32, 32)).receptive_field == (3, 3)
