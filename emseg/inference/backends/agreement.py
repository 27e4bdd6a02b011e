"""Whether two backends that compute the same network answer the same."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.bundle.exports import Export, Reference
from emseg.inference.backends.backend import Backend

_SAME_CLASS = {"float32": 0.999, "bfloat16": 0.99, "float16": 0.99, "int8": 0.99}
_CHANGE = 1e-3  # of probabilities, in float32
_LESS = 0.005  # agreement of int8 that another processor may take away


@dataclass(frozen=True, slots=True)
class Agreement:
    """How much two answers to one image are alike.

    Parameters
    ----------
    difference : float
        The largest of two probabilities; infinite where one is no number.
    share : float
        Of pixels, or of images, whose most probable class is the same.
    """

    difference: float
    share: float


def agreement_of(expected: NDArray[np.float32], found: NDArray[np.float32]) -> Agreement:
    """Compare scores, shape (N, K, Y, X) or (N, K)."""
    if expected.shape != found.shape or not np.isfinite(found).all():
        return Agreement(float("inf"), 0.0)
    change = np.abs(_probabilities(expected) - _probabilities(found)).max()
    return Agreement(float(change), float((expected.argmax(1) == found.argmax(1)).mean()))


def is_same(found: Agreement) -> bool:
    """Whether two answers in float32 differ by no more than rounding."""
    return found.share >= _SAME_CLASS["float32"] and found.difference <= _CHANGE


def fault_of(
    backend: Backend, reference: Reference, export: Export | None = None, *, is_asked: bool = True
) -> str | None:
    """Ask a backend what the network has answered already, and say how it disagrees.

    Parameters
    ----------
    backend : Backend
        Of any precision.
    reference : Reference
        What the network answered in float32.
    export : Export, optional
        What the backend computes; one of int8 must agree as well as when it was made.
    is_asked : bool
        Whether somebody asked for its precision; if not, it must agree as well as float32 does.

    Returns
    -------
    str or None
        None where it agrees.
    """
    found = agreement_of(reference.scores, backend.compute(reference.image))
    least = _SAME_CLASS[backend.precision if is_asked else "float32"]
    if backend.precision == "int8" and export is not None:
        least = min(least, export.agreement - _LESS)
    if found.share < least:
        return (
            f"it disagrees with the network: {100 * found.share:.2f} % of the reference get the "
            f"same class, and {100 * least:.2f} % have to"
        )
    if backend.precision == "float32" and found.difference > _CHANGE:
        return (
            f"it disagrees with the network: probabilities differ by up to {found.difference:.2g}, "
            f"and {_CHANGE:g} is allowed"
        )
    return None


def _probabilities(scores: NDArray[np.float32]) -> NDArray[Any]:
    shifted: NDArray[Any] = np.exp(scores - scores.max(axis=1, keepdims=True))
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted
