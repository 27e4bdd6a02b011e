"""A training leaves model.onnx too, and what goes wrong with it costs the run nothing."""

import numpy as np
import pytest

from emseg.bundle import load_model
from emseg.bundle.exports import read_exports
from emseg.config import ExportKind, TrainConfig
from emseg.errors import ModelError
from emseg.inference.backends import open_backend
from emseg.training import exporting, train


@pytest.fixture
def nothing_exported():
    """Here it is written."""


@pytest.fixture
def config(folders, tmp_path):
    images, masks = folders(4)
    settings = {"crop_size": 32, "batch": 2, "steps": 2, "options": {"width": 2}}
    return TrainConfig(images=(images,), masks=(masks,), out=tmp_path / "run", **settings)


def test_a_run_leaves_an_export_of_its_weights(config, caplog):
    run = train(config, lambda _: None)
    folder = run.folder / "model"
    export = read_exports(folder).of(ExportKind.ONNX)
    assert export.weights_sha256 == run.card.sha256
    assert export.difference <= 1e-4
    assert caplog.text == ""
    model = load_model(folder)
    batch = np.random.default_rng(1).standard_normal((2, 1, 64, 32)).astype(np.float32)
    found, expected = (
        open_backend(model, backend=name, device="cpu", threads=1).backend.compute(batch)
        for name in ("onnxruntime", "torch")
    )
    assert found == pytest.approx(expected, abs=1e-4)


def test_an_export_that_fails_costs_the_run_nothing(config, caplog, monkeypatch):
    def refuse(*_, **__):
        raise ModelError("the network cannot be exported (an operator is missing)")

    monkeypatch.setattr(exporting, "export_model", refuse)
    run = train(config, lambda _: None)
    assert load_model(run.folder).card == run.card
    assert not (run.folder / "model" / "model.onnx").exists()
    assert "no model.onnx is written: the network cannot be exported" in caplog.text


def test_without_a_runtime_nothing_is_exported_or_said(config, caplog, monkeypatch):
    monkeypatch.setattr(exporting, "ENTRIES", ())
    run = train(config, lambda _: None)
    assert not (run.folder / "model" / "model.onnx").exists()
    assert caplog.text == ""
