"""Weights from elsewhere: found in a cache, or told how to be had, without waiting."""

import hashlib
import logging
import shutil
import urllib.error
import urllib.request

import pytest
import timm
import torch
from safetensors.torch import save_file
from segmentation_models_pytorch.encoders import encoders

from emseg.config import Task
from emseg.errors import UnreadableFileError, UsageError
from emseg.networks import NetworkSpec, build_network
from emseg.networks.pretrained import fetching, load_pretrained
from emseg.networks.pretrained.fetching import HubFile, UnavailableError, UrlFile
from emseg.networks.pretrained.micronet import ENCODERS, micronet_file

SEGMENT, CLASSIFY = Task.SEGMENTATION, Task.CLASSIFICATION
SMP = NetworkSpec(SEGMENT, "unet", "resnet18", 1, 2)
TIMM = NetworkSpec(CLASSIFY, "resnet18", None, 1, 3)
TORCHVISION = NetworkSpec(CLASSIFY, "torchvision_resnet18", None, 3, 3)
CLASSIC = NetworkSpec(SEGMENT, "unet", None, 1, 2)


@pytest.fixture(scope="module")
def learnt():
    """Pretend that these are the ImageNet weights of a ResNet-18."""
    torch.manual_seed(7)
    return timm.create_model("resnet18", num_classes=1000).state_dict()


@pytest.fixture
def offline(monkeypatch):
    """Count the knocks at the network; nobody answers."""
    knocks = []

    def refuse(request, timeout):
        knocks.append((request.full_url, timeout))
        raise urllib.error.URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(fetching, "is_offline", lambda: False)
    return knocks


def test_the_suite_fetches_nothing():
    assert fetching.is_offline()


@pytest.mark.parametrize(
    ("spec", "source", "address"),
    [
        (SMP, "imagenet", "https://huggingface.co/smp-hub/resnet18.imagenet/resolve/"),
        (TIMM, "imagenet", "https://huggingface.co/timm/resnet18.a1_in1k/resolve/"),
        (TORCHVISION, "imagenet", "https://download.pytorch.org/models/resnet18-f37072fd.pth"),
        (SMP, "hf:org/name", "https://huggingface.co/org/name/resolve/main/model.safetensors"),
        (SMP, "micronet", "s3.amazonaws.com/microscopy_segmentation_models/resnet18_pretrained_"),
    ],
)
def test_weights_out_of_reach_say_what_to_fetch_and_how_to_pass_it(
    offline, tmp_path, monkeypatch, spec, source, address
):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UnavailableError) as caught:
        load_pretrained(build_network(spec), spec, source)
    said = str(caught.value)
    assert address in said
    assert "(Name or service not known); fetch it on a machine with network" in said
    assert said.endswith("pass it with --pretrained FILE")
    assert "\n" not in said
    assert len(offline) == 1  # no retries
    assert offline[0][1] <= 5


def test_auto_says_so_and_goes_on_from_scratch(offline, caplog):
    torch.manual_seed(1)
    network = build_network(SMP)
    before = {name: each.clone() for name, each in network.state_dict().items()}
    with caplog.at_level(logging.WARNING):
        told = load_pretrained(network, SMP, "auto")
    assert (told.weights, told.names, told.sha256) == ("none", frozenset(), None)
    assert told.sentence.startswith("weights: from scratch (ImageNet weights of smp-hub/resnet18")
    assert len(caplog.messages) == 1
    assert "pass it with --pretrained FILE" in caplog.messages[0]
    assert all(torch.equal(each, before[name]) for name, each in network.state_dict().items())


@pytest.mark.parametrize("source", ["auto", "none"])
def test_the_classic_network_asks_nobody(offline, caplog, source):
    told = load_pretrained(build_network(CLASSIC), CLASSIC, source)
    assert (told.asked, told.weights, told.sentence) == (source, "none", "weights: from scratch")
    assert offline == []
    assert caplog.messages == []


@pytest.mark.parametrize("source", ["imagenet", "micronet"])
def test_weights_that_nobody_has_are_refused(offline, source):
    with pytest.raises(UsageError, match="name an --encoder that has some"):
        load_pretrained(build_network(CLASSIC), CLASSIC, source)
    assert offline == []


def test_nothing_is_asked_when_the_user_is_offline(offline, monkeypatch):
    monkeypatch.setattr(fetching, "is_offline", lambda: True)
    with pytest.raises(UnavailableError, match="HF_HUB_OFFLINE is set"):
        load_pretrained(build_network(SMP), SMP, "imagenet")
    assert offline == []


@pytest.mark.parametrize(
    ("spec", "rename"),
    [
        (SMP, {}),
        (NetworkSpec(SEGMENT, "fpn", "tu-resnet18", 1, 2), {}),
        (TIMM, {}),
        (NetworkSpec(CLASSIFY, "resnet18", None, 5, 3), {}),
    ],
)
def test_published_weights_in_the_cache_are_loaded_without_asking(
    offline, tmp_path, monkeypatch, learnt, spec, rename
):
    file = tmp_path / "model.safetensors"
    save_file({name: each.contiguous() for name, each in learnt.items()}, file)
    monkeypatch.setattr(HubFile, "cached", lambda self, name: file)
    network = build_network(spec)
    told = load_pretrained(network, spec, "auto")
    encoder = getattr(network, "encoder", network)
    encoder = getattr(encoder, "model", encoder)
    for name in ("layer1.0.conv1.weight", "layer4.1.bn2.running_var"):
        assert torch.equal(encoder.state_dict()[name], learnt[name])
    if spec.in_channels == 1:
        summed = learnt["conv1.weight"].sum(dim=1, keepdim=True)
        torch.testing.assert_close(encoder.conv1.weight, summed)
        assert "1 channel: first convolution summed over RGB" in told.sentence
    assert len(told.names) == len([name for name in learnt if "num_batches" not in name]) - 2
    assert told.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert told.origin.startswith("https://huggingface.co/")
    assert offline == []


def test_a_damaged_file_in_the_cache_is_refused(offline, tmp_path, monkeypatch):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"<html>")
    monkeypatch.setattr(HubFile, "cached", lambda self, name: file)
    for spec in (SMP, TIMM):
        with pytest.raises(UnreadableFileError, match=r"model.safetensors is damaged"):
            load_pretrained(build_network(spec), spec, "imagenet")


def test_weights_of_torchvision_in_its_cache_are_loaded(offline, tmp_path, monkeypatch, learnt):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    torch.save(learnt, tmp_path / "checkpoints" / "resnet18-f37072fd.pth")
    network = build_network(TORCHVISION)
    told = load_pretrained(network, TORCHVISION, "imagenet")
    assert torch.equal(network.layer4[1].conv2.weight, learnt["layer4.1.conv2.weight"])
    assert torch.equal(network.conv1.weight, learnt["conv1.weight"])
    assert "ResNet18_Weights" in told.weights
    assert offline == []


def test_micronet_in_the_cache_is_loaded(offline, tmp_path, monkeypatch, learnt):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    name = "resnet18_pretrained_microscopynet_v1.0.pth.tar"
    torch.save({f"module.{n}": e for n, e in learnt.items()}, tmp_path / "checkpoints" / name)
    network = build_network(SMP)
    told = load_pretrained(network, SMP, "micronet")
    assert torch.equal(network.encoder.layer1[0].conv1.weight, learnt["layer1.0.conv1.weight"])
    assert told.weights == "MicroNet weights of resnet18"


def test_addresses_of_micronet_are_those_of_its_authors():
    folder = "https://nasa-public-data.s3.amazonaws.com/microscopy_segmentation_models/"
    for encoder, name in (
        ("se_resnet50", "se_resnet50_pretrained_microscopynet_v1.0.pth.tar"),
        ("resnet50", "resnet50_pretrained_microscopynet_v1.1.pth.tar"),
        ("resnext101_32x8d", "resnext101_pretrained_microscopynet_v1.0.pth.tar"),
    ):
        assert micronet_file(encoder).address == folder + name
    assert set(ENCODERS) <= set(encoders)


def test_a_file_behind_an_address_is_fetched_once(tmp_path, monkeypatch):
    source = tmp_path / "there" / "weights.pth"
    source.parent.mkdir()
    source.write_bytes(b"weights")
    fetched = []

    def fetch(address, path, hash_prefix, progress):
        fetched.append((address, hash_prefix))
        shutil.copy(source, path)

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    monkeypatch.setattr(fetching, "_require_reach", lambda address: None)
    file = UrlFile("https://example.org/a/weights.pth?x=1", "abc")
    assert file.path() == file.path() == tmp_path / "cache" / "checkpoints" / "weights.pth"
    assert fetched == [("https://example.org/a/weights.pth?x=1", "abc")]


@pytest.mark.parametrize("failure", [RuntimeError("invalid hash value"), OSError("disk is full")])
def test_a_download_that_fails_is_told(tmp_path, monkeypatch, failure):
    def fail(*_arguments, **_settings):
        raise failure

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    monkeypatch.setattr(fetching, "_require_reach", lambda address: None)
    with pytest.raises(UnavailableError, match=f"cannot be fetched .{failure}"):
        UrlFile("https://example.org/weights.pth").path()
