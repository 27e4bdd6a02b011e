"""``emseg export``: what is written agrees with the network; what costs too much is not kept."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from emseg.bundle import load_model, save_model
from emseg.bundle.exports import read_exports
from emseg.config import ExportKind
from emseg.inference.backends import open_backend


@pytest.fixture
def exporting(model, tmp_path, monkeypatch):
    """A working folder with a model of strong opinions, micrographs and masks."""
    monkeypatch.chdir(tmp_path)
    loaded = load_model(model)
    torch.manual_seed(1)
    for module in loaded.network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
    with torch.no_grad():  # which see as much of one class as of the other
        last = [each for each in loaded.network.modules() if isinstance(each, nn.Conv2d)][-1]
        last.bias -= loaded.network(torch.randn(1, 1, 128, 128)).mean(dim=(0, 2, 3))
    save_model(model, loaded.card, loaded.network)
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        mask = np.kron(rng.integers(0, 2, (12, 9)), np.ones((8, 8))).astype(np.uint8)
        image = (mask * 90 + rng.integers(0, 90, mask.shape)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    return tmp_path


@pytest.mark.parametrize(("kind", "name"), [("onnx", "model.onnx"), ("openvino", "openvino.xml")])
def test_an_export_is_written_and_used(exporting, emseg, kind, name):
    said = emseg("export", "model", "--to", kind, "--images", "images")
    assert said.code == 0, said.err
    assert f"written: model/{name} (float32" in said.out
    assert "100.00 % of the pixels get the same class" in said.out
    model = load_model(exporting / "model")
    choice = open_backend(model, device="cpu", threads=1)
    assert choice.backend.name == "openvino"
    image = np.random.default_rng(5).standard_normal((2, 1, 48, 80)).astype(np.float32)
    expected = open_backend(model, backend="torch", device="cpu", threads=1).backend.compute(image)
    assert choice.backend.compute(image) == pytest.approx(expected, abs=1e-4)


def test_int8_says_what_it_costs(exporting, emseg):
    options = ("--images", "images", "--masks", "masks", "--max-loss", "0.5")
    said = emseg("export", "model", "--to", "int8", *options, "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    record = read_exports(exporting / "model").of(ExportKind.INT8)
    assert told == json.loads(record.model_dump_json())
    assert 0 <= told["dice_after"] <= 1
    assert told["dice_before"] < 0.9  # against masks, of a network that never saw one
    model = load_model(exporting / "model")
    chosen = open_backend(model, device="cpu", threads=1, precision="int8").backend
    assert chosen.precision == "int8"
    choice = open_backend(model, device="cpu", threads=1)
    assert choice.backend.precision == "float32"
    assert "--precision int8" in choice.others[-1]


def test_int8_that_costs_too_much_is_not_kept(exporting, emseg):
    said = emseg("export", "model", "--to", "int8", "--images", "images", "--max-loss", "0")
    assert said.code == 4
    assert "more than --max-loss 0; it is not kept" in said.err
    assert "of its Dice (1.0000 to 0." in said.err
    assert read_exports(exporting / "model").of(ExportKind.INT8) is None
    assert not (exporting / "model" / "model_int8.onnx").exists()


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        (["--to", "onxx"], 2, "did you mean 'onnx'"),
        (["--to", "int8"], 2, "give --images"),
        (["--masks", "masks"], 2, "--to onnx costs nothing"),
        (["--to", "int8", "--masks", "masks", "--images", "none"], 2, "none"),
    ],
)
def test_what_does_not_fit_is_refused(exporting, refused, options, code, expected):
    assert expected in refused(code, "export", "model", *options)
