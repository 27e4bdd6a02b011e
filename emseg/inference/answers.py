"""What a network says to an image, and what is refused of it before a class follows from it."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emseg.errors import ModelError
from emseg.memory import is_shortage
from emseg.micrograph import Micrograph

_STRANGE = (RuntimeError, ValueError, AssertionError, IndexError, TypeError, ZeroDivisionError)


def logits_of(network: nn.Module, image: Tensor, micrograph: Micrograph) -> Tensor:
    """Ask a network; what a library says to a size that it does not take is told.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode.
    image : Tensor, shape (N, C, Y, X)
        Normalised, on its device.
    micrograph : Micrograph
        Where the image comes from, for messages.

    Raises
    ------
    ModelError
        When the network fails.
    MemoryError
        When it does not fit into memory.
    """
    try:
        answer: Tensor = network(image)
    except torch.OutOfMemoryError:
        raise
    except _STRANGE as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        if is_shortage(error):
            raise MemoryError(reason) from error
        height, width = image.shape[-2:]
        raise ModelError(
            f"{file_of(micrograph)}: the network cannot take {height} x {width} pixels "
            f"({reason:.200}); use a larger micrograph or another --tile, and train anew if that "
            "is said of every micrograph"
        ) from error
    return answer


def require_numbers(values: NDArray[Any] | Tensor, micrograph: Micrograph) -> None:
    """Refuse answers from which no class follows: the largest of NaN is always the first.

    Raises
    ------
    ModelError
        When any is infinite or NaN.
    """
    finite = torch.isfinite(values) if isinstance(values, Tensor) else np.isfinite(values)
    if not bool(finite.all()):
        raise ModelError(
            f"{file_of(micrograph)}: what the network answers is no number (NaN) or infinite, and "
            "no class follows from it; the weights of the model are too large or its training "
            "went wrong: train anew, or use another model"
        )


def file_of(micrograph: Micrograph) -> str:
    """Name the file of a micrograph, and its plane."""
    plane = "" if micrograph.plane is None else f"[{micrograph.plane}]"
    return f"{micrograph.path or micrograph.name}{plane}"
