"""Frozen stages stay as they are, to the bit, and open at their step."""

import logging

import pytest
import torch
from torch import nn

from emseg.config import Task, TrainConfig
from emseg.errors import UsageError
from emseg.networks import NetworkSpec, build_network
from emseg.networks.parts import encoder_tensors
from emseg.starting import check_start
from emseg.training.freezing import Freezing, plan_freezing
from emseg.training.parameters import parameter_groups

SPEC = NetworkSpec(Task.SEGMENTATION, "unet", None, 1, 2, {"width": 4})
STEM = "stem."


def configure(**settings):
    return TrainConfig(images=(), out="run", **settings)


def plan(network, epoch=2, loaded=True, **settings):
    return plan_freezing(network, 1, configure(**settings), epoch, is_loaded=loaded)


def trained(freezing, steps, first=0, network=None):
    """Train as a run does; the state before each step, and after the last."""
    torch.manual_seed(0)
    network = network or build_network(SPEC)
    groups = parameter_groups(network, configure())
    optimiser = torch.optim.AdamW(groups, lr=1e-2)
    states = []
    for step in range(first, first + steps):
        network.train()  # as Lightning does after a validation
        freezing.settle(network, step)
        states.append({name: each.clone() for name, each in network.state_dict().items()})
        optimiser.zero_grad()
        network(torch.randn(2, 1, 32, 32)).square().mean().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    return [*states, network.state_dict()]


def changed(before, after):
    return {name for name, each in after.items() if not torch.equal(each, before[name])}


def test_a_frozen_encoder_stays_to_the_bit_with_its_statistics():
    freezing = plan(build_network(SPEC), freeze="encoder")
    states = trained(freezing, 3)
    encoder = {name for name in states[0] if name.startswith(("stem.", "down."))}
    moved = changed(states[0], states[-1])
    assert not moved & encoder
    assert moved == set(states[0]) - encoder


def test_some_stages_from_the_image_inwards_are_frozen():
    freezing = plan(build_network(SPEC), freeze="2-stages")
    states = trained(freezing, 2)
    frozen = {name for name in states[0] if name.startswith(("stem.", "down.0."))}
    assert changed(states[0], states[-1]) == set(states[0]) - frozen


def test_stages_open_one_by_one_from_the_deepest_to_the_stem():
    freezing = plan(build_network(SPEC), freeze="encoder", unfreeze_every=1, epoch=2)
    states = trained(freezing, 11)
    stages = ["stem.", "down.0.", "down.1.", "down.2.", "down.3."]
    for number, prefix in enumerate(stages):
        opens = 2 * (5 - number)
        for step in range(11):
            moves = {n for n in changed(states[step], states[step + 1]) if n.startswith(prefix)}
            own = {name for name in states[0] if name.startswith(prefix)}
            assert moves == (own if step >= opens else set()), (prefix, step)
    assert [freezing.frozen_at(step) for step in (0, 1, 2, 9, 10, 999)] == [5, 5, 4, 1, 0, 0]


def test_what_is_frozen_depends_on_the_step_alone():
    freezing = plan(build_network(SPEC), freeze="encoder", unfreeze_every=1, epoch=2)
    early, late = build_network(SPEC), build_network(SPEC)
    for step in (0, 3, 5):
        freezing.settle(early, step)
    freezing.settle(late, 5)
    learns = [[each.requires_grad for each in network.parameters()] for network in (early, late)]
    assert learns[0] == learns[1]


@pytest.mark.parametrize(("encoder", "every"), [("resnet18", None), ("se_resnet50", 3)])
def test_encoders_of_a_library_are_frozen_whole(encoder, every):
    network = build_network(NetworkSpec(Task.SEGMENTATION, "fpn", encoder, 1, 2))
    freezing = plan(network, freeze="encoder", unfreeze_every=every)
    freezing.settle(network.train(), 0)
    names = set(encoder_tensors(network))
    learns = {name for name, each in network.named_parameters() if each.requires_grad}
    assert learns == {name for name, _ in network.named_parameters()} - names
    norms = [each for each in network.encoder.modules() if isinstance(each, nn.BatchNorm2d)]
    assert norms
    assert not any(each.training for each in norms)
    assert network.decoder.training
    said = "frozen: 5 of 5 stages" + (", one less every 6 steps" if every else "")
    assert freezing.sentence == said


def test_nothing_is_frozen_unless_asked():
    network = build_network(SPEC)
    freezing = plan(network)
    assert freezing == Freezing()
    assert freezing.sentence == ""
    assert not changed({}, {})
    states = trained(freezing, 1)
    assert changed(states[0], states[1]) == set(states[0])


def test_freezing_random_weights_is_told(caplog):
    with caplog.at_level(logging.WARNING):
        plan(build_network(SPEC), freeze="encoder", loaded=False)
    assert caplog.messages == [
        "--freeze encoder keeps random weights as they are, because none were loaded; give "
        "--pretrained, or leave it out"
    ]


def test_more_stages_than_there_are_are_refused():
    with pytest.raises(UsageError) as caught:
        plan(build_network(SPEC), freeze="9-stages")
    assert str(caught.value) == "--freeze 9-stages: unet has 5 stages; freeze 5-stages at most"


@pytest.mark.parametrize("freeze", ["all", "0-stages", "-1-stages", "stages", "1.5-stages", ""])
def test_what_cannot_be_meant_is_refused(freeze):
    with pytest.raises(UsageError, match=f"--freeze {freeze} is not known; write encoder"):
        check_start("none", freeze, None)


def test_unfreezing_needs_something_frozen():
    with pytest.raises(UsageError, match="--unfreeze-every 2 opens what --freeze closed"):
        check_start("none", "none", 2)
    check_start("none", "1-stage", 2)


def rates(groups, network):
    names = {id(weight): name for name, weight in network.named_parameters()}
    return {names[id(weight)]: group.get("lr") for group in groups for weight in group["params"]}


def test_the_head_learns_at_a_rate_of_its_own():
    network = build_network(SPEC)
    config = configure(head_learning_rate=0.5)
    by_name = rates(parameter_groups(network, config), network)
    assert set(by_name) == {name for name, _ in network.named_parameters()}
    for name, rate in by_name.items():
        assert rate == (None if name.startswith(("stem.", "down.")) else 0.5)
    loaded = {"stem.0.weight", "head.bias"}
    by_name = rates(parameter_groups(network, config, loaded), network)
    assert {name for name, rate in by_name.items() if rate is None} == loaded


@pytest.mark.parametrize("head", [None, 0.5])
def test_biases_and_norms_do_not_decay(head):
    network = build_network(SPEC)
    config = configure(head_learning_rate=head, weight_decay=0.1)
    groups = parameter_groups(network, config)
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))
    for group in groups:
        for weight in group["params"]:
            assert group["weight_decay"] == (0.1 if weight.ndim > 1 else 0.0)
