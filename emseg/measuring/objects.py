"""Finds the objects of a class: connected pixels, and touching particles one by one."""

import numpy as np
from numpy.typing import NDArray

from emseg.measuring.numbering import count_pixels, renumber
from emseg.measuring.splitting import DEPTH, split_objects


def find_objects(
    mask: NDArray[np.bool_],
    *,
    smallest: int = 1,
    split: bool = False,
    depth: float = DEPTH,
    sampling: tuple[float, float] = (1.0, 1.0),
) -> NDArray[np.int32]:
    """Give each object of a mask a number: pixels that share a side or a corner are one object.

    Parameters
    ----------
    mask : array of bool, shape (Y, X)
        Where the class is.
    smallest : int
        Objects of fewer pixels become background; counted after splitting.
    split : bool
        Whether objects that touch are told apart, as `split_objects` does.
    depth : float
        How deep the neck between two objects must be for that, as there; 0 to 1.
    sampling : tuple of float
        Height and width of a pixel, in any unit; only their ratio matters, and only for splitting.

    Returns
    -------
    array of int32, shape (Y, X)
        0 is background; the objects are 1 to n in the reading order of their first pixels.

    Raises
    ------
    ValueError
        When the mask is no plane.
    """
    from scipy.ndimage import label

    if mask.ndim != 2:
        raise ValueError(f"a mask has the axes (Y, X), not the shape {mask.shape}")
    labels: NDArray[np.int32] = np.empty(mask.shape, np.int32)
    count = label(mask, structure=np.ones((3, 3)), output=labels)
    if split and count:
        count = split_objects(labels, count, depth=depth, sampling=sampling)
    if smallest > 1:
        _drop_small(labels, count, smallest)
    return labels


def _drop_small(labels: NDArray[np.int32], count: int, smallest: int) -> None:
    """Make the objects of fewer pixels background, and number the others anew, in place."""
    kept = count_pixels(labels, count) >= smallest
    kept[0] = False
    renumber(labels, np.where(kept, np.cumsum(kept), 0))
