"""``model_int8.onnx``: numbers of eight bits, calibrated on micrographs, and what that costs.

Post-training quantisation of NNCF (https://github.com/openvinotoolkit/nncf): scales of the
activations from what the network sees, filters channel by channel, biases corrected. Its file of
ONNX is as fast in OpenVINO as OpenVINO's own files, and ONNX Runtime reads it too.
"""

import io
import logging
import os
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.bundle import StoredModel
from emseg.bundle.exports import (
    Export,
    read_export,
    read_reference,
)
from emseg.config import ExportKind
from emseg.errors import ContentError, ModelError, UsageError, first_line
from emseg.imports import without
from emseg.inference.backends.backend import Backend
from emseg.inference.backends.openvino_alone import NOT_NEEDED
from emseg.inference.backends.threads import threads_for
from emseg.inference.exporting.comparing import compared, keep, runtimes
from emseg.inference.exporting.float32 import export_model

_CALIBRATING = 32  # tiles; more change the scales little
_JUDGED = 64


@dataclass(frozen=True, slots=True)
class LabelledTile:
    """A piece of a user's micrograph.

    Parameters
    ----------
    image : array of float32, shape (C, Y, X)
        Normalised; Y and X are multiples of the stride.
    labels : array of integers, shape (Y, X), or None
        Class indices as a mask says them, and anything else where it says none.
    """

    image: NDArray[np.float32]
    labels: NDArray[Any] | None = None


def quantise_model(
    model: StoredModel,
    tiles: Sequence[LabelledTile],
    *,
    max_loss: float,
    threads: int | None = None,
    seed: int = 0,
) -> Export:
    """Export a model in int8, unless it loses too much by that.

    Parameters
    ----------
    model : StoredModel
        In a folder; it is exported in float32 too.
    tiles : sequence of LabelledTile
        Half of them calibrate, and the others are judged; a single one does both.
    max_loss : float
        Of the mean Dice over classes, against masks where all tiles have them, and against the
        labels of the model in float32 otherwise.
    threads : int, optional
        Of the processor.
    seed : int
        Of the choice of tiles.

    Raises
    ------
    UsageError
        When a package is missing, or there is no tile.
    ContentError
        When more Dice is lost.
    ModelError
        When the network cannot be quantised.
    """
    if not tiles:
        raise UsageError("int8 is calibrated on micrographs, and there is none: give --images")
    threads, sha256 = threads_for(threads), model.card.sha256
    export_model(model, image=tiles[0].image, threads=threads)
    (content,) = read_export(model.folder, ExportKind.ONNX, sha256)
    reference = read_reference(model.folder, sha256)
    order = np.random.default_rng(seed).permutation(len(tiles))
    half = max(1, len(tiles) // 2)
    calibrating = [tiles[i].image for i in order[: min(half, _CALIBRATING)]]
    judged = [tiles[i] for i in order[half:][:_JUDGED]] or [tiles[0]]
    quantised = _quantised(content, calibrating)
    before, after = _dice(content, quantised, judged, len(model.card.classes), threads)
    found = compared([quantised], [reference], threads, "int8")
    if before - after > max_loss:
        raise ContentError(
            f"in int8 the model loses {before - after:.4f} of its Dice ({before:.4f} to "
            f"{after:.4f}), more than --max-loss {max_loss:g}; it is not kept: give more --images "
            "of all kinds, allow more, or predict in float32 or bfloat16"
        )
    opset, dice = read_opset(quantised), {"dice_before": before, "dice_after": after}
    return keep(model, ExportKind.INT8, [quantised], found, precision="int8", opset=opset, **dice)


def _quantised(content: bytes, images: Sequence[NDArray[np.float32]]) -> bytes:
    os.environ["NNCF_CI"] = "1"  # else it tells its makers what is done here
    try:
        with without(NOT_NEEDED), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            import nncf
            import onnx
    except ImportError as error:
        raise UsageError("--to int8 needs NNCF and ONNX: pip install 'emseg[int8]'") from error
    logging.getLogger("nncf").setLevel(logging.CRITICAL)
    network = onnx.load_from_string(content)
    name = network.graph.input[0].name
    shown = nncf.Dataset([{name: image[None]} for image in images])
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            made: Any = nncf.quantize(network, shown, subset_size=len(images))
    except Exception as error:  # whatever it says to a network that it does not know
        raise ModelError(
            f"the network cannot be computed in int8 ({first_line(error):.200}); predict in float32"
        ) from error
    quantised: bytes = made.SerializeToString()
    return quantised


def read_opset(content: bytes) -> int:
    """Read the version of the operators of a file of ONNX."""
    import onnx

    network = onnx.load_from_string(content)
    return int(
        next(each.version for each in network.opset_import if each.domain in ("", "ai.onnx"))
    )


def _dice(
    content: bytes, quantised: bytes, tiles: Sequence[LabelledTile], classes: int, threads: int
) -> tuple[float, float]:
    """Mean Dice of the network, and of the worst runtime in int8."""
    network = next(runtimes([content], threads))
    in_float = [_labels(network, tile) for tile in tiles]
    masks = [tile.labels for tile in tiles]
    true = [mask for mask in masks if mask is not None]
    if len(true) < len(tiles):
        true = in_float
    after = [
        mean_dice(true, [_labels(backend, tile) for tile in tiles], classes)
        for backend in runtimes([quantised], threads, "int8")
    ]
    return mean_dice(true, in_float, classes), min(after)


def _labels(backend: Backend, tile: LabelledTile) -> NDArray[Any]:
    scores = backend.compute(np.ascontiguousarray(tile.image[None]))
    labels: NDArray[Any] = scores.argmax(axis=1)[0]
    return labels


def mean_dice(true: Sequence[NDArray[Any]], found: Sequence[NDArray[Any]], classes: int) -> float:
    """Mean over classes of 2 |A and B| / (|A| + |B|), of the pixels of all images together.

    Classes that neither has are left out; so are pixels whose true class is none.

    Parameters
    ----------
    true, found : sequence of arrays of integers
        Of the same shapes.
    classes : int
        How many there are, from 0.
    """
    both = np.zeros((classes, classes), np.int64)
    for one, other in zip(true, found, strict=True):
        one, other = np.ravel(one).astype(np.int64), np.ravel(other)
        known = (one >= 0) & (one < classes)
        pairs = one[known] * classes + other[known]
        both += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    counts = both.sum(axis=0) + both.sum(axis=1)
    there = counts > 0
    return float((2 * both.diagonal()[there] / counts[there]).mean()) if there.any() else 1.0
