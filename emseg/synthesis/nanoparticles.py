"""Supported nanoparticles in bright-field TEM."""

import math

import numpy as np
from numpy.typing import NDArray

from emseg.errors import UsageError
from emseg.synthesis.discs import in_frame, paint, window
from emseg.synthesis.fields import Image, blobs, illumination, random_field
from emseg.synthesis.imaging import bright_field, camera, digitise
from emseg.synthesis.sample import (
    KnownObject,
    Sample,
    compose,
    pixel_size,
    require_positive,
    require_share,
    require_size,
)

CLASSES = ("support", "particle")
_MARGIN_PX = 24  # simulated beyond the image, because the lens spreads and the FFT wraps around
_METAL_POTENTIAL_V = 9.0  # of the part of the wave that passes the objective aperture
_METAL_FREE_PATH_NM = 30.0
_FILM_V_NM = 13.0  # standard deviation of the projected potential of the amorphous film
_GAP_NM = 1.5
_TRIES = 60  # places that are looked at for each particle


def nanoparticles(
    rng: np.random.Generator,
    size: tuple[int, int] = (256, 256),
    pixel_size_nm: float = 0.5,
    *,
    median_nm: float = 9.0,
    spread: float = 0.3,
    coverage: float = 0.15,
    dose_per_nm2: float = 200.0,
    defocus_nm: float = 700.0,
    name: str = "nanoparticles",
) -> Sample:
    """Spheres of a heavy metal on amorphous carbon, under focus, at a low dose.

    A sphere of radius r is 2 sqrt(r² - d²) thick at the distance d from its centre and lets
    exp(-t/λ) of the electrons pass; λ differs from particle to particle as Bragg reflections
    come and go. Film and spheres also shift the phase of the wave, which the defocused lens
    turns into Thon rings and Fresnel fringes. Particles do not touch; those on the edge are cut.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of everything random.
    size : tuple of int
        Y and X in pixels.
    pixel_size_nm : float
        Pixel size in nm.
    median_nm, spread : float
        Median of the log-normal diameters, and standard deviation of their logarithm.
    coverage : float
        Share of the area that particles cover, up to about 0.3.
    dose_per_nm2 : float
        Electrons per nm².
    defocus_nm : float
        Under focus in nm.
    name : str
        Name of the micrograph.

    Returns
    -------
    Sample
        uint16, ten grey levels an electron; classes support and particle.

    Raises
    ------
    UsageError
        When a parameter is out of range or the particles do not fit.
    """
    require_size(size)
    require_positive(median_nm=median_nm, spread=spread, dose_per_nm2=dose_per_nm2)
    calibration = pixel_size(pixel_size_nm)
    require_share(coverage=coverage)
    particles = _scatter(rng, size, pixel_size_nm, median_nm, spread, coverage)
    contrast = rng.uniform(0.5, 1.9, len(particles))
    transmitted = _transmitted(rng, size, pixel_size_nm, particles, contrast, defocus_nm)
    beam = dose_per_nm2 * pixel_size_nm**2 * illumination(rng, size, rng.uniform(0.5, 1.0))
    signal = camera(rng, transmitted * beam, blur_px=0.6, readout=0.5)
    return compose(
        digitise(10 * signal + 20, np.uint16),
        paint(particles, CLASSES, size, pixel_size_nm),
        CLASSES,
        name=name,
        pixel_size=calibration,
        objects=in_frame(particles, size, pixel_size_nm),
    )


def _scatter(
    rng: np.random.Generator,
    size: tuple[int, int],
    pixel_size_nm: float,
    median_nm: float,
    spread: float,
    coverage: float,
) -> tuple[KnownObject, ...]:
    """Particles at random places, the largest first, none touching another."""
    height, width = (each * pixel_size_nm for each in size)
    border = median_nm  # centres may lie this far outside
    area = (height + 2 * border) * (width + 2 * border)
    mean_area = math.pi / 4 * median_nm**2 * math.exp(2 * spread**2)
    count = max(1, round(coverage * area / mean_area))
    diameters = np.sort(rng.lognormal(math.log(median_nm), spread, count))[::-1]
    placed = np.empty((0, 3))
    for diameter in diameters:
        low, high = (-border, -border), (height + border, width + border)
        spots = rng.uniform(low, high, (_TRIES, 2))
        free = np.flatnonzero(_are_free(spots, diameter, placed))
        if not free.size:
            raise UsageError(f"a coverage of {coverage} leaves no room for all particles; lower it")
        placed = np.vstack([placed, [*spots[free[0]], diameter]])
    return tuple(
        KnownObject("particle", float(y / pixel_size_nm), float(x / pixel_size_nm), float(diameter))
        for y, x, diameter in placed
    )


def _are_free(spots: Image, diameter: float, placed: Image) -> NDArray[np.bool_]:
    """Which of the spots keep their distance from all placed particles."""
    apart = np.hypot(*(spots[:, None, :] - placed[None, :, :2]).transpose(2, 0, 1))
    free: NDArray[np.bool_] = np.all(apart > (placed[:, 2] + diameter) / 2 + _GAP_NM, axis=1)
    return free


def _transmitted(
    rng: np.random.Generator,
    size: tuple[int, int],
    pixel_size_nm: float,
    particles: tuple[KnownObject, ...],
    contrast: Image,
    defocus_nm: float,
) -> Image:
    """Share of the electrons that reaches each pixel."""
    padded = (size[0] + 2 * _MARGIN_PX, size[1] + 2 * _MARGIN_PX)
    spacing = (pixel_size_nm, pixel_size_nm)
    film = _FILM_V_NM * random_field(rng, padded, spacing, blobs(0.4))
    mounds = 0.06 * random_field(rng, padded, spacing, blobs(20.0))
    potential, absorption = film, mounds
    for particle, strength in zip(particles, contrast, strict=True):
        radius = particle.diameter_nm / 2 / pixel_size_nm
        centre = particle.y_px + _MARGIN_PX, particle.x_px + _MARGIN_PX
        box, distance = window(padded, *centre, radius)
        chord = 2 * pixel_size_nm * np.sqrt(np.maximum(radius**2 - distance**2, 0))
        potential[box] += _METAL_POTENTIAL_V * chord
        absorption[box] += strength * chord / _METAL_FREE_PATH_NM
    image = bright_field(potential, absorption, pixel_size_nm, defocus_nm)
    return image[_MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]
