"""Label images hold whole numbers, in whichever type a program writes them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import LabelError

_GIANT = np.float64(2**63)  # the first that int64 cannot hold; NumPy would make a float a float16


def whole_numbers(plane: NDArray[Any], name: str) -> NDArray[Any]:
    """Take a plane of whole numbers, also where a program wrote them as bool or float.

    Parameters
    ----------
    plane : array, shape (Y, X)
        Of any type.
    name : str
        Of the label image in messages, such as ``"the mask a.tif"``.

    Returns
    -------
    array of an integer type, shape (Y, X)
        Integers as they are, bool as uint8, floats as int64.

    Raises
    ------
    LabelError
        When a value is a fraction, NaN, infinite or beyond 64 bits, or the type holds no numbers.
    """
    if plane.dtype.kind == "b":
        return plane.astype(np.uint8)
    if plane.dtype.kind == "f":
        if not (np.isfinite(plane).all() and (plane == np.rint(plane)).all()):
            raise LabelError(
                f"{name} holds fractions or NaN ({plane.dtype}); "
                "it needs whole numbers: save one number a class, or one an object"
            )
        _refuse_giants(plane, name)
        return plane.astype(np.int64)
    if plane.dtype.kind not in "iu":
        raise LabelError(
            f"{name} has the type {plane.dtype}; save it with one whole number a pixel, as 8-bit "
            "greyscale PNG or as TIFF"
        )
    return plane


def _refuse_giants(plane: NDArray[np.floating[Any]], name: str) -> None:
    """Refuse what int64 cannot hold, such as the 1e20 by which some programs say "nothing"."""
    giant = np.abs(plane) >= _GIANT
    if giant.any():
        raise LabelError(
            f"{name} holds the value {plane[giant][0]:g} ({plane.dtype}), which is more than 64 "
            "bits hold; give these pixels a small number, and save the labels as 8-, 16- or 32-bit "
            "whole numbers"
        )
