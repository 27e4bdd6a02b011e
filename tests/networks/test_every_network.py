"""Every network of the catalogue trains a step and predicts, on any number of channels."""

import warnings

import pytest
import torch
from torch.nn import functional

from emseg.config import Task
from emseg.networks import NetworkSpec, build_network, with_image_size
from emseg.networks.entries import CLASSIC_UNET, CLASSIFIERS, ENCODER_FAMILIES, SEGMENTERS
from emseg.networks.figures import find_figures

QUICK = {"lenet5", "lenet5_modern", "bn_lenet", "nin", "densenet", "squeezenet1_1"}
LIGHT = {"deeplabv3": "resnet18", "dpt": "tu-vit_tiny_patch16_224"}
NETWORKS = [CLASSIC_UNET, *SEGMENTERS, *CLASSIFIERS]


def side_of(entry):
    """Smallest sensible image: a little more than the smallest, of the total stride."""
    smallest = find_figures(entry.task, entry.name, entry.encoder).smallest
    if entry.task is Task.SEGMENTATION:
        return max(64, smallest)
    return max(64, smallest + 5)


def encoder_of(entry):
    light = "resnet18" if entry.encoder == "resnet34" else entry.encoder
    return LIGHT.get(entry.name, light)


def trained_and_asked(spec, side):
    """Take one step, then check what the network says of a batch and of its parts."""
    torch.manual_seed(0)
    network = build_network(with_image_size(spec, side))
    image = torch.randn(2, spec.in_channels, side, side)
    shape = (2, side, side) if spec.task is Task.SEGMENTATION else (2,)
    target = torch.arange(torch.Size(shape).numel()).reshape(shape) % spec.classes
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-4)
    loss = functional.cross_entropy(network.train()(image), target)
    loss.backward()
    optimiser.step()
    assert torch.isfinite(loss)
    assert any(w.grad is not None and w.grad.abs().sum() > 0 for w in network.parameters())
    network.eval()
    with torch.no_grad():
        both, first = network(image), network(image[:1])
        again = network(image)
    assert both.shape == (2, spec.classes, *shape[1:])
    assert torch.isfinite(both).all()
    scale = both.abs().max().clamp(min=1)
    assert (both[:1] - first).abs().max() <= 1e-4 * scale, "the answer depends on the batch"
    assert torch.equal(both, again), "the answer is drawn"


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(
            each,
            id=f"{each.name}-{each.library}",
            marks=[] if each.name in QUICK or each is CLASSIC_UNET else pytest.mark.long,
        )
        for each in NETWORKS
    ],
)
def test_it_trains_a_step_and_its_answer_is_that_of_the_image_alone(entry, channels):
    spec = NetworkSpec(entry.task, entry.name, encoder_of(entry), channels, 3)
    trained_and_asked(spec, side_of(entry))


@pytest.mark.long
@pytest.mark.parametrize("family", ENCODER_FAMILIES, ids=lambda each: each.name)
def test_an_encoder_of_each_family_carries_a_unet(family):
    with warnings.catch_warnings(action="ignore"):  # old names of the library
        spec = NetworkSpec(Task.SEGMENTATION, "unet", family.encoders[0], 1, 3)
    trained_and_asked(spec, 64)
