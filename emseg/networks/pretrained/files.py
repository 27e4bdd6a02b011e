"""Tensors out of a file of weights; nothing is ever unpickled."""

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from emseg.errors import PathMissingError, UnreadableFileError, first_line
from emseg.starting import WEIGHT_SUFFIXES

_ENTRIES = ("state_dict", "model_state_dict", "model", "network", "weights")
_PREFIX = re.compile(r"^(?:(?:encoder|backbone|model|network|net)\.)+")
_PARALLEL = re.compile(r"(^|\.)(?:module|_orig_mod)\.")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a file of weights: safetensors, or a state_dict that torch saved.

    Parameters
    ----------
    path : Path
        ``.safetensors``, or ``.pth``, ``.pt``, ``.bin``, ``.ckpt``, ``.tar``. A ``state_dict``
        entry (of a checkpoint) is opened.

    Raises
    ------
    PathMissingError
        When there is no such file.
    UnreadableFileError
        When it is damaged, holds no tensors, or more than tensors and plain values.
    """
    if not path.is_file():
        raise PathMissingError(f"there is no file of weights {path}; check --pretrained")
    if path.suffix not in WEIGHT_SUFFIXES:
        raise UnreadableFileError(
            f"{path} is no file of weights that emseg reads; give one of "
            f"{', '.join(WEIGHT_SUFFIXES)}, best .safetensors"
        )
    content = _safetensors(path) if path.suffix == ".safetensors" else _torch(path)
    tensors = {str(name): each for name, each in content.items() if isinstance(each, Tensor)}
    if not tensors:
        raise UnreadableFileError(f"{path} holds no weights; check --pretrained")
    for name, tensor in tensors.items():
        if not _is_plain(name, tensor):
            raise UnreadableFileError(
                f"{path} holds weights that are no plain real numbers (in {name}: quantised, "
                "sparse, complex, whole, without values or a negative variance); save its "
                "state_dict in float32"
            )
        if not torch.isfinite(tensor).all():
            raise UnreadableFileError(
                f"{path} holds weights that are no numbers (in {name}): its training diverged; "
                "give another file"
            )
    return tensors


def _is_plain(name: str, tensor: Tensor) -> bool:
    """Whether a tensor holds real numbers, and fractions where they are weights."""
    if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_quantized:
        return False
    kind = name.rpartition(".")[2]
    if not tensor.numel() or (kind == "running_var" and bool((tensor.float() < 0).any())):
        return False
    is_weight = kind in {"weight", "bias", "running_mean", "running_var"}
    return tensor.is_floating_point() or not (is_weight or tensor.is_complex())


def plain_name(name: str) -> str:
    """Strip what training programs put before the name of a tensor (``module.``, ``encoder.``)."""
    return _PREFIX.sub("", _PARALLEL.sub(r"\1", name))


def _safetensors(path: Path) -> Mapping[str, Any]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UnreadableFileError(
            f"{path} is damaged ({first_line(error):.100}); fetch it again"
        ) from error


def _torch(path: Path) -> Mapping[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on how a stranger pickled
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UnreadableFileError(
            f"{path} is damaged or holds more than tensors, and emseg unpickles nothing; fetch it "
            "again, or save its state_dict as .safetensors"
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise UnreadableFileError(
            f"{path} is damaged ({first_line(error):.100}); fetch it again"
        ) from error
    return _opened(content)


def _opened(content: Any) -> Mapping[str, Any]:
    """Find the tensors in what was saved: a state_dict, or a checkpoint that has one."""
    if not isinstance(content, Mapping):
        return {}
    if any(isinstance(each, Tensor) for each in content.values()):
        return content
    for entry in _ENTRIES:
        if isinstance(content.get(entry), Mapping):
            return _opened(content[entry])
    return {}
