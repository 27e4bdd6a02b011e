"""Mean intensities of objects."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.measuring.runs import Runs, bands


def mean_intensities(runs: Runs, intensities: NDArray[Any] | None) -> NDArray[np.float64]:
    """Average each channel over the pixels of each object.

    Parameters
    ----------
    runs : Runs
        Of n objects.
    intensities : array, shape (C, Y, X), or None
        Of any real type; a pixel that is NaN makes its object's mean NaN.

    Returns
    -------
    array of float64, shape (n, C)
        Shape (n, 0) without intensities.
    """
    if intensities is None:
        return np.zeros((len(runs.labels), 0))
    area = runs.total(runs.length)
    sums = [_sums_of_runs(runs, plane) for plane in intensities]
    return np.stack([runs.total(each) / area for each in sums], axis=1)


def _sums_of_runs(runs: Runs, plane: NDArray[Any]) -> NDArray[np.float64]:
    """Sum of the intensities of each run, shape (m,)."""
    sums = np.zeros(len(runs.owner))
    width = plane.shape[1]
    for rows in bands(plane.shape):
        some = slice(*np.searchsorted(runs.row, [rows.start, rows.stop]))
        if some.start == some.stop:
            continue
        band = np.zeros((rows.stop - rows.start) * width + 1)  # reduceat may point behind the last
        band[:-1] = plane[rows].ravel()
        offset = (runs.row[some].astype(np.int64) - rows.start) * width
        ends = np.stack([offset + runs.start[some], offset + runs.stop[some]], axis=1)
        sums[some] = np.add.reduceat(band, ends.ravel())[::2]
    return sums
