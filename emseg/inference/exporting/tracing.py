"""Networks of PyTorch as ONNX: one file, any number of images, any height and width."""

import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emseg.errors import ModelError, UsageError
from emseg.memory import is_shortage
from emseg.naming import visible

OPSET = 18
"""Version of the operators; OpenVINO and ONNX Runtime have read it since 2023."""

INPUT, OUTPUT = "image", "scores"
_SIZES = {0: "images", 2: "height", 3: "width"}


def as_onnx(network: nn.Module, image: Tensor) -> Iterator[bytes]:
    """Export a network, in one way after the other, until the caller is content with one.

    The tracer comes first: it takes a tenth of the time of the exporter that follows the code,
    whose files are no faster; where it wires a size of this image into the file, the comparison
    shows it.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode, on the CPU.
    image : Tensor, shape (2, C, Y, X)
        That it takes.

    Yields
    ------
    bytes
        The content of a file.

    Raises
    ------
    UsageError
        When ONNX is not installed, which both ways need.
    ModelError
        When there is none, with what the tracer said.
    """
    if find_spec("onnx") is None:
        raise UsageError("an export needs ONNX: pip install 'emseg[export]'")
    reason, count = "", 0
    for export in (_traced, _followed):
        try:
            with _quiet(), torch.no_grad():
                content = export(network, image)
        except Exception as error:  # whatever the exporters say to a network
            if is_shortage(error):
                raise MemoryError(str(error)) from error
            lines = [line for line in str(error).splitlines() if line.strip()]
            reason = reason or visible(lines[0].strip() if lines else type(error).__name__)
            continue
        count += 1
        yield content
    if not count:
        raise ModelError(f"the network cannot be exported ({reason:.200}); it predicts with torch")


def _traced(network: nn.Module, image: Tensor) -> bytes:
    file: Any = io.BytesIO()  # which it takes, whatever its types say
    answered = {0: _SIZES[0]} if network(image).ndim == 2 else _SIZES
    torch.onnx.export(
        network,
        (image,),
        file,
        dynamo=False,
        opset_version=OPSET,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_axes={INPUT: _SIZES, OUTPUT: answered},
    )
    content: bytes = file.getvalue()
    return content


def _followed(network: nn.Module, image: Tensor) -> bytes:
    free: Any = torch.export.Dim.DYNAMIC
    program: Any = torch.onnx.export(
        network,
        (image,),
        dynamo=True,
        opset_version=OPSET,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes=(dict.fromkeys(_SIZES, free),),
        verbose=False,
    )
    model = program.model_proto
    for part in (*model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]  # the paths of this machine's libraries
    content: bytes = model.SerializeToString()
    return content


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what exporters print, warn and log from a user, to whom the outcome is told."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript")]
    levels = [each.level for each in loggers]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in loggers:
            each.setLevel(logging.CRITICAL)
        try:
            with redirect_stdout(nowhere), redirect_stderr(nowhere):
                yield
        finally:
            for each, level in zip(loggers, levels, strict=True):
                each.setLevel(level)
