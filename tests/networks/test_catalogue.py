"""Networks by name."""

import pytest
import torch

from emseg.config import Task
from emseg.errors import UnknownNameError, UsageError
from emseg.networks import NetworkSpec, build_network, check_network, network_names

SEGMENT, CLASSIFY = Task.SEGMENTATION, Task.CLASSIFICATION


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "encoder"),
    [("unet", None), ("unet", "resnet18"), ("fpn", "resnet18"), ("deeplabv3plus", "resnet18")],
)
def test_segmentation_networks_keep_the_size(name, encoder, channels):
    network = build_network(NetworkSpec(SEGMENT, name, encoder, channels, 4)).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, channels, 64, 96)).shape == (1, 4, 64, 96)


@pytest.mark.parametrize(
    ("name", "channels"),
    [("densenet121", 1), ("resnet18", 1), ("resnet18", 3), ("squeezenet1_1", 1), ("googlenet", 1)],
)
def test_classifiers_answer_one_number_a_class(name, channels):
    network = build_network(NetworkSpec(CLASSIFY, name, None, channels, 5)).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, channels, 96, 128)).shape == (2, 5)


def test_an_untrained_classifier_does_not_know():
    network = build_network(NetworkSpec(CLASSIFY, "resnet18", None, 1, 3)).eval()
    with torch.no_grad():
        probabilities = torch.softmax(network(torch.randn(4, 1, 64, 64)), dim=1)
    assert (probabilities - 1 / 3).abs().max() < 0.2


def test_the_default_comes_first():
    assert network_names(SEGMENT)[0] == "unet"
    assert network_names(CLASSIFY)[0] == "densenet121"
    for task in Task:
        assert len(set(network_names(task))) == len(network_names(task))


@pytest.mark.parametrize(
    ("task", "name", "encoder", "resolved"),
    [
        (SEGMENT, "unet", None, ("unet", None)),
        (SEGMENT, "fpn", None, ("fpn", "resnet34")),
        (SEGMENT, "unet", "resnet18", ("unet", "resnet18")),
        (CLASSIFY, "resnet18", None, ("resnet18", None)),
    ],
)
def test_names_are_resolved(task, name, encoder, resolved):
    assert check_network(task, name, encoder) == resolved


@pytest.mark.parametrize(
    ("task", "name", "encoder", "error", "said"),
    [
        (SEGMENT, "unett", None, UnknownNameError, "did you mean 'unet'"),
        (SEGMENT, "UNET", None, UnknownNameError, "did you mean 'unet'"),
        (SEGMENT, "deeplabv3+", None, UnknownNameError, "did you mean 'deeplabv3"),
        (SEGMENT, "fpn", "resnet-18", UnknownNameError, "did you mean 'resnet18'"),
        (CLASSIFY, "densnet121", None, UnknownNameError, "did you mean 'densenet121'"),
        (CLASSIFY, "resnet18", "resnet18", UsageError, "--encoder resnet18 belongs to seg"),
    ],
)
def test_unknown_names_say_what_was_meant(task, name, encoder, error, said):
    with pytest.raises(error, match=said) as caught:
        check_network(task, name, encoder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "encoder", "way_out"),
    [
        ("dpt", "resnet34", "--encoder tu-vit_small_patch16_224"),
        ("linknet", "mit_b0", "such as resnet34"),
        ("unetplusplus", "mit_b0", "such as resnet34"),
        ("deeplabv3", "densenet121", "can be dilated, such as resnet34"),
        ("deeplabv3plus", "inceptionv4", "can be dilated, such as resnet34"),
        ("pan", "vgg11", "can be dilated, such as resnet34"),
    ],
)
def test_a_decoder_and_an_encoder_that_do_not_fit_are_refused(name, encoder, way_out):
    with pytest.raises(UsageError, match=f"{name} on {encoder} cannot be built: .*") as caught:
        build_network(NetworkSpec(SEGMENT, name, encoder, 1, 2))
    assert way_out in str(caught.value)
    assert "\n" not in str(caught.value)
