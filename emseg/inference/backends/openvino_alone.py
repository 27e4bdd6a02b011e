"""OpenVINO, imported without its converter of models.

The converter takes longer to import than the rest, and when it is imported it tells its makers over
the network that OpenVINO is used; a prediction needs neither, and NNCF works without them.
"""

from importlib import import_module
from typing import Any

from emseg.imports import without

NOT_NEEDED = frozenset({"openvino.tools", "openvino_telemetry"})
"""What is hidden from whatever imports OpenVINO."""


def openvino_alone() -> Any:
    """Import OpenVINO to read, compile and save models.

    Raises
    ------
    ImportError
        When it is not installed.
    """
    with without(NOT_NEEDED):
        return import_module("openvino")
