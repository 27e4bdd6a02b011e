"""What libraries say when they fail, as a shortage of memory or as a fault of the model."""

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from emseg.errors import ModelError, UsageError
from emseg.memory import is_shortage

_Scores = TypeVar("_Scores", bound="_Shaped")


class _Shaped(Protocol):
    """An array, or a tensor of whatever library."""

    @property
    def ndim(self) -> int: ...

    @property
    def shape(self) -> Any: ...


def refusal(
    name: str, error: Exception, batch: NDArray[np.float32] | None = None
) -> MemoryError | ModelError:
    """Make what a library raised into what a `Backend` raises.

    Parameters
    ----------
    name : str
        Of the backend.
    error : Exception
        Of any kind: libraries written in C++ have bases of their own.
    batch : array of float32, shape (N, C, Y, X), optional
        What was asked; None while a model is opened.

    Returns
    -------
    MemoryError
        When memory was short.
    ModelError
        Otherwise.
    """
    reason = _reason(error)
    if is_shortage(error) or is_shortage(RuntimeError(str(error))):
        return MemoryError(reason)
    if batch is None:
        return ModelError(
            f"{name} cannot open the model ({reason:.200}); make the export again with emseg "
            "export, or take --backend torch"
        )
    return ModelError(
        f"the network cannot take {batch.shape[2]} x {batch.shape[3]} pixels ({reason:.200}); use "
        "a larger micrograph or another --tile, and train anew if that is said of every micrograph"
    )


def require_precision(precision: str, known: Iterable[str]) -> None:
    """Refuse a precision that a backend does not compute in.

    Raises
    ------
    UsageError
        With those that it knows.
    """
    if precision not in known:
        raise UsageError(f"it does not compute in {precision}; it knows {', '.join(known)}")


def require_size(scores: _Scores, batch: NDArray[np.float32]) -> _Scores:
    """Refuse scores that are not those of a batch: one an image, or one a pixel.

    Parameters
    ----------
    scores : array or Tensor, shape (N, K, Y, X) or (N, K)
        What a network answered.
    batch : array of float32, shape (N, C, Y, X)
        What it was asked.

    Raises
    ------
    ModelError
        When the number of images, height or width differ.
    """
    kept = scores.ndim in (2, 4) and scores.shape[0] == len(batch)
    if not kept or (scores.ndim == 4 and scores.shape[2:] != batch.shape[2:]):
        raise ModelError(
            f"the network answers {tuple(scores.shape)} for {len(batch)} x {batch.shape[2]} x "
            f"{batch.shape[3]} pixels; a segmentation network keeps the size"
        )
    return scores


def _reason(error: Exception) -> str:
    """First line of what a library said that says more than where it happened."""
    lines = [line.strip().rstrip(".") for line in str(error).splitlines()]
    telling = [
        line
        for line in lines
        if line and not line.startswith(("Exception from", "Check ", "While validating"))
    ]
    return next(iter(telling or lines), type(error).__name__)
