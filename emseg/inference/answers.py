"""What a network says to an image, and what is refused of it before a class follows from it."""

import logging
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emseg.errors import ModelError
from emseg.memory import is_shortage
from emseg.micrograph import Micrograph

_log = logging.getLogger(__name__)
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

    Where all classes are equally probable the first is taken too, which is told.

    Parameters
    ----------
    values : array or Tensor, shape (N, K) or (K, Y, X)
        Logits or probabilities, of crops or of pixels.
    micrograph : Micrograph
        Of which they are, for messages.

    Raises
    ------
    ModelError
        When any is infinite or NaN.
    """
    answers = torch.as_tensor(values)
    if not bool(torch.isfinite(answers).all()):
        raise ModelError(
            f"{file_of(micrograph)}: what the network answers is no number (NaN) or infinite, and "
            "no class follows from it; the weights of the model are too large or its training "
            "went wrong: train anew, or use another model"
        )
    of_classes = 0 if answers.ndim == 3 else 1
    if bool((answers.amax(of_classes) == answers.amin(of_classes)).all()):
        _log.warning(
            "%s: the network answers that all classes are equally probable, and the first is "
            "taken; its weights say nothing: train anew, or use another model",
            file_of(micrograph),
            extra={"more": "of {} more the network says that all classes are equally probable"},
        )


def file_of(micrograph: Micrograph) -> str:
    """Name the file of a micrograph, and its plane."""
    plane = "" if micrograph.plane is None else f"[{micrograph.plane}]"
    return f"{micrograph.path or micrograph.name}{plane}"
