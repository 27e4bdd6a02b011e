"""Every runtime that is installed answers what the network answered, or an export is not kept."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emseg import __version__
from emseg.bundle import ModelCard, StoredModel
from emseg.bundle.exports import Export, Reference, sha256_of, write_export
from emseg.config import ExportKind
from emseg.errors import UsageError
from emseg.inference.backends import ENTRIES, Backend
from emseg.inference.backends.agreement import Agreement, agreement_of
from emseg.inference.backends.with_torch import TorchBackend
from emseg.inference.exporting.reference import sizes_of

_INSTALL = "pip install 'emseg[cpu]'"


def answers_of(
    network: nn.Module, card: ModelCard, image: NDArray[np.float32]
) -> tuple[Reference, ...]:
    """Ask a network at all sizes that an export is compared at, and for two images at once.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode, on the CPU.
    card : ModelCard
        What it is.
    image : array of float32, shape (1, C, Y, X)
        Of the largest size.

    Returns
    -------
    tuple of Reference
        The first is of the image itself, the last of two images.

    Raises
    ------
    ModelError
        When it does not take a size.
    """
    pieces = [image[:, :, :height, :width] for height, width in sizes_of(card)]
    both = np.concatenate([pieces[-1], pieces[-1][:, :, ::-1, ::-1]])
    asked = [np.ascontiguousarray(each) for each in (*pieces, both)]
    backend = TorchBackend(network, torch.device("cpu"))
    return tuple(Reference(each, backend.compute(each)) for each in asked)


def keep(
    model: StoredModel,
    kind: ExportKind,
    contents: Sequence[bytes],
    found: Agreement,
    **more: Any,
) -> Export:
    """Write the files of an export beside the weights, and what is known of it.

    Parameters
    ----------
    model : StoredModel
        In a folder.
    kind : ExportKind
        Which export.
    contents : sequence of bytes
        Of each of its files.
    found : Agreement
        How far it agrees with the network.
    more
        What else an `Export` holds.
    """
    export = Export(
        kind=kind,
        sha256=tuple(map(sha256_of, contents)),
        weights_sha256=model.card.sha256,
        emseg=__version__,
        difference=found.difference,
        agreement=found.share,
        **more,
    )
    write_export(model.folder, export, contents)
    return export


def runtimes(
    contents: Sequence[bytes], threads: int, precision: str = "float32"
) -> Iterator[Backend]:
    """Open the files of an export with every runtime that is installed and reads them.

    Raises
    ------
    UsageError
        When there is none.
    """
    installed = {each.name for each in ENTRIES if each.is_installed}
    if len(contents) > 1:
        installed &= {"openvino"}
    if not installed - {"torch"}:
        raise UsageError(f"no runtime is installed that could compute the export: {_INSTALL}")
    if "openvino" in installed:
        from emseg.inference.backends.with_openvino import OpenVinoBackend

        yield OpenVinoBackend(contents, threads, precision)
    if "onnxruntime" in installed:
        from emseg.inference.backends.with_onnxruntime import OnnxRuntimeBackend

        yield OnnxRuntimeBackend(contents[0], threads, precision)


def compared(
    contents: Sequence[bytes],
    references: Sequence[Reference],
    threads: int,
    precision: str = "float32",
) -> Agreement:
    """Compare the files of an export with the network; of all runtimes and sizes the worst.

    Raises
    ------
    UsageError
        When no runtime is installed.
    ModelError
        When one cannot open the files, or does not take a size.
    """
    found = [
        agreement_of(each.scores, backend.compute(each.image))
        for backend in runtimes(contents, threads, precision)
        for each in references
    ]
    return Agreement(max(each.difference for each in found), min(each.share for each in found))
