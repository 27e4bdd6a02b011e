"""Exports beside the weights: the same network for runtimes that need no torch.

``exports.json`` says what each of them is, which weights it was made of, and how much its answers
differ from those of the network; a file that is not the one it describes is not used.
``reference.safetensors`` holds an image and what the network answers to it, by which a runtime
is checked on every machine anew.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError

from emseg.bundle.contents import problem_of, read_content
from emseg.bundle.onnx_files import points_elsewhere
from emseg.config import ExportKind
from emseg.errors import ModelError
from emseg.naming import LONGEST_TEXT
from emseg.writing import whole_file

RECORD = "exports.json"
REFERENCE = "reference.safetensors"
_LARGEST_RECORD = 1 << 20  # bytes
_LARGEST_REFERENCE = 1 << 30
_IN_MEMORY = 4.0  # times an export: the file, what a runtime parses of it, its own layout


FILES = {
    ExportKind.ONNX: ("model.onnx",),
    ExportKind.OPENVINO: ("openvino.xml", "openvino.bin"),
    ExportKind.INT8: ("model_int8.onnx",),
}
"""Names of the files of each export, always these: a record cannot point anywhere else."""

_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_max_length=LONGEST_TEXT
    )


class Export(_Part):
    """One export, and how well it answers.

    ``difference`` and ``agreement`` are those of the worst runtime and size that were tried when
    it was made; Dice is the mean over classes against masks, or, without masks, against the
    labels of the float network, of which ``dice_before`` is then 1.
    """

    kind: ExportKind
    sha256: tuple[_Sha256, ...] = Field(description="of its files", min_length=1, max_length=2)
    weights_sha256: _Sha256 = Field(description="of the weights that it was made of")
    precision: str = Field(description="of its numbers: float32 or int8")
    opset: int = Field(ge=1, le=1000)
    emseg: str = Field(description="version that made it")
    difference: float = Field(ge=0, description="largest, of probabilities")
    agreement: _Share = Field(description="share of pixels of the same class")
    dice_before: _Share | None = None
    dice_after: _Share | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if len(self.sha256) != len(FILES[self.kind]):
            raise ValueError(f"an export {self.kind} has {len(FILES[self.kind])} file(s)")
        return self


class Exports(_Part):
    """All exports of a model."""

    exports: tuple[Export, ...] = Field(default=(), max_length=len(ExportKind))
    reference_sha256: _Sha256 | None = Field(default=None, description=f"of {REFERENCE}")
    reference_weights_sha256: _Sha256 | None = Field(
        default=None, description="of the weights that answered"
    )

    def of(self, kind: ExportKind) -> Export | None:
        """Find the export of a kind."""
        return next((each for each in self.exports if each.kind is kind), None)

    def with_export(self, export: Export) -> Self:
        """Put an export in the place of an older one of its kind."""
        others = (each for each in self.exports if each.kind is not export.kind)
        return self.model_copy(update={"exports": (*others, export)})


@dataclass(frozen=True, slots=True)
class Reference:
    """An image, and what the network of a model answers to it in float32.

    Parameters
    ----------
    image : array of float32, shape (1, C, Y, X)
        Normalised.
    scores : array of float32, shape (1, K, Y, X), or (1, K) of a classifier
        Before softmax.
    """

    image: NDArray[np.float32]
    scores: NDArray[np.float32]


def read_exports(folder: Path) -> Exports:
    """Read what exports a model folder holds; without a record there are none.

    Raises
    ------
    ModelError
        When the record is damaged, or from a newer emseg.
    """
    path = folder / RECORD
    try:
        content = read_content(path, _LARGEST_RECORD)
    except FileNotFoundError:
        return Exports()
    try:
        return Exports.model_validate_json(content)
    except ValidationError as error:
        raise ModelError(
            f"{path} is no record of exports ({problem_of(error)}); it was "
            "changed, or a newer emseg wrote it: make them again with emseg export"
        ) from error


def read_export(folder: Path, kind: ExportKind, weights_sha256: str) -> tuple[bytes, ...]:
    """Read the files of an export, which are those that its record describes.

    Parameters
    ----------
    folder : Path
        The model folder.
    kind : ExportKind
        Which export.
    weights_sha256 : str
        Of the weights that the model has, as its card says.

    Returns
    -------
    tuple of bytes
        The content of each of ``FILES[kind]``.

    Raises
    ------
    ModelError
        When there is no such export, it was made of other weights, a file is missing or changed,
        or it keeps weights in other files.
    """
    export = read_exports(folder).of(kind)
    if export is None:
        raise ModelError(
            f"{folder} holds no {FILES[kind][0]}; make it: emseg export {folder} --to {kind}"
        )
    if export.weights_sha256 != weights_sha256:
        raise ModelError(
            f"{folder / FILES[kind][0]} was made of other weights than the model has now; make it "
            f"again: emseg export {folder} --to {kind}"
        )
    files = zip(FILES[kind], export.sha256, strict=True)
    contents = tuple(_described(folder / name, sha256) for name, sha256 in files)
    if FILES[kind][0].endswith(".onnx"):
        _require_alone(folder / FILES[kind][0], contents[0])
    return contents


def read_reference(folder: Path, weights_sha256: str) -> Reference:
    """Read the image by which a runtime is checked, and what the network answers to it.

    Raises
    ------
    ModelError
        When there is none, it is that of other weights, or it is damaged.
    """
    record, path = read_exports(folder), folder / REFERENCE
    if record.reference_sha256 is None:
        raise ModelError(f"{folder} holds no {REFERENCE}; make it with emseg export {folder}")
    if record.reference_weights_sha256 != weights_sha256:
        raise ModelError(
            f"{path} is what other weights than those of the model answered; make it again with "
            f"emseg export {folder}"
        )
    content = _described(path, record.reference_sha256)
    try:
        tensors = safetensors.numpy.load(content)
        image, scores = tensors["image"], tensors["scores"]
        if image.ndim != 4 or scores.ndim not in (2, 4) or not np.isfinite(scores).all():
            raise ValueError("no image, or no scores")
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ModelError(
            f"{path} is no reference of emseg; make it again with emseg export {folder}"
        ) from error
    return Reference(np.asarray(image, np.float32), np.asarray(scores, np.float32))


def write_reference(folder: Path, weights_sha256: str, reference: Reference) -> None:
    """Write the image by which a runtime is checked; whole or not at all."""
    content = safetensors.numpy.save(
        {
            "image": np.ascontiguousarray(reference.image),
            "scores": np.ascontiguousarray(reference.scores),
        }
    )
    _write(folder / REFERENCE, content)
    update = {"reference_sha256": sha256_of(content), "reference_weights_sha256": weights_sha256}
    _write_record(folder, _to_change(folder).model_copy(update=update))


def write_export(folder: Path, export: Export, contents: Sequence[bytes]) -> None:
    """Write an export, and then that it is there; whole or not at all.

    Parameters
    ----------
    folder : Path
        The model folder.
    export : Export
        With the hashes of the contents.
    contents : sequence of bytes
        Of each of ``FILES[export.kind]``.
    """
    for name, content in zip(FILES[export.kind], contents, strict=True):
        _write(folder / name, content)
    _write_record(folder, _to_change(folder).with_export(export))


def sha256_of(content: bytes) -> str:
    """Hash the content of a file, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _require_alone(path: Path, content: bytes) -> None:
    """Refuse a file by which a runtime would read others, anywhere on this machine."""
    try:
        fault = "keeps weights in other files" if points_elsewhere(content) else None
    except ValueError as error:
        fault = f"is no ONNX ({error})"
    if fault is not None:
        raise ModelError(
            f"{path} {fault} and is not opened, for emseg writes none such; make it again with "
            "emseg export"
        )


def _described(path: Path, sha256: str) -> bytes:
    try:
        content = read_content(
            path, _LARGEST_REFERENCE if path.name == REFERENCE else None, _IN_MEMORY
        )
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing; make it again with emseg export") from error
    if sha256_of(content) != sha256:
        raise ModelError(
            f"{path} is not the file that {RECORD} describes (sha256 differs): it was changed or "
            "damaged; make it again with emseg export"
        )
    return content


def _to_change(folder: Path) -> Exports:
    """Read the record that gets another entry; a damaged one begins anew, as its refusal says."""
    try:
        return read_exports(folder)
    except ModelError:
        return Exports()


def _write_record(folder: Path, exports: Exports) -> None:
    _write(folder / RECORD, (exports.model_dump_json(indent=2) + "\n").encode())


def _write(path: Path, content: bytes) -> None:
    with whole_file(path) as beside:
        beside.write_bytes(content)
