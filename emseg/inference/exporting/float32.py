"""``model.onnx`` and OpenVINO's own files: the network as it is, in float32."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emseg.bundle import StoredModel
from emseg.bundle.exports import (
    FILES,
    Export,
    Reference,
    read_reference,
    write_reference,
)
from emseg.config import ExportKind
from emseg.errors import ModelError, UsageError
from emseg.inference.backends.agreement import Agreement, is_same
from emseg.inference.backends.folded import folded
from emseg.inference.backends.openvino_alone import openvino_alone, openvino_core
from emseg.inference.backends.threads import threads_for
from emseg.inference.exporting.comparing import answers_of, compared, keep
from emseg.inference.exporting.reference import fitted, stand_in
from emseg.inference.exporting.tracing import OPSET, as_onnx
from emseg.networks import FOREST


def export_model(
    model: StoredModel,
    kind: ExportKind = ExportKind.ONNX,
    image: NDArray[np.float32] | None = None,
    threads: int | None = None,
) -> Export:
    """Export the network of a model beside its weights, once every runtime agrees with it.

    Parameters
    ----------
    model : StoredModel
        In a folder.
    kind : ExportKind
        ``ONNX`` or ``OPENVINO``.
    image : array of float32, shape (C, Y, X), optional
        Normalised real pixels for the comparison; those of the last one, or drawn ones, by
        default.
    threads : int, optional
        Of the processor, for the comparison.

    Raises
    ------
    UsageError
        When ONNX is not installed, or no runtime to compare with; or for a forest.
    ModelError
        When the network cannot be exported, or a runtime disagrees.
    """
    card = model.card
    if card.architecture.name == FOREST.name:
        raise UsageError(
            f"{model.folder} is a forest, which is computed strip by strip, by PyTorch alone: it "
            "predicts as it is, and cannot be exported"
        )
    network = folded(model, torch.device("cpu"))
    references = answers_of(network, card, fitted(_pixels(model, image), card))
    threads = threads_for(threads)
    both = torch.from_numpy(references[-1].image)
    faults: list[str] = []
    for content in as_onnx(network, both):
        contents = (content,) if kind is ExportKind.ONNX else _as_openvino(content)
        try:
            found = compared(contents, references, threads)
        except ModelError as error:
            faults.append(str(error))
            continue
        if is_same(found):
            return _kept(model, kind, contents, references[0], found)
        faults.append(
            f"the export disagrees with the network: probabilities differ by up to "
            f"{found.difference:.2g}, {100 * found.share:.2f} % of the pixels get the same class"
        )
    raise ModelError(f"{faults[-1]}; it is not kept, and the model predicts with torch")


def _pixels(model: StoredModel, image: NDArray[np.float32] | None) -> NDArray[np.float32]:
    if image is not None:
        return image
    try:
        image = read_reference(model.folder, model.card.sha256).image[0]
    except ModelError:
        return stand_in(model.card)
    return image


def _kept(
    model: StoredModel,
    kind: ExportKind,
    contents: Sequence[bytes],
    reference: Reference,
    found: Agreement,
) -> Export:
    write_reference(model.folder, model.card.sha256, reference)
    return keep(model, kind, contents, found, precision="float32", opset=OPSET)


def _as_openvino(content: bytes) -> tuple[bytes, ...]:
    """Convert ONNX to the files that OpenVINO opens faster, all numbers as they are."""
    try:
        openvino = openvino_alone()
    except ImportError as error:
        raise UsageError("--to openvino needs OpenVINO: pip install 'emseg[cpu]'") from error
    names = FILES[ExportKind.OPENVINO]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in names]
        network = openvino_core().read_model(model=content)
        openvino.save_model(network, paths[0], compress_to_fp16=False)
        return tuple(path.read_bytes() for path in paths)
