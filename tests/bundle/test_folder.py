"""A model is a folder that is whole, unchanged, or refused."""

import hashlib
import json
import pickle

import pytest
import torch

import emseg.bundle.folder
from emseg.bundle import Architecture, CardClass, ModelCard, find_model, load_model, save_model
from emseg.config import Task
from emseg.errors import ModelError, PathMissingError
from emseg.networks import NetworkSpec, UNet, build_network


def card(**more):
    return ModelCard(
        **{
            "emseg": "0.1",
            "task": Task.SEGMENTATION,
            "architecture": Architecture(name="unet", options={"width": 4, "depth": 2}),
            "in_channels": 1,
            "classes": (
                CardClass(name="matrix", colour=(0, 0, 0), values=(0,)),
                CardClass(name="γ′ phase", colour=(1, 2, 3), values=(1, 2)),
            ),
            "crop": 64,
            "stride": 4,
            "halo": 24,
            "pixel_size_nm": (4.6, 4.6),
            "pixel_size_source": "the TIFF tags",
            "licence": "MIT",
        }
        | more
    )


@pytest.fixture
def network():
    torch.manual_seed(0)
    return UNet(1, 2, width=4, depth=2)


@pytest.fixture
def folder(tmp_path, network):
    save_model(tmp_path / "run" / "model", card(), network)
    return tmp_path / "run" / "model"


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def refusal(folder):
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_weights_and_card_come_back_exactly(folder, network):
    model = load_model(folder)
    assert model.card.model_copy(update={"sha256": ""}) == card()
    assert model.network.state_dict().keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        assert torch.equal(model.network.state_dict()[name], tensor), name
        assert model.network.state_dict()[name].dtype == tensor.dtype
    assert not model.network.training


def test_a_run_folder_is_as_good_as_its_model(folder):
    assert find_model(folder.parent) == find_model(folder) == folder
    assert load_model(folder.parent).folder == folder


def test_a_classifier_comes_back_too(tmp_path):
    spec = NetworkSpec(Task.CLASSIFICATION, "squeezenet1_1", None, 1, 2)
    network = build_network(spec)
    architecture = Architecture(name="squeezenet1_1")
    save_model(tmp_path / "m", card(task=Task.CLASSIFICATION, architecture=architecture), network)
    loaded = load_model(tmp_path / "m").network.state_dict()
    assert all(torch.equal(loaded[name], t) for name, t in network.state_dict().items())


def test_the_card_says_what_prediction_needs(folder):
    said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert {
        *("task", "architecture", "in_channels", "classes", "pixel_size_nm", "pixel_size_source"),
        *("intensity", "tile", "halo", "stride", "receptive_field", "training", "scores"),
        *("licence", "emseg", "sha256", "global_context"),
    } <= said.keys()
    assert said["architecture"] == {
        "name": "unet",
        "encoder": None,
        "options": {"width": 4, "depth": 2},
    }
    assert said["classes"][1] == {"name": "γ′ phase", "colour": [1, 2, 3], "values": [1, 2]}
    assert (said["intensity"], said["pixel_size_nm"]) == ("zscore", [4.6, 4.6])


def test_the_readme_names_the_classes_and_the_pixel_size(folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\nlibrary_name: emseg\n")
    assert "license: MIT" in text
    assert "matrix, γ′ phase" in text
    assert "4.6 nm, from the TIFF tags" in text


def test_the_folder_holds_three_files_and_no_pickle(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]


def test_nothing_is_unpickled(folder):
    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("a pickle was opened",)

    content = pickle.dumps(Bomb())
    (folder / "model.safetensors").write_bytes(content)
    edit(folder, sha256=hashlib.sha256(content).hexdigest())
    assert "does not fit the network" in refusal(folder)


def test_changed_weights_are_refused(folder):
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-5] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert "sha256 differs" in refusal(folder)


def test_truncated_weights_are_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    assert "sha256 differs" in refusal(folder)


def test_missing_weights_are_refused(folder):
    (folder / "model.safetensors").unlink()
    assert "has no model.safetensors; copy the whole model folder" in refusal(folder)


def test_weights_that_cannot_be_read_are_refused(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    assert "cannot be read" in refusal(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"classes": []}, "classes: "),
        ({"in_channels": 0}, "in_channels: "),
        ({"task": "dancing"}, "task: "),
        ({"attention": True}, "attention: Extra inputs"),
        ({"architecture": {"name": "unett", "encoder": "resnet18"}}, "unett"),
        ({"architecture": {"name": "unet", "encoder": "resnet-18"}}, "resnet-18"),
        ({"architecture": {"name": "unet", "options": {"wide": 3}}}, "wide"),
        ({"architecture": {"name": "unet", "options": {"width": 8, "depth": 2}}}, "does not fit"),
        ({"architecture": {"name": "nonet"}, "task": "classification"}, "nonet"),
        (
            {
                "architecture": {"name": "resnet18", "options": {"checkpoint_path": "evil.pth"}},
                "task": "classification",
            },
            "checkpoint_path",
        ),
    ],
)
def test_a_card_that_describes_another_network_is_refused(folder, changes, said):
    edit(folder, **changes)
    assert said in refusal(folder)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"{}"])
def test_a_broken_card_is_refused(folder, text):
    (folder / "config.json").write_bytes(text)
    assert "is no card of an emseg model" in refusal(folder)


def test_a_folder_without_a_model_is_refused(tmp_path):
    assert "holds no model" in refusal(tmp_path)
    with pytest.raises(PathMissingError, match=r"there is no model .*nowhere"):
        load_model(tmp_path / "nowhere")


def test_saving_fails_whole(folder, network, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(_card):
        raise OSError("the disk is full")

    monkeypatch.setattr(emseg.bundle.folder, "model_readme", full)
    with pytest.raises(OSError, match="the disk is full"):
        save_model(folder, card(licence="other"), network)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_saving_replaces_the_whole_folder(folder, network):
    (folder / "leftover.txt").write_text("old")
    saved = save_model(folder, card(halo=8), network)
    assert not (folder / "leftover.txt").exists()
    assert load_model(folder).card == saved


def test_weights_in_another_memory_order_are_the_same_weights(tmp_path):
    network = UNet(1, 2, width=4, depth=2).to(memory_format=torch.channels_last)
    save_model(tmp_path / "m", card(), network)
    loaded = load_model(tmp_path / "m").network.state_dict()
    assert all(torch.equal(loaded[name], t) for name, t in network.state_dict().items())
