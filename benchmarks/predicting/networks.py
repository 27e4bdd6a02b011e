"""The network of a model folder as a function of a batch, by the libraries alone.

    python -m benchmarks.predicting.networks MODEL network.onnx     # exports it

``eager`` is what a script does that builds and loads; ``torch`` is the best of eager PyTorch:
channels last, and the batch norms folded into the convolutions before them.
"""

import json
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Scores (N, K, Y, X) of a batch (N, 1, Y, X)."""

KINDS = ("eager", "torch", "onnxruntime", "openvino")
_SAME = 1e-3  # of the scores: folding that goes wrong shows far above


def load(kind: str, model: Path, onnx: Path, threads: int) -> Network:
    """Load a network.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    model : Path
        A folder with config.json and model.safetensors: a U-Net on ResNet-34.
    onnx : Path
        The same as ONNX, for the backends that want it; an OpenVINO file (.xml) may be here too.
    threads : int
        Of the processor.
    """
    if kind == "onnxruntime":
        return _onnxruntime(onnx, threads)
    if kind == "openvino":
        return _openvino(onnx, threads)
    return _torch(model, threads, fast=kind == "torch")


def build(model: Path) -> Any:
    """Build the network as segmentation-models-pytorch has it, and load the weights."""
    import segmentation_models_pytorch as smp
    from safetensors.torch import load_file

    classes = len(json.loads((model / "config.json").read_text())["classes"])
    network = smp.Unet("resnet34", encoder_weights=None, in_channels=1, classes=classes)
    network.load_state_dict(load_file(model / "model.safetensors"))
    return network.eval()


def _torch(model: Path, threads: int, *, fast: bool) -> Network:
    import torch

    torch.set_num_threads(threads)
    network = build(model)
    if fast:
        network = _folded(network).to(memory_format=torch.channels_last)

    def answer(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        image = torch.from_numpy(batch)
        if fast:
            image = image.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            return network(image).numpy()

    return answer


def _folded(network: Any) -> Any:
    """Fold each batch norm that stands behind a convolution, and see that the answers stay."""
    import torch
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    image = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        before = network(image)
    modules = list(network.named_modules())
    for (name, first), (norm, second) in pairwise(modules):
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            network.set_submodule(name, fuse_conv_bn_eval(first, second))
            network.set_submodule(norm, nn.Identity())
    with torch.inference_mode():
        after = network(image)
    if not torch.allclose(before, after, atol=_SAME, rtol=_SAME):
        raise SystemExit("folding changed the answers of the network")
    return network


def _onnxruntime(onnx: Path, threads: int) -> Network:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    (name,) = (each.name for each in session.get_inputs())
    return lambda batch: session.run(None, {name: batch})[0]


def _openvino(path: Path, threads: int) -> Network:
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",  # bfloat16 by default, where the processor has it
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    request = compiled.create_infer_request()
    return lambda batch: request.infer([batch], share_inputs=True, share_outputs=True)[0]


def export(model: Path, onnx: Path) -> None:
    """Write the network as ONNX, any batch, height and width."""
    import torch

    dynamic = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            build(model),
            (torch.randn(2, 1, 64, 96),),
            str(onnx),
            dynamo=True,
            external_data=False,
            dynamic_shapes=(dynamic,),
            verbose=False,
        )


def versions(*packages: str) -> str:
    """Say which versions of packages this Python has."""
    found = []
    for name in packages:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
