"""A monolayer of MoS2 at atomic resolution in HAADF-STEM."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from emseg.errors import UsageError
from emseg.synthesis.discs import in_frame, paint, window
from emseg.synthesis.fields import Image, blobs, random_field
from emseg.synthesis.imaging import electrons
from emseg.synthesis.sample import (
    KnownObject,
    Sample,
    compose,
    pixel_size,
    require_positive,
    require_size,
)

CLASSES = ("background", "column", "vacancy")
_A_NM = 0.316
_Z_EXPONENT = 1.7  # of the intensity that an annular detector sees
_MOLYBDENUM, _SULPHUR_PAIR = 42.0**_Z_EXPONENT, 2 * 16.0**_Z_EXPONENT
_DISC_NM = 0.11  # diameter of the discs in the truth
_PROBE_NM = 0.042  # standard deviation of probe and thermal motion
_STATIC_NM = 0.004  # standard deviation of the positions
_SHARE = 0.02  # of the beam that a molybdenum atom scatters onto the detector at its centre
_STEPS = 65536  # a recorded value is a multiple of 1/65536 of the beam


def lattice(
    rng: np.random.Generator,
    size: tuple[int, int] = (256, 256),
    pixel_size_nm: float = 0.02,
    *,
    vacancies: int = 8,
    dose_per_nm2: float = 1.2e7,
    name: str = "lattice",
) -> Sample:
    """Molybdenum columns bright, pairs of sulphur atoms dim, some pairs missing.

    The intensity of a column follows Z^1.7 (the pair counts twice); the truth marks each site
    by a disc. Sites that lie off the image are drawn as far as they reach into it.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of everything random.
    size : tuple of int
        Y and X in pixels.
    pixel_size_nm : float
        Pixel size in nm, at most 0.06.
    vacancies : int
        Number of missing sulphur pairs, all wholly inside the image.
    dose_per_nm2 : float
        Electrons per nm².
    name : str
        Name of the micrograph.

    Returns
    -------
    Sample
        float32, share of the beam that reached the detector; classes background, column and
        vacancy; the objects are all sites that the image shows.

    Raises
    ------
    UsageError
        When a parameter is out of range or there are fewer sulphur sites than vacancies.
    """
    require_size(size)
    require_positive(dose_per_nm2=dose_per_nm2)
    calibration = pixel_size(pixel_size_nm)
    if pixel_size_nm > 0.06:
        raise UsageError(f"pixel_size_nm must be at most 0.06 to show atoms, not {pixel_size_nm}")
    sites, is_sulphur = _sites(rng, size, pixel_size_nm)
    missing = _choose(rng, sites, is_sulphur, size, pixel_size_nm, vacancies)
    weights = np.where(is_sulphur, _SULPHUR_PAIR, _MOLYBDENUM) / _MOLYBDENUM
    scattered = _scattering(size, pixel_size_nm, sites[~missing], weights[~missing])
    objects = in_frame(
        (
            KnownObject("vacancy" if gone else "column", float(y), float(x), _DISC_NM)
            for (y, x), gone in zip(sites, missing, strict=True)
        ),
        size,
        pixel_size_nm,
    )
    return compose(
        _scan(rng, scattered, pixel_size_nm, dose_per_nm2),
        paint(objects, CLASSES, size, pixel_size_nm),
        CLASSES,
        name=name,
        pixel_size=calibration,
        objects=objects,
    )


def _sites(
    rng: np.random.Generator, size: tuple[int, int], pixel_size_nm: float
) -> tuple[Image, NDArray[np.bool_]]:
    """Positions in pixels (y, x), turned at random, and which are sulphur."""
    reach = math.hypot(*size) * pixel_size_nm / 2 + 2 * _A_NM
    steps = np.arange(-math.ceil(1.3 * reach / _A_NM), math.ceil(1.3 * reach / _A_NM) + 1)
    turn = rng.uniform(0, math.pi / 3)
    a = _A_NM * np.array([math.sin(turn), math.cos(turn)])
    b = _A_NM * np.array([math.sin(turn + math.pi / 3), math.cos(turn + math.pi / 3)])
    cells = (steps[:, None, None] * a + steps[None, :, None] * b).reshape(-1, 2)
    cells = cells + rng.uniform(0, _A_NM, 2)
    positions = np.concatenate([cells, cells + (a + b) / 3])
    positions = positions + _STATIC_NM * rng.standard_normal(positions.shape)
    centre = (np.array(size) - 1) / 2
    pixels = positions / pixel_size_nm + centre
    margin = 4 * _PROBE_NM / pixel_size_nm
    near = np.all((pixels > -margin) & (pixels < np.array(size) - 1 + margin), axis=1)
    is_sulphur = np.arange(len(positions)) >= len(cells)
    return pixels[near], is_sulphur[near]


def _choose(
    rng: np.random.Generator,
    sites: Image,
    is_sulphur: NDArray[np.bool_],
    size: tuple[int, int],
    pixel_size_nm: float,
    vacancies: int,
) -> NDArray[np.bool_]:
    """Which sites are vacant."""
    margin = _DISC_NM / pixel_size_nm
    inside = np.all((sites > margin) & (sites < np.array(size) - 1 - margin), axis=1)
    candidates = np.flatnonzero(inside & is_sulphur)
    if not 0 <= vacancies <= len(candidates):
        raise UsageError(f"vacancies must lie between 0 and {len(candidates)}, not {vacancies}")
    missing = np.zeros(len(sites), bool)
    missing[rng.choice(candidates, vacancies, replace=False)] = True
    return missing


def _scattering(size: tuple[int, int], pixel_size_nm: float, sites: Image, weights: Image) -> Image:
    """Share of the beam that reaches the detector at each position of the probe."""
    sigma = _PROBE_NM / pixel_size_nm
    image = np.zeros(size)
    for (y, x), weight in zip(sites, weights, strict=True):
        box, distance = window(size, y, x, 4 * sigma)
        image[box] += weight * np.exp(-0.5 * (distance / sigma) ** 2)
    tails: Image = ndimage.gaussian_filter(image, 3 * sigma)
    return _SHARE * (image + 0.5 * tails)


def _scan(
    rng: np.random.Generator, scattered: Image, pixel_size_nm: float, dose_per_nm2: float
) -> NDArray[np.float32]:
    """Contamination, lines that are out of place, electrons and the amplifier's noise."""
    size = (scattered.shape[0], scattered.shape[1])
    dirt = random_field(rng, size, (pixel_size_nm, pixel_size_nm), blobs(1.2))
    clean = scattered + 0.09 * _SHARE * np.maximum(dirt + 0.5, 0) + 0.03 * _SHARE
    rows, columns = np.indices(size, float)
    jitter = 0.35 * rng.standard_normal((size[0], 1))
    placed = ndimage.map_coordinates(clean, [rows, columns + jitter], order=1, mode="nearest")
    beam = dose_per_nm2 * pixel_size_nm**2
    gain = 1 + 0.02 * rng.standard_normal((size[0], 1))
    counts = electrons(rng, beam * placed) * gain + 0.6 * rng.standard_normal(size)
    recorded = np.round(counts / beam * _STEPS) / _STEPS
    return recorded.astype(np.float32)
