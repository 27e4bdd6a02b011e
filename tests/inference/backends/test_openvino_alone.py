"""OpenVINO comes without its converter, tells nobody that it is used, and lets Ctrl-C pass."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("openvino")
_CODE = """
import socket, sys
def refuse(*_): raise AssertionError("somebody is told")
socket.socket.connect = socket.getaddrinfo = refuse
from emseg.inference.backends.with_openvino import openvino
assert openvino.Core().available_devices
held = [each for each in sys.modules if each.startswith(("openvino.tools", "openvino_telemetry"))]
assert not held, held
"""
_INTERRUPTED = """
import gc, os, signal, sys
from pathlib import Path
from emseg.inference.backends.with_openvino import OpenVinoBackend
opened = [OpenVinoBackend(Path(sys.argv[1]), 1) for _ in range(2)]
while opened:  # in the order in which they were opened, as ensembles and exports let them go
    del opened[0]
    gc.collect()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("heard")
"""


def test_openvino_is_imported_without_its_converter(tmp_path):
    environment = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _CODE],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())  # no number by which this machine is known


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_an_interruption_after_several_networks_is_heard(repository):
    network = repository / "tests" / "models" / "superalloy" / "model.onnx"
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, network], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr
