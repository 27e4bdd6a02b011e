"""The compiler of PyTorch is not imported for networks that are not compiled, and works after."""

import os
import subprocess
import sys

_BUILD = """
import sys
import torch
from emseg.config import Task
from emseg.networks import NetworkSpec, build_network

def answer(task, name, encoder=None):
    network = build_network(NetworkSpec(task, name, encoder, 1, 3, {})).eval()
    return tuple(network(torch.zeros(1, 1, 64, 64)).shape), network

shape, network = answer(Task.SEGMENTATION, "unet", "resnet18")
assert shape == (1, 3, 64, 64)
assert answer(Task.CLASSIFICATION, "regnetx_002")[0] == (1, 3)
assert answer(Task.CLASSIFICATION, "torchvision_squeezenet1_1")[0] == (1, 3)
assert not {"torch._dynamo", "torch._dynamo.utils", "sympy"} & set(sys.modules)
"""
_USE = """
from torchvision.ops import roi_align
boxes = torch.tensor([[0.0, 0.0, 0.0, 4.0, 4.0]])
image = torch.arange(64.0).reshape(1, 1, 8, 8)
assert roi_align(image, boxes, 1, aligned=True).item() == image[0, 0, :4, :4].mean()
assert sys.modules["torchvision.ops.roi_align"].is_compile_supported("cpu") in (True, False)

assert torch.compile(network, backend="eager")(torch.zeros(1, 1, 32, 32)).shape == (1, 3, 32, 32)
import torch._dynamo.utils
assert torch._dynamo.utils.counters["stats"]["calls_captured"] > 0
"""


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_compiler_is_not_imported_and_works_when_it_is_asked():
    """It would delay each prediction by seconds."""
    run(_BUILD + _USE)


def test_a_library_that_needs_the_compiler_at_once_gets_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    (tmp_path / "greedy.py").write_text(
        "import torch\n"
        "@torch.compiler.disable(reason='a test')\n"
        "def twice(value):\n"
        "    return 2 * value\n"
        "from torch._dynamo.utils import counters\n"
    )
    run(
        "from emseg.networks.imported import imported\n"
        "greedy = imported('greedy')\n"
        "import torch._dynamo.utils as after\n"
        "assert greedy.counters is after.counters\n"
        "assert greedy.twice(2) == 4\n"
    )
