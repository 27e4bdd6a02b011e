"""Rows, totals and memory."""

import pytest
import torch
from torch import nn

from emseg.errors import UsageError
from emseg.networks import UNet
from emseg.networks.anatomy import anatomy_of

_FLOAT = 4


def test_a_row_says_all_of_a_layer():
    network = nn.Sequential(nn.Conv2d(2, 6, (3, 5), (2, 1), (1, 2), dilation=(2, 1)))
    (row,) = anatomy_of(network, (2, 33, 20)).layers
    assert (row.name, row.kind, row.output_shape) == ("0", "Conv2d", (6, 16, 20))
    assert (row.kernel, row.stride, row.padding, row.dilation) == ((3, 5), (2, 1), (1, 2), (2, 1))
    assert (row.parameters, row.macs) == (6 * 2 * 15 + 6, 16 * 20 * 6 * 2 * 15)
    assert (row.receptive_field, row.jump) == ((5, 5), (2, 1))


def test_what_happens_between_modules_has_rows_too():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(8, 2)

        def forward(self, image):
            once = self.conv(image)
            both = torch.cat([once, once + image], 1)
            small = nn.functional.max_pool2d(nn.functional.interpolate(both, scale_factor=2), 4)
            return self.head(torch.flatten(small.mean((2, 3)), 1))

    found = anatomy_of(Network(), (1, 16, 16))
    assert [(row.name, row.output_shape) for row in found.layers] == [
        ("conv", (4, 16, 16)),
        ("add", (4, 16, 16)),
        ("cat", (8, 16, 16)),
        ("upsample_nearest", (8, 32, 32)),
        ("max_pool", (8, 8, 8)),
        ("mean", (8,)),
        ("head", (2,)),
    ]
    assert found.receptive_field == (4, 4)


def test_layers_that_share_weights_count_them_once():
    layer = nn.Conv2d(1, 1, 3, padding=1)
    found = anatomy_of(nn.Sequential(layer, layer), (1, 8, 8))
    assert [row.parameters for row in found.layers] == [10, 0]
    assert found.macs == 2 * 9 * 64


def test_memory_of_prediction_is_freed_as_it_goes():
    wide = [nn.Conv2d(4, 4, 3, padding=1, bias=False) for _ in range(6)]
    found = anatomy_of(nn.Sequential(*wide), (4, 32, 32), batch=3)
    tensor, weights = 3 * 4 * 32 * 32 * _FLOAT, 6 * 4 * 4 * 9 * _FLOAT
    assert found.prediction_bytes == weights + 3 * tensor  # the image, and two of the layers
    assert found.output_bytes == 6 * tensor // 3


def test_memory_of_training_keeps_what_goes_backward():
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Sigmoid(), nn.Conv2d(4, 2, 1))
    found = anatomy_of(network, (1, 16, 16), batch=2)
    weights = sum(each.numel() for each in network.parameters()) * _FLOAT
    kept = 2 * 4 * 16 * 16 * _FLOAT  # of the sigmoid, which is the input of the last layer
    assert found.training_bytes == 5 * weights + kept


def test_memory_grows_with_the_batch():
    one, four = (anatomy_of(UNet(1, 2, width=2), (1, 64, 64), batch) for batch in (1, 4))
    weights = sum(each.numel() for each in UNet(1, 2, width=2).state_dict().values()) * _FLOAT
    assert four.prediction_bytes - weights == pytest.approx(
        4 * (one.prediction_bytes - weights), rel=0.01
    )
    assert (one.macs, one.layers) == (four.macs, four.layers)


def test_an_operation_that_needs_values_is_run():
    class Selecting(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3, padding=1)

        def forward(self, image):
            return self.conv(image) * (2 if image.sum().item() > 0 else 1)

    found = anatomy_of(Selecting(), (1, 8, 8))
    assert (found.macs, found.receptive_field) == (18 * 64, (3, 3))


def test_the_network_is_left_as_it_was():
    network = UNet(1, 2, width=2).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    anatomy_of(network, (1, 32, 32))
    assert network.training
    assert all(torch.equal(before[name], each) for name, each in network.state_dict().items())
    assert all(each.device.type == "cpu" for each in network.parameters())


@pytest.mark.parametrize("shape", [(1, 3, 3), (2, 64, 64), (1, 1, 10**7)])
def test_an_input_that_does_not_fit_is_named(shape):
    with pytest.raises(UsageError, match=rf"an input of {'x'.join(map(str, shape))} \("):
        anatomy_of(nn.Conv2d(1, 1, 5), shape)
