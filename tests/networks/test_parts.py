"""Stages, encoders and heads."""

import pytest
import torch

from emseg.config import Task
from emseg.errors import UsageError
from emseg.networks import NetworkSpec, build_network
from emseg.networks.parts import encoder_stages, encoder_tensors, head_of, head_tensors

SEGMENT, CLASSIFY = Task.SEGMENTATION, Task.CLASSIFICATION


def build(task, name, encoder=None, channels=1, classes=3):
    return build_network(NetworkSpec(task, name, encoder, channels, classes))


def stage_names(network):
    names = {id(module): name for name, module in network.named_modules()}
    return [[names[id(module)] for module in stage] for stage in encoder_stages(network)]


@pytest.mark.parametrize(
    ("task", "name", "encoder", "count"),
    [
        (SEGMENT, "unet", None, 5),
        (SEGMENT, "unet", "resnet18", 5),
        (SEGMENT, "unet", "se_resnet50", 5),
        (SEGMENT, "fpn", "tu-convnext_atto", 4),
        (CLASSIFY, "resnet18", None, 5),
        (CLASSIFY, "tf_efficientnet_lite0", None, 5),
        (CLASSIFY, "squeezenet1_1", None, 4),
        (CLASSIFY, "swin_tiny_patch4_window7_224", None, 4),
    ],
)
def test_a_stage_is_what_works_at_one_resolution(task, name, encoder, count):
    network = build(task, name, encoder)
    stages = encoder_stages(network)
    assert len(stages) == count
    found = [id(module) for stage in stages for module in stage]
    assert len(found) == len(set(found))  # every module once
    tensors = {
        id(tensor)
        for stage in stages
        for module in stage
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False))
    }
    state = dict([*network.named_parameters(), *network.named_buffers()])
    assert {id(state[name]) for name in encoder_tensors(network)} <= tensors  # and all of them


def test_the_stages_of_a_resnet_are_its_layers():
    stages = stage_names(build(SEGMENT, "unet", "resnet18"))
    assert stages[0] == ["encoder.conv1", "encoder.bn1"]
    for number, stage in enumerate(stages[1:], 1):
        assert {name.split(".")[1] for name in stage} == {f"layer{number}"}


def test_squeeze_and_excitation_begins_no_stage():
    stages = stage_names(build(SEGMENT, "unet", "se_resnet50"))
    assert [stage[-1].rpartition(".")[0] for stage in stages[1:]] == [
        f"encoder.layer{n}.{last}.se_module" for n, last in ((1, 2), (2, 3), (3, 5), (4, 2))
    ]


def test_watching_a_network_leaves_it_as_it_was():
    network = build(CLASSIFY, "resnet18").train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    encoder_stages(network)
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not any(each._forward_hooks for each in network.modules())


@pytest.mark.parametrize(
    ("task", "name", "encoder", "classes_at"),
    [
        (SEGMENT, "unet", None, "head.weight"),
        (SEGMENT, "fpn", "resnet18", "segmentation_head.0.weight"),
        (CLASSIFY, "tf_efficientnet_lite0", None, "classifier.weight"),
        (CLASSIFY, "vgg11", None, "classifier.6.weight"),
        (CLASSIFY, "lenet5", None, None),
    ],
)
def test_the_head_answers_classes_and_is_no_encoder(task, name, encoder, classes_at):
    network = build(task, name, encoder)
    heads = head_tensors(network)
    assert all(network.state_dict()[each].shape[0] == 3 for each in heads)
    assert classes_at is None or classes_at in heads
    assert not set(heads) & set(encoder_tensors(network))
    if task is CLASSIFY:
        assert {*heads, *encoder_tensors(network)} == set(network.state_dict())
    assert any(each is head_of(network) for each in network.modules())


def test_a_network_that_takes_no_image_says_so():
    class Strange(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution, self.head = torch.nn.Conv2d(1, 2, 3), torch.nn.Linear(2, 2)

        def forward(self, _image):
            raise ValueError("never")

    with pytest.raises(UsageError, match="the stages of Strange cannot be told"):
        encoder_stages(Strange())
