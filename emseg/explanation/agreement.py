"""Whether two heat maps say the same."""

import numpy as np
from numpy.typing import NDArray


def rank_correlation(
    first: NDArray[np.float32], second: NDArray[np.float32], cell: int
) -> float | None:
    """Correlate the ranks of two heat maps (Spearman, 1904).

    Both are averaged over square cells first: neighbouring pixels of a coarse map are no
    independent witnesses.

    Parameters
    ----------
    first, second : array of float32, shape (Y, X)
        Of the same field; pixels that are NaN in either are left out.
    cell : int
        Side of a cell in pixels.

    Returns
    -------
    float or None
        -1 to 1; None when one of them is constant, or fewer than three cells are left.
    """
    from scipy.stats import spearmanr

    missing = np.isnan(first) | np.isnan(second)
    cells = [_cells(np.where(missing, np.nan, each), cell) for each in (first, second)]
    kept = np.isfinite(cells[0]) & np.isfinite(cells[1])
    a, b = (each[kept] for each in cells)
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(spearmanr(a, b).statistic)


def _cells(values: NDArray[np.floating], cell: int) -> NDArray[np.float64]:
    """Mean of the finite pixels of each cell; NaN for one that has none."""
    sums = []
    for each in (np.nan_to_num(values), np.isfinite(values).astype(float)):
        rows = np.add.reduceat(each, range(0, each.shape[0], cell), axis=0, dtype=np.float64)
        sums.append(np.add.reduceat(rows, range(0, each.shape[1], cell), axis=1))
    return np.divide(sums[0], sums[1], out=np.full_like(sums[0], np.nan), where=sums[1] > 0)
