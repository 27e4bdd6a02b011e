"""OpenVINO is imported without its converter, and tells nobody that it is used."""

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
