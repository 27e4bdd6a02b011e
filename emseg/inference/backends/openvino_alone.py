"""OpenVINO, imported without its converter of models.

The converter takes longer to import than the rest, and when it is imported it tells its makers over
the network that OpenVINO is used; a prediction needs neither, and NNCF works without them.
"""

from functools import cache
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


@cache
def openvino_core() -> Any:
    """Give what compiles networks: one in this process, which stays until it ends.

    The first network that a core compiles gives signals a stack of their own, on processors that
    multiply matrices of int8 and bfloat16 (AMX), and the core takes it away again in the end. When
    several of them end in the order in which they began, signals are left with memory that is gone,
    and Ctrl-C is a segmentation fault.

    Raises
    ------
    ImportError
        When OpenVINO is not installed.
    """
    return openvino_alone().Core()
