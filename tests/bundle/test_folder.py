"""A model is a folder that is whole, unchanged, or refused."""

import hashlib
import json
import os
import pickle
import shutil
import socket

import pytest
import safetensors.torch
import torch
from pydantic import ValidationError
from torch.overrides import TorchFunctionMode

import emseg.bundle.contents
import emseg.bundle.folder
from emseg.bundle import (
    Architecture,
    CardClass,
    ModelCard,
    find_model,
    load_model,
    read_card,
    save_model,
)
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


def test_the_readme_says_what_chance_is_and_that_a_run_was_interrupted(tmp_path, network):
    names = ("images", "validation_images", "steps", "planned_steps", "best_step", "seed", "batch")
    record = dict.fromkeys(names, 1) | {"fingerprint": "0", "crop": 64, "learning_rate": 0.1}
    record |= {"device": "CPU", "torch": "2", "seconds": 60, "interrupted": True, "chance": 0.25}
    save_model(tmp_path, card(training=record, scores={"mean_iou": 0.5}), network)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "in 1.0 minutes on CPU (torch 2), interrupted before its end" in text
    assert "| mean_iou | 0.5000 |\n| one class always and everywhere | 0.2500 |" in text


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
    assert "is no file of safetensors" in refusal(folder)


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
    assert "model.safetensors is a folder and no regular file" in refusal(folder)


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


def damaged(folder, name, index, value):
    """Put a number into the weights, and let the card describe the changed file."""
    path = folder / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    tensors[name].view(-1)[index] = value
    content = safetensors.torch.save(tensors, metadata={"format": "pt"})
    path.write_bytes(content)
    edit(folder, sha256=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("head.weight", float("nan"), "1 of 8 numbers in head.weight that are infinite or no"),
        ("head.bias", float("inf"), "1 of 2 numbers in head.bias that are infinite or no"),
        ("down.0.1.running_var", -1.0, "1 of 8 numbers in down.0.1.running_var that are no var"),
        ("down.0.1.running_mean", float("-inf"), "in down.0.1.running_mean that are infinite"),
    ],
)
def test_weights_that_no_training_leaves_are_refused(folder, name, value, said):
    damaged(folder, name, 1, value)
    assert said in refusal(folder)


def test_weights_that_are_no_numbers_are_not_saved(tmp_path, network):
    with torch.no_grad():
        network.head.bias[0] = float("nan")
    with pytest.raises(ModelError, match=r"1 of 2 numbers in head\.bias"):
        save_model(tmp_path / "m", card(), network)
    assert not (tmp_path / "m").exists()


def test_weights_of_another_kind_of_number_are_refused(folder):
    path = folder / "model.safetensors"
    tensors = {name: each.double() for name, each in safetensors.torch.load_file(path).items()}
    path.write_bytes(safetensors.torch.save(tensors))
    edit(folder, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    assert "holds torch.float64, and the network torch.float32" in refusal(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "folder", "loop", "nothing"])
def test_what_is_no_regular_file_is_refused_and_not_waited_for(folder, name, kind, monkeypatch):
    path = folder / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "socket":
        monkeypatch.chdir(folder)  # the address of a socket is short
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(name)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path if kind == "loop" else "nowhere")
    said = {
        "pipe": f"{name} is a named pipe and no regular file",
        "device": f"{name} is a device and no regular file",
        "socket": "it is a socket",
        "folder": f"{name} is a folder and no regular file",
        "loop": "it is a link that leads back to itself",
        "nothing": "is a link to nothing" if name == "config.json" else "has no model.safetensors",
    }
    assert said[kind] in refusal(folder)


def test_a_link_to_a_file_is_as_good_as_the_file(folder, tmp_path):
    (folder / "model.safetensors").rename(tmp_path / "blob")
    (folder / "model.safetensors").symlink_to(tmp_path / "blob")
    assert load_model(folder).folder == folder


def test_a_card_of_gigabytes_is_not_read(folder):
    with (folder / "config.json").open("r+b") as file:
        file.truncate(4 << 30)  # a hole, which takes no room on the disk
    assert "has 4,295 MB, and such a file has at most 17" in refusal(folder)


def test_weights_that_do_not_fit_into_memory_are_not_read(folder, monkeypatch):
    monkeypatch.setattr(emseg.bundle.contents, "free_bytes", lambda: 10_000)
    (folder / "model.safetensors").write_bytes(bytes(1 << 20))
    assert "of memory and 0 MB are free" in refusal(folder)


def test_a_header_that_claims_gigabytes_is_refused(folder):
    content = (1 << 40).to_bytes(8, "little") + b"{}"
    (folder / "model.safetensors").write_bytes(content)
    edit(folder, sha256=hashlib.sha256(content).hexdigest())
    assert "is no file of safetensors" in refusal(folder)


@pytest.mark.parametrize(
    ("architecture", "task"),
    [
        ({"name": "unet", "options": {"width": 4096, "depth": 5}}, "segmentation"),
        ({"name": "densenet", "options": {"blocks": 4096, "convolutions": 4096}}, "classification"),
        ({"name": "vgg19"}, "classification"),
        ({"name": "vit_giant_patch14_224"}, "classification"),
        ({"name": "unet", "encoder": "efficientnet-b7"}, "segmentation"),
    ],
)
def test_a_network_that_is_not_that_of_its_weights_is_not_built(
    folder, monkeypatch, architecture, task
):
    made = 0

    class Counting(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            nonlocal made
            answer = func(*args, **(kwargs or {}))
            is_new = func in (torch.empty, torch.zeros, torch.ones, torch.randn)
            made += answer.nbytes if is_new and not answer.is_meta else 0
            return answer

    edit(folder, architecture=architecture, task=task)
    with Counting():
        said = refusal(folder)
    assert "it has more than" in said
    assert made < 20e6


BEYOND = [
    ({"in_channels": 5000}, "in_channels: "),
    ({"halo": -1}, "halo: "),
    ({"halo": 10**9}, "halo: "),
    ({"tile": 10**12}, "tile: "),
    ({"tile": 32, "halo": 24}, "a tile of 32 pixels keeps nothing inside a halo of 24"),
    ({"stride": 0}, "stride: "),
    ({"stride": 4096}, "stride: "),
    ({"crop": 1 << 16}, "crop: "),
    ({"tile": 1 << 16, "global_context": True}, "a tile of 65536 pixels is more than 4096"),
    ({"pixel_size_nm": [-1, 1]}, "pixel_size_nm.0: "),
    ({"pixel_size_nm": [1, float("nan")]}, "pixel_size_nm.1: "),
    ({"pixel_size_nm": [1e-300, 1]}, "pixel_size_nm.0: "),
    ({"pixel_size_nm": [1, 1e300]}, "pixel_size_nm.1: "),
    ({"intensity": "vibes"}, "intensity: "),
    ({"polarity": {"quantiles": [[float("inf")] * 31], "reach": 1}}, "polarity.quantiles.0.0: "),
    ({"polarity": {"quantiles": [[0] * 31] * 2, "reach": 1}}, "polarity is of 2 channels"),
    ({"polarity": {"quantiles": [[0] * 3], "reach": 1}}, "polarity.quantiles.0: "),
    ({"scores": {"a": float("nan")}}, "scores.a: "),
    ({"licence": "MIT\nevil: yes"}, "licence: "),
    ({"licence": "M" * 101}, "licence: "),
    ({"channels": ["\x1b[2J"]}, "channels.0: "),
    ({"pixel_size_source": "x" * 5000}, "pixel_size_source: "),
    ({"\x1b[31mextra": 1}, r"\x1b[31mextra: Extra inputs"),
]


@pytest.mark.parametrize(("changes", "said"), BEYOND, ids=[said for _, said in BEYOND])
def test_numbers_and_texts_beyond_their_bounds_are_refused(folder, changes, said):
    edit(folder, **changes)
    message = refusal(folder)
    assert said in message
    assert "\x1b" not in message
    assert len(message) < 600 + len(str(folder))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "the class name '' is empty"),
        ("a" * 101, "has 101 characters, and 100 are allowed"),
        ("\x1b[31mred", r"the class name '\x1b[31mred' holds characters that cannot be shown"),
        ("two\nlines", r"'two\nlines' holds"),
        ("\u202egnp.exe", r"'\u202egnp.exe' holds"),
        ("half \ud800", "unable to parse raw data as a unicode string"),
    ],
)
def test_a_class_name_that_cannot_be_shown_is_in_no_card(name, said):
    with pytest.raises(ValidationError) as caught:
        CardClass(name=name, colour=(0, 0, 0))
    assert said in str(caught.value)


def test_a_class_name_may_be_of_any_script():
    for name in ("γ′ phase", "膜", "غشاء", "100 nm – 1 µm", "=1+1", "a/b"):
        assert CardClass(name=name, colour=(0, 0, 0)).name == name


def test_more_classes_than_a_table_holds_are_refused(folder):
    classes = [{"name": f"c{n}", "colour": [0, 0, 0], "values": [n]} for n in range(1001)]
    edit(folder, classes=classes)
    assert "classes: " in refusal(folder)


def test_a_card_is_read_without_its_weights(folder):
    (folder / "model.safetensors").unlink()
    assert read_card(folder.parent).classes == card().classes


class TestFinding:
    @pytest.fixture
    def run(self, tmp_path):
        """A run folder with all that a training leaves, as far as finding it is concerned."""
        run = tmp_path / "runs" / "unet-1"
        (run / "model").mkdir(parents=True)
        for name in ("config.json", "model.safetensors", "README.md"):
            (run / "model" / name).touch()
        for name in ("train.toml", "metrics.csv"):
            (run / name).touch()
        return run

    @pytest.mark.parametrize(
        "name", ["", "model", "model/config.json", "model/model.safetensors", "train.toml"]
    )
    def test_whatever_is_named_of_a_run(self, run, name):
        assert find_model(run / name) == run / "model"

    def test_a_folder_with_one_run(self, run, caplog):
        assert find_model(run.parent) == run / "model"
        assert f"holds one, which is taken: {run}" in caplog.text

    def test_a_folder_with_several_runs_says_which(self, run):
        for number in (10, 2):
            shutil.copytree(run, run.with_name(f"unet-{number}"))
        os.utime(run.with_name("unet-2"), (0, 4e9))
        with pytest.raises(ModelError) as refused:
            find_model(run.parent)
        names = ", ".join(str(run.with_name(f"unet-{number}")) for number in (1, 2, 10))
        newest = run.with_name("unet-2")
        assert str(refused.value) == (
            f"{run.parent} holds 3 models: {names}; name one, the newest is {newest}"
        )

    def test_what_is_near_a_missing_model_is_listed(self, run):
        with pytest.raises(PathMissingError, match=r"unet-7; .*runs holds unet-1; give a model"):
            find_model(run.with_name("unet-7"))

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("net.pth", "weights alone go behind --pretrained"),
            ("a.png", "is a file and no model; give a model folder .*, before the micrographs"),
            ("stopped/train.toml", "is a file and no model"),
            ("stopped", "is a run that left no model"),
        ],
    )
    def test_what_is_no_model_is_told_apart(self, tmp_path, name, words):
        (tmp_path / "stopped").mkdir()
        for each in ("net.pth", "a.png", "stopped/train.toml"):
            (tmp_path / each).touch()
        with pytest.raises(ModelError, match=words):
            find_model(tmp_path / name)
