"""Batch norms are folded into convolutions, and nobody sees it in the answer."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from emseg.config import Task
from emseg.networks import NetworkSpec, UNet, build_network
from emseg.networks.folding import fold_batch_norms

TOLERANCE = 1e-4  # in probability
LOGIT = 4.0  # largest logit of a network that has learned: a wide range of probabilities


def norms(network):
    return sum(isinstance(module, _BatchNorm) for module in network.modules())


def lived_in(network, side, in_channels=1):
    """Give each batch norm statistics, scales and shifts as training leaves them."""
    torch.manual_seed(3)
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.momentum = None  # the plain mean of what it has seen
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.3)
    with torch.no_grad():
        network.train()(torch.randn(3, in_channels, side, side) + 0.5)
    return network.eval()


def both_answers(network, folded, shape):
    """Probabilities (N, K, ...) of a network and of its folded copy."""
    torch.manual_seed(4)
    image = torch.randn(shape)
    with torch.inference_mode():
        before, after = network(image), folded(image)
    scale = LOGIT / before.abs().max()
    assert before.std() > 0
    return [(scale * logits).softmax(1) for logits in (before, after)]


def folds_exactly(network, side, in_channels=1):
    lived_in(network, side, in_channels)
    kept = copy.deepcopy(network.state_dict())
    folded = fold_batch_norms(network, in_channels, side)
    before, after = both_answers(network, folded, (2, in_channels, side, side))
    assert (after - before).abs().max() <= TOLERANCE
    assert not folded.training
    found = network.state_dict()
    assert found.keys() == kept.keys()
    assert all(torch.equal(found[name], kept[name]) for name in kept)
    return norms(network), norms(folded)


def build(task, name, encoder=None):
    torch.manual_seed(2)  # some weights of deep networks let rounding grow beyond the tolerance
    return build_network(NetworkSpec(task, name, encoder, 1, 3))


@pytest.mark.parametrize(
    ("encoder", "left"),
    [
        ("resnet18", 0),
        ("densenet121", 62),  # what comes before a convolution stays
        ("vgg11_bn", 0),
        ("mobilenet_v2", 0),
        ("efficientnet-b0", 1),  # that of a head which an encoder does not use
        ("mit_b0", 0),
        ("tu-regnetx_002", 0),
        ("tu-regnety_002", 0),
        pytest.param("inceptionv4", 0, marks=pytest.mark.long),
        pytest.param("inceptionresnetv2", 0, marks=pytest.mark.long),
        pytest.param("xception", 0, marks=pytest.mark.long),
        pytest.param("dpn68", 27, marks=pytest.mark.long),  # it sums before it normalises
        pytest.param("se_resnet50", 0, marks=pytest.mark.long),
        pytest.param(
            "mobileone_s0", 35, marks=pytest.mark.long
        ),  # branches that are a batch norm alone
        pytest.param("tu-res2net50_26w_4s", 0, marks=pytest.mark.long),
        pytest.param("tu-skresnet18", 0, marks=pytest.mark.long),
    ],
)
def test_every_family_of_encoders(encoder, left):
    before, after = folds_exactly(build(Task.SEGMENTATION, "unet", encoder), 64)
    assert (after, before > left) == (left, True)


@pytest.mark.parametrize(
    ("decoder", "left"),
    [
        pytest.param("unetplusplus", 0, marks=pytest.mark.long),
        ("fpn", 0),
        ("deeplabv3plus", 0),
        ("pspnet", 10),  # stages of the encoder that it does not use
        ("pan", 0),
        ("linknet", 0),
        pytest.param("manet", 0, marks=pytest.mark.long),
        ("upernet", 0),
        ("segformer", 0),
    ],
)
def test_every_decoder(decoder, left):
    assert folds_exactly(build(Task.SEGMENTATION, decoder, "resnet18"), 128)[1] == left


@pytest.mark.parametrize(
    ("name", "side", "left"),
    [
        ("resnet18", 64, 0),
        ("densenet121", 64, 62),
        ("googlenet", 64, 0),
        ("inception_v3", 96, 0),
        pytest.param("inception_v4", 96, 0, marks=pytest.mark.long),
        ("squeezenet1_1", 64, 0),  # it has none
        ("vgg11_bn", 64, 0),
        ("mobilenetv2_100", 64, 0),
        ("mobilenetv3_large_100", 64, 0),
        ("mobilenet_v3_small", 64, 0),
        ("tf_efficientnet_lite0", 64, 0),
        ("regnetx_002", 64, 0),
        ("shufflenet_v2_x0_5", 64, 0),
        ("resnetv2_50", 64, 17),
    ],
)
def test_every_family_of_classifiers(name, side, left):
    assert folds_exactly(build(Task.CLASSIFICATION, name), side)[1] == left


@pytest.mark.parametrize("in_channels", [1, 3, 5])
def test_the_classic_unet(in_channels):
    assert folds_exactly(UNet(in_channels, 3, width=4), 64, in_channels)[1] == 0


@pytest.mark.parametrize(
    "filters",
    [
        nn.Conv2d(4, 6, 3),
        nn.Conv2d(4, 6, 3, bias=False, stride=2, dilation=2, padding="valid"),
        nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 6, 3, groups=2),
        nn.Conv2d(4, 4, 3, groups=4, bias=False),
        nn.ConvTranspose2d(4, 6, 2, stride=2),
        nn.ConvTranspose2d(4, 6, 3, bias=False, output_padding=1, stride=2),
    ],
)
@pytest.mark.parametrize("affine", [True, False])
def test_every_kind_of_convolution(filters, affine):
    norm = nn.BatchNorm2d(filters.out_channels, affine=affine)
    network = nn.Sequential(nn.Conv2d(1, 4, 1), filters, norm, nn.ReLU(inplace=True))
    assert folds_exactly(network, 16)[1] == 0


@pytest.mark.parametrize("bias", [True, False])
def test_linear_layers(bias):
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(256, 8, bias=bias), nn.BatchNorm1d(8), nn.Sigmoid(), nn.Linear(8, 2)
    )
    assert folds_exactly(network, 16)[1] == 0


class Wired(nn.Module):
    """Two layers and what is done with them."""

    def __init__(self, forward, norm=None):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 3, 3, padding=1), norm or nn.BatchNorm2d(3)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.wiring = forward

    def forward(self, image):
        return self.wiring(self, image)


WIRINGS = {
    "the output of the convolution is used twice": lambda net, image: (
        net.norm(y := net.first(image)) + y
    ),
    "the output is changed in place": lambda net, image: net.norm(net.first(image).relu_()),
    "the convolution is used twice": lambda net, image: (
        net.norm(net.first(image)) + net.first(image.flip(-1))
    ),
    "the batch norm is used twice": lambda net, image: net.norm(
        net.second(net.norm(net.first(image)))
    ),
    "the filters are used elsewhere": lambda net, image: (
        net.norm(net.first(image)) * net.first.weight.mean()
    ),
    "something stands between them": lambda net, image: net.norm(net.first(image).tanh()),
    "the batch norm comes first": lambda net, image: net.second(
        net.norm(image.expand(-1, 3, 9, 9))
    ),
}


@pytest.mark.parametrize("wiring", WIRINGS.values(), ids=WIRINGS)
def test_what_is_wired_otherwise_is_left_alone(wiring):
    network = Wired(wiring)
    assert folds_exactly(network, 9) == (1, 1)


def test_an_output_that_is_returned_is_left_alone():
    class Features(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.norm = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)

        def forward(self, image):
            features = self.first(image)
            return {"features": features, "logits": [self.norm(features)]}

    assert norms(fold_batch_norms(Features().eval(), 1)) == 1


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3, track_running_stats=False)),
        nn.Sequential(nn.Conv2d(1, 4, 1), nn.ConvTranspose2d(4, 6, 2, groups=2), nn.BatchNorm2d(6)),
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 3, 3)), nn.BatchNorm2d(3)),
    ],
    ids=["statistics of the batch", "transposed and grouped", "computed filters"],
)
def test_what_cannot_be_folded_is_left_alone(network):
    assert folds_exactly(network, 12) == (1, 1)


def test_an_image_that_does_not_fit_leaves_the_network_as_it_is():
    network = nn.Sequential(nn.Conv2d(1, 3, 5), nn.BatchNorm2d(3)).eval()
    assert norms(fold_batch_norms(network, 1, side=3)) == 1


def test_the_random_state_is_not_touched():
    network = UNet(1, 2, width=2)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    fold_batch_norms(network, 1)
    assert torch.equal(torch.rand(1), expected)


def test_the_compiler_is_not_imported():
    """It would delay each prediction by seconds."""
    code = (
        "import sys; from emseg.networks.folding import fold_batch_norms; "
        "from emseg.networks.unet import UNet; fold_batch_norms(UNet(1, 2, width=2), 1); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_network_without_batch_norms_is_given_back():
    network = nn.Conv2d(1, 3, 1)
    assert fold_batch_norms(network, 1) is network


def test_inference_mode_changes_nothing():
    with torch.inference_mode():
        assert norms(fold_batch_norms(UNet(1, 2, width=2), 1)) == 0
