"""Areas, centroids, and the ellipses with the same second moments, from runs in closed form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emseg.measuring.runs import Runs


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of each object in pixels, shape (n,) each.

    Parameters
    ----------
    area : array of float64
        Number of pixels.
    row, column : array of float64
        Mean position; the centre of the first pixel is 0.
    variance_row, variance_column, covariance : array of float64
        Central second moments over the area, each pixel taken as the unit square that it is.
    """

    area: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    variance_row: NDArray[np.float64]
    variance_column: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def ellipses(
        self, pixel: tuple[float, float]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Aspect ratio and orientation of the ellipses with the same second moments.

        Parameters
        ----------
        pixel : tuple of float
            Height and width of a pixel.

        Returns
        -------
        aspect_ratio : array of float64, shape (n,)
            Major over minor axis: the root of the ratio of the eigenvalues of the covariance.
        orientation : array of float64, shape (n,)
            Of the major axis in degrees, 0 or more and less than 180, counter-clockwise from x
            as seen in the picture; NaN where the axes are equal.
        """
        yy, xx = self.variance_row * pixel[0] ** 2, self.variance_column * pixel[1] ** 2
        xy = -self.covariance * pixel[0] * pixel[1]  # rows count downwards
        middle, spread = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        angle = np.degrees(np.arctan2(2 * xy, xx - yy) / 2) % 180
        angle[angle >= 180] = 0.0  # what is left of a rounding error below 0
        angle[spread <= 1e-9 * middle] = np.nan
        return np.sqrt((middle + spread) / (middle - spread)), angle


def find_moments(runs: Runs) -> Moments:
    """Add up the moments of each object over its runs.

    A run of k pixels about the column c has the first moment ``k c`` and the second moment
    ``k c**2 + k (k**2 - 1) / 12``. Second moments are taken about the centroid, so that they are
    exact for a small object far from the origin.
    """
    length = runs.length.astype(np.float64)
    middle = (runs.start + (runs.stop - 1.0)) / 2
    area = runs.total(length)
    row, column = runs.total(length * runs.row) / area, runs.total(length * middle) / area
    down, right = runs.row - row[runs.owner], middle - column[runs.owner]
    along = length * right**2 + length * (length**2 - 1) / 12
    return Moments(
        area,
        row,
        column,
        runs.total(length * down**2) / area + 1 / 12,
        runs.total(along) / area + 1 / 12,
        runs.total(length * down * right) / area,
    )
