"""OpenVINO: the processors of Intel foremost, without torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.bundle import StoredModel
from emseg.bundle.contents import read_content
from emseg.bundle.exports import read_export, read_exports
from emseg.config import ExportKind
from emseg.errors import UsageError
from emseg.inference.backends.backend import Backend, Wanted
from emseg.inference.backends.openvino_alone import openvino_alone, openvino_core
from emseg.inference.backends.refusing import refusal, require_precision, require_size
from emseg.inference.backends.threads import threads_for

openvino = openvino_alone()
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}  # of what is not quantised


class OpenVinoBackend(Backend):
    """A network as ONNX or as OpenVINO's own files, computed by OpenVINO on the processor.

    Parameters
    ----------
    model : Path, or sequence of bytes
        A file of ONNX, or the content of one; or the content of an .xml and a .bin.
    threads : int
        How many compute.
    precision : str
        ``"float32"``; ``"bfloat16"`` on processors that have it, five times as fast where they
        multiply matrices of it; ``"int8"`` of a file that is.

    Raises
    ------
    UsageError
        When the processor has no such numbers.
    ModelError
        When the file is no network that it knows.
    MemoryError
        When it does not fit.
    """

    name = "openvino"

    def __init__(
        self, model: Path | Sequence[bytes], threads: int, precision: str = "float32"
    ) -> None:
        contents = (read_content(model),) if isinstance(model, Path) else tuple(model)
        numbers = _PRECISIONS[precision]
        try:
            core = openvino_core()
            compiled = core.compile_model(
                _parsed(core, contents), "CPU", _settings(threads, numbers)
            )
            self._request = compiled.create_infer_request()
            has = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        except Exception as error:  # RuntimeError as a rule, and TypeError of its bindings
            raise refusal(self.name, error) from error
        if has != numbers:
            raise UsageError(f"this processor does not compute in {precision}, but in {has}")
        self.device = f"CPU, {threads} thread{'s' * (threads > 1)}"
        self.precision = precision

    def compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Answer one batch; see `Backend`."""
        try:
            answer: NDArray[np.float32] = self._request.infer({0: batch}, share_inputs=True)[0]
        except Exception as error:  # RuntimeError as a rule, and TypeError of its bindings
            raise refusal(self.name, error, batch) from error
        return require_size(answer, batch)


def opened(model: StoredModel, wanted: Wanted) -> OpenVinoBackend:
    """Open the export of a model that computes in the precision that is wanted.

    Raises
    ------
    UsageError
        When it does not compute so.
    ModelError
        When there is no such export, or it is not of these weights.
    """
    require_precision(wanted.precision, _PRECISIONS)
    weights = model.card.sha256
    kind = ExportKind.INT8 if wanted.precision == "int8" else ExportKind.ONNX
    own = read_exports(model.folder).of(ExportKind.OPENVINO)
    if kind is ExportKind.ONNX and own is not None and own.weights_sha256 == weights:
        kind = ExportKind.OPENVINO
    contents = read_export(model.folder, kind, weights)
    return OpenVinoBackend(contents, threads_for(wanted.threads), wanted.precision)


def processor_precision() -> str:
    """Say in what numbers this processor computes fastest with the range of float32.

    OpenVINO's own choice, bfloat16 where the processor multiplies matrices of it (AMX, AVX-512
    BF16); float32 elsewhere.
    """
    own = openvino_core().get_property("CPU", "INFERENCE_PRECISION_HINT").to_string()
    return "bfloat16" if own == _PRECISIONS["bfloat16"] else "float32"


def _parsed(core: Any, contents: Sequence[bytes]) -> Any:
    if len(contents) == 1:
        return core.read_model(model=contents[0])
    weights = np.frombuffer(contents[1], np.uint8)
    return core.read_model(model=contents[0], weights=openvino.Tensor(weights))


def _settings(threads: int, numbers: str) -> dict[str, Any]:
    """Say everything that it would otherwise choose by the machine."""
    return {
        "INFERENCE_PRECISION_HINT": numbers,  # it takes bfloat16 by itself where that is fast
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,  # a bound thread waits for its core while another is free
    }
