"""``emseg predict`` with each backend, and without what others need."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emseg.reading.stacks.label_images import read_label_images

CPU_BACKENDS = ("openvino", "onnxruntime")
_CHILD = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
from emseg.cli import main
try:
    main({arguments!r})
except SystemExit as ended:
    print("code", ended.code or 0)
print("torch" if sys.modules.get("torch") else "no torch")
"""


@pytest.fixture
def predicted(repository: Path, tmp_path: Path):
    """Predict the test image of a shipped model in a process that lacks some packages."""
    model = repository / "tests" / "models" / "superalloy"

    def predict(*options, blocked=()):
        arguments = [
            "predict",
            model,
            model / "test_input.tif",
            "--out",
            tmp_path / "out",
            *options,
        ]
        child = _CHILD.format(blocked=blocked, arguments=[str(each) for each in arguments])
        ran = subprocess.run(
            [sys.executable, "-c", child], capture_output=True, text=True, timeout=250
        )
        assert "code 0" in ran.stdout, ran.stderr
        (found,) = read_label_images(tmp_path / "out" / "test_input.ome.tif")
        (expected,) = read_label_images(model / "expected.ome.tif")
        assert np.mean(found.pixels == expected.pixels) >= 0.999
        return ran.stdout + ran.stderr

    return predict


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_a_backend_of_the_processor_needs_no_torch(predicted, backend):
    said = predicted("--backend", backend, blocked=("torch",))
    assert f"backend: {backend}, device: CPU" in said
    assert "no torch" in said


def test_auto_takes_the_first_that_is_there_and_says_why_not_the_others(predicted):
    assert "backend: openvino" in predicted("--device", "cpu")


def test_without_one_package_the_next_backend_computes(predicted):
    said = predicted("--device", "cpu", blocked=("openvino",))
    assert "backend: onnxruntime" in said
    assert "openvino" in said.replace("backend: onnxruntime", "")


def test_without_any_runtime_torch_computes_as_before(predicted):
    said = predicted("--device", "cpu", blocked=CPU_BACKENDS)
    assert "backend: torch" in said
    assert "neither openvino nor onnxruntime in float32: not installed" in said
