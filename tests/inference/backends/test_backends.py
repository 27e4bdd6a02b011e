"""Every backend answers what the network answers, at every size."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from emseg.bundle import load_model
from emseg.bundle.exports import FILES
from emseg.config import ExportKind
from emseg.errors import ModelError
from emseg.inference.backends.agreement import agreement_of
from emseg.inference.backends.folded import folded
from emseg.inference.backends.with_onnxruntime import OnnxRuntimeBackend
from emseg.inference.backends.with_openvino import OpenVinoBackend
from emseg.inference.backends.with_torch import TorchBackend

SEGMENTER = [(1, 1, 256, 256), (2, 1, 128, 320), (3, 1, 64, 96), (1, 1, 416, 80)]
CLASSIFIER = [(1, 1, 224, 224), (5, 1, 224, 224)]
CASES = [("superalloy", shape) for shape in SEGMENTER]
CASES += [("steel_classes", shape) for shape in CLASSIFIER]


def opened(name, folder):
    if name == "torch":
        cpu = torch.device("cpu")
        return TorchBackend(folded(load_model(folder), cpu), cpu)
    if name == "onnxruntime":
        return OnnxRuntimeBackend(folder / "model.onnx", 1)
    if name == "openvino":
        return OpenVinoBackend(folder / "model.onnx", 1)
    names = FILES[ExportKind.OPENVINO]
    return OpenVinoBackend([(folder / name).read_bytes() for name in names], 1)


@pytest.fixture(scope="module")
def backends(exported_folders):
    kinds = ("torch", "onnxruntime", "openvino", "openvino's own")
    return {
        (name, kind): opened(kind, folder)
        for name, folder in exported_folders.items()
        for kind in kinds
    }


@pytest.fixture(scope="module")
def networks(exported_folders):
    return {name: load_model(folder).network for name, folder in exported_folders.items()}


def structured(shape):
    rng = np.random.default_rng(4)
    y, x = np.mgrid[: shape[2], : shape[3]]
    waves = np.sin(y / 11) * np.cos(x / 7)
    return (waves + 0.5 * rng.standard_normal(shape)).astype(np.float32)


@pytest.mark.parametrize("kind", ["torch", "onnxruntime", "openvino", "openvino's own"])
@pytest.mark.parametrize(("name", "shape"), CASES)
def test_a_backend_answers_what_the_network_does(backends, networks, kind, name, shape):
    batch = structured(shape)
    with torch.inference_mode():
        expected = networks[name](torch.from_numpy(batch)).numpy()
    found = backends[name, kind].compute(batch)
    assert found.dtype == np.float32
    assert agreement_of(expected, found).difference <= 1e-4
    assert agreement_of(expected, found).share >= 0.999
    assert expected.std() > 0.1  # a network that says nothing would agree with anything


@pytest.mark.parametrize("kind", ["torch", "onnxruntime", "openvino"])
def test_answers_stay_as_they_were_when_the_next_batch_is_asked(backends, kind):
    backend = backends["superalloy", kind]
    batches = [structured((1, 1, 64, 64)) + shift for shift in (0, 1)]
    first, second = backend.scores(batches)
    np.testing.assert_array_equal(first, backend.compute(batches[0]))
    assert np.abs(first - second).max() > 0.01


@pytest.mark.parametrize("kind", ["torch", "onnxruntime", "openvino"])
@pytest.mark.parametrize("shape", [(1, 1, 50, 64), (1, 2, 64, 64)])
def test_a_size_that_a_network_does_not_take_is_told(backends, kind, shape):
    with pytest.raises(ModelError, match=rf"{shape[2]} x 64 pixels"):
        backends["superalloy", kind].compute(structured(shape))


@pytest.mark.parametrize("backend", [OnnxRuntimeBackend, OpenVinoBackend])
def test_a_file_that_is_no_network_is_told(backend, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(ModelError, match="cannot open the model"):
        backend(path, 1)


def test_openvino_computes_in_float32_where_it_would_take_bfloat16(backends):
    assert backends["superalloy", "openvino"].precision == "float32"
    shape = SEGMENTER[0]
    found = backends["superalloy", "openvino"].compute(structured(shape))
    expected = backends["superalloy", "torch"].compute(structured(shape))
    assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()


_WITHOUT_TORCH = """
import json, sys
from pathlib import Path
import numpy as np
from emseg.inference.backends.with_{name} import {cls}
backend = {cls}(Path(sys.argv[1]), 1)
scores = backend.compute(np.zeros((1, 1, 64, 64), np.float32))
print(json.dumps([list(scores.shape), "torch" in sys.modules]))
"""


@pytest.mark.parametrize(
    ("name", "cls"), [("onnxruntime", "OnnxRuntimeBackend"), ("openvino", "OpenVinoBackend")]
)
def test_a_batch_is_predicted_without_torch(exported_folders, name, cls):
    path = exported_folders["superalloy"] / "model.onnx"
    code = _WITHOUT_TORCH.format(name=name, cls=cls)
    command = [sys.executable, "-c", code, str(path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    shape, has_torch = json.loads(said.stdout)
    assert (shape[0], shape[2:]) == (1, [64, 64])
    assert not has_torch
