"""A block of neuropil: cells that wind through it, mitochondria and vesicles inside them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from emseg.synthesis.fields import Image

_ELONGATION = 4.0  # processes run through the sections: structures are this much longer along z
_WAVES = 7
_NEIGHBOURS = 2  # cells that may be the closest one
_BENDS = (0.55, 1.4)  # wavelengths of the bends of a membrane, relative to a cell
_MITOCHONDRION_GAP_NM = 26.0  # to the plasma membrane
_VESICLE_REACH_NM = 40.0  # farther vesicles are not looked for


@dataclass(frozen=True, slots=True)
class Slice:
    """What a plane through the block meets.

    Parameters
    ----------
    cell : array of int64, shape (Y, X)
        Index of the cell.
    to_membrane_nm : array of float64, shape (Y, X)
        Distance, through the tissue, from the middle of the cleft between two cells.
    into_mitochondrion_nm : array of float64, shape (Y, X)
        Depth below the surface of a mitochondrion, negative outside.
    along_cristae : array of float64, shape (Y, X)
        Phase of the stack of cristae in rad.
    to_vesicle_nm : array of float64, shape (Y, X)
        Distance from the centre of the nearest vesicle, infinite beyond 40 nm.
    """

    cell: NDArray[np.int64]
    to_membrane_nm: Image
    into_mitochondrion_nm: Image
    along_cristae: Image
    to_vesicle_nm: Image


class Tissue:
    """A block of tissue that can be cut at any height.

    Cells are the Voronoi regions of random points in a space bent by a few plane waves, stretched
    along z, so that neighbouring sections resemble each other.

    Parameters
    ----------
    rng : numpy.random.Generator
        Places everything.
    extent_nm : tuple of float
        Height and width of the block in nm.
    depth_nm : float
        Thickness of the block in nm.
    cell_nm : float
        Mean diameter of a cell.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        extent_nm: tuple[float, float],
        depth_nm: float,
        cell_nm: float,
    ) -> None:
        margin = 2.0 * cell_nm
        self._low = np.array([-margin, -margin, -margin])
        self._high = np.array([depth_nm / _ELONGATION, *extent_nm]) + margin
        volume = float(np.prod(self._high - self._low))
        self.seeds = rng.uniform(self._low, self._high, (round(volume / cell_nm**3) + 8, 3))
        self._tree = cKDTree(self.seeds)
        self._bend(rng, cell_nm)
        self._furnish(rng, cell_nm)

    def cut(self, z_nm: float, y_nm: Image, x_nm: Image) -> Slice:
        """Look at one plane.

        Parameters
        ----------
        z_nm : float
            Height of the plane.
        y_nm : array, shape (Y,)
            Positions of the rows.
        x_nm : array, shape (X,)
            Positions of the columns.
        """
        grid = np.stack(np.meshgrid([z_nm / _ELONGATION], y_nm, x_nm, indexing="ij"), axis=-1)[0]
        phase = grid @ self._wave.T + self._phase
        points = grid + np.sin(phase) @ self._amplitude
        distances, nearest = self._tree.query(points, k=_NEIGHBOURS + 1)
        across = self.seeds[nearest[..., :1]] - self.seeds[nearest[..., 1:]]
        apart = np.linalg.norm(across, axis=-1)
        to_bisector = (distances[..., 1:] ** 2 - distances[..., :1] ** 2) / (2 * apart)
        closest = np.argmin(to_bisector, axis=-1)[..., None]
        normal = np.take_along_axis(across / apart[..., None], closest[..., None], -2)[..., 0, :]
        to_membrane = np.take_along_axis(to_bisector, closest, -1)[..., 0]
        to_membrane = to_membrane / self._steepness(phase, normal)
        cell = nearest[..., 0]
        inside, cristae = self._mitochondria_at(points, cell, to_membrane)
        vesicle = self._vesicles.query(points, distance_upper_bound=_VESICLE_REACH_NM)[0]
        return Slice(cell, to_membrane, inside, cristae, vesicle)

    def _bend(self, rng: np.random.Generator, cell_nm: float) -> None:
        """Choose the plane waves that bend the membranes."""
        wavelength = rng.uniform(*_BENDS, (_WAVES, 1)) * cell_nm
        direction = rng.standard_normal((_WAVES, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        self._wave = 2 * np.pi * direction / wavelength
        self._phase = rng.uniform(0, 2 * np.pi, _WAVES)
        self._amplitude = 0.05 * wavelength * rng.standard_normal((_WAVES, 3))

    def _steepness(self, phase: Image, normal: Image) -> Image:
        """How fast the distance along a normal of the bent space grows for each nm of tissue."""
        gradient = normal + (np.cos(phase) * (normal @ self._amplitude.T)) @ self._wave
        gradient[..., 0] /= _ELONGATION
        steepness: Image = np.linalg.norm(gradient, axis=-1)
        return np.maximum(steepness, 0.1)

    def _furnish(self, rng: np.random.Generator, cell_nm: float) -> None:
        """Put mitochondria into a third of the cells and vesicles into a quarter."""
        count = len(self.seeds)
        self._has_mitochondrion = rng.random(count) < 0.35
        self._centre = self.seeds + 0.08 * cell_nm * rng.standard_normal((count, 3))
        angle = rng.uniform(0, np.pi, count)
        self._long = np.stack([0 * angle, np.sin(angle), np.cos(angle)], axis=1)
        self._radii = rng.uniform(0.18, 0.3, (count, 1)) * cell_nm * np.array([1.5, 1.0, 1.6])
        hosts = np.flatnonzero(rng.random(count) < 0.25)
        crowd = rng.choice(hosts, size=12 * count) if hosts.size else np.zeros(1, np.int64)
        spots = self.seeds[crowd] + 0.2 * cell_nm * rng.standard_normal((len(crowd), 3))
        self._vesicles = cKDTree(spots)

    def _mitochondria_at(
        self, points: Image, cell: NDArray[np.int64], to_membrane: Image
    ) -> tuple[Image, Image]:
        """Depth below a mitochondrion's surface in nm, and the phase of its cristae."""
        offset = points - self._centre[cell]
        along = np.sum(offset * self._long[cell], axis=-1)
        across = np.linalg.norm(offset, axis=-1) ** 2 - along**2 - offset[..., 0] ** 2
        radii = self._radii[cell]
        reach = np.sqrt(
            (offset[..., 0] / radii[..., 0]) ** 2
            + np.maximum(across, 0) / radii[..., 1] ** 2
            + (along / radii[..., 2]) ** 2
        )
        inside = np.minimum((1 - reach) * radii[..., 1], to_membrane - _MITOCHONDRION_GAP_NM)
        inside[~self._has_mitochondrion[cell]] = -np.inf
        wobble = 0.6 * np.sin(across / 900.0)
        return inside, along * (2 * np.pi / 38.0) + wobble
