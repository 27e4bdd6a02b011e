"""ONNX Runtime: processors of any maker, without torch."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from emseg.bundle import StoredModel
from emseg.bundle.contents import read_content
from emseg.bundle.exports import read_export
from emseg.config import ExportKind
from emseg.inference.backends.backend import Backend, Wanted
from emseg.inference.backends.refusing import refusal, require_precision, require_size
from emseg.inference.backends.threads import threads_for

_PRECISIONS = {"float32": ExportKind.ONNX, "int8": ExportKind.INT8}


class OnnxRuntimeBackend(Backend):
    """A network as ONNX, computed by ONNX Runtime on the processor.

    Parameters
    ----------
    model : Path or bytes
        The file, or its content; one input (N, C, Y, X), one output.
    threads : int
        How many compute.
    precision : str
        In what numbers the file computes: ``"float32"`` or ``"int8"``.

    Raises
    ------
    ModelError
        When the file is no network that it knows.
    MemoryError
        When it does not fit.
    """

    name = "onnxruntime"

    def __init__(self, model: Path | bytes, threads: int, precision: str = "float32") -> None:
        content = model if isinstance(model, bytes) else read_content(model)
        try:
            self._session = onnxruntime.InferenceSession(
                content, _settings(threads), providers=["CPUExecutionProvider"]
            )
            self._input = self._session.get_inputs()[0].name
        except Exception as error:  # its errors have no common base
            raise refusal(self.name, error) from error
        self.device = f"CPU, {threads} thread{'s' * (threads > 1)}"
        self.precision = precision

    def compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Answer one batch; see `Backend`."""
        try:
            answer: NDArray[np.float32] = self._session.run(None, {self._input: batch})[0]
        except Exception as error:  # its errors have no common base
            raise refusal(self.name, error, batch) from error
        return require_size(answer, batch)


def opened(model: StoredModel, wanted: Wanted) -> OnnxRuntimeBackend:
    """Open the export of a model that computes in the precision that is wanted.

    Raises
    ------
    UsageError
        When it does not compute so.
    ModelError
        When there is no such export, or it is not of these weights.
    """
    require_precision(wanted.precision, _PRECISIONS)
    kind = _PRECISIONS[wanted.precision]
    (content,) = read_export(model.folder, kind, model.card.sha256)
    return OnnxRuntimeBackend(content, threads_for(wanted.threads), wanted.precision)


def _settings(threads: int) -> Any:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    settings.log_severity_level = 4  # what it says otherwise is raised too
    # a thread that spins while it waits takes its core from other programs
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return settings
