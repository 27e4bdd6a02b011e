"""The objects of a class: numbered by the file, or the connected pixels."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.metric import ComparedPair

Side = Literal["prediction", "reference"]
_MOST = 1 << 24  # object numbers up to which a table is kept, 16 MiB


def pieces(
    pair: ComparedPair, side: Side, index: int, *, connectivity: Literal[4, 8], scored: bool = True
) -> NDArray[np.int32]:
    """Give each object of a class a number.

    Parameters
    ----------
    pair : ComparedPair
        Where its files number objects, these are the objects, touching ones too.
    side : {"prediction", "reference"}
        Which of the two.
    index : int
        Of the class.
    connectivity : {4, 8}
        How pixels hang together where the files number no objects.
    scored : bool
        Whether only pixels that the reference labels belong to objects.

    Returns
    -------
    array of int32, shape (Y, X)
        1..n, 0 where there is none.
    """
    from scipy.ndimage import generate_binary_structure, label

    is_prediction = side == "prediction"
    image = pair.prediction if is_prediction else pair.reference
    mask = image.pixels == index
    if scored and is_prediction:
        mask &= pair.counted
    numbers = pair.objects[0 if is_prediction else 1]
    if numbers is None:
        found, _ = label(
            mask, structure=generate_binary_structure(2, 1 if connectivity == 4 else 2)
        )
        labelled: NDArray[np.int32] = found
        return labelled
    return _consecutive(np.where(mask, numbers, 0))


def _consecutive(numbers: NDArray[np.integer]) -> NDArray[np.int32]:
    """Write 1..n in place of the numbers of a file."""
    found: NDArray[np.int32]
    if numbers.size and int(numbers.max()) < _MOST:
        is_there = np.zeros(int(numbers.max()) + 1, dtype=np.int32)
        is_there[numbers] = 1
        is_there[0] = 0
        found = (is_there.cumsum(dtype=np.int32) * is_there)[numbers]
        return found
    values, places = np.unique(numbers, return_inverse=True)
    first = 0 if values.size and values[0] == 0 else 1
    found = (places.reshape(numbers.shape) + first).astype(np.int32)
    return found
