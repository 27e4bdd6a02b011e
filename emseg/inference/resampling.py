"""Images brought to another size: areas are averaged on the way down, curves drawn on the way up.

Both directions are separable and linear, so one sparse matrix an axis says it all. From six
pixels to four, each new pixel is the average of one and a half old ones::

    old     |  a  |  b  |  c  |  d  |  e  |  f  |
    new     |   0    |   1    |   2    |   3    |      0 = (a + b / 2) / 1.5
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BAND = 1 << 24  # values of the input that are held as floats at a time


class Upwards(StrEnum):
    """How values are found between pixels; on the way down, areas are averaged either way."""

    CUBIC = "cubic"  # Keys, IEEE Trans. ASSP 29 (1981): keeps edges; may overshoot
    LINEAR = "linear"  # never leaves the range of the values, so probabilities stay some


def resample(
    values: NDArray[Any], size: tuple[int, int], upwards: Upwards = Upwards.CUBIC
) -> NDArray[Any]:
    """Bring planes to another size.

    Parameters
    ----------
    values : array, shape (C, Y, X)
        Any real dtype.
    size : tuple of int
        Height and width of the result; each axis goes up or down by itself.
    upwards : Upwards
        How an axis becomes longer.

    Returns
    -------
    array, shape (C, *size)
        float32, or float64 for values that float32 cannot hold: integers of 32 bits and more,
        and float64. The corners of the planes stay where they are.
    """
    dtype = np.result_type(values.dtype, np.float32)
    result = np.empty((len(values), *size), dtype)
    for rows, band in resampled_bands(values, size, upwards):
        result[:, rows] = band
    return result


def resampled_bands(
    values: NDArray[Any], size: tuple[int, int], upwards: Upwards = Upwards.CUBIC
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Do as `resample` does, a band of rows at a time.

    Yields
    ------
    rows : slice
        Rows of the result, from top to bottom.
    band : array, shape (C, rows, X)
        Their values.
    """
    dtype = np.result_type(values.dtype, np.float32)
    down, across = (
        _weights(old, new, upwards).astype(dtype)
        for old, new in zip(values.shape[1:], size, strict=True)
    )
    taken = max(1, _BAND // max(1, values.shape[0] * values.shape[2]))
    step = max(1, round(taken * size[0] / values.shape[1]))
    for start in range(0, size[0], step):
        rows = slice(start, min(start + step, size[0]))
        weights = down[rows]
        first, last = int(weights.indices.min()), int(weights.indices.max()) + 1
        part = values[:, first:last].astype(dtype)
        yield (
            rows,
            np.stack([across @ (weights[:, first:last] @ each).T for each in part]).swapaxes(1, 2),
        )


def _weights(old: int, new: int, upwards: Upwards) -> "csr_array":
    """Share of each old sample in each new one, shape (new, old); every row sums to 1."""
    if new <= old:
        return _areas(old, new)
    return _between(old, new, upwards)


def _areas(old: int, new: int) -> "csr_array":
    edges = np.arange(new + 1) * (old / new)
    first = np.floor(edges[:-1]).astype(int)
    reach = np.arange(int(np.ceil(old / new)) + 1)
    columns = first[:, None] + reach
    overlap = np.minimum(edges[1:, None], columns + 1) - np.maximum(edges[:-1, None], columns)
    return _sparse(np.clip(overlap, 0, None), columns, old)


def _between(old: int, new: int, upwards: Upwards) -> "csr_array":
    middle = (np.arange(new) + 0.5) * (old / new) - 0.5
    columns = np.floor(middle).astype(int)[:, None] + np.arange(-1, 3)
    distance = np.abs(middle[:, None] - columns)
    if upwards is Upwards.LINEAR:
        return _sparse(np.clip(1 - distance, 0, None), columns, old)
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return _sparse(np.where(distance <= 1, near, np.where(distance < 2, far, 0)), columns, old)


def _sparse(weights: NDArray[np.float64], columns: NDArray[np.int64], old: int) -> "csr_array":
    """Rows of weights; what lies past the ends of the axis is its last sample again."""
    from scipy.sparse import csr_array

    rows = np.repeat(np.arange(len(weights)), weights.shape[1])
    weights = weights / weights.sum(axis=1, keepdims=True)
    kept = weights.ravel() != 0
    inside = columns.clip(0, old - 1).ravel()
    shape = (len(weights), old)
    return csr_array((weights.ravel()[kept], (rows[kept], inside[kept])), shape=shape)
