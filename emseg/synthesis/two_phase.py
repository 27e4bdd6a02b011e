"""A two-phase alloy in the SEM, with the information bar that microscopes burn into an image."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from emseg.errors import UsageError
from emseg.micrograph import UNLABELLED_8
from emseg.synthesis.fields import Image, blobs, illumination, random_field, ring
from emseg.synthesis.imaging import digitise, electrons
from emseg.synthesis.information_bar import information_bar
from emseg.synthesis.sample import (
    Sample,
    compose,
    pixel_size,
    require_positive,
    require_share,
    require_size,
)

CLASSES = ("alpha", "beta")
_YIELD = (0.36, 0.58)  # secondary electrons that alpha and beta give


def two_phase(
    rng: np.random.Generator,
    size: tuple[int, int] = (256, 256),
    pixel_size_nm: float = 10.0,
    *,
    fraction: float = 0.45,
    period_nm: float = 380.0,
    tilt_degrees: float = 0.0,
    bar_px: int = 32,
    electrons_per_pixel: float = 90.0,
    name: str = "two_phase",
) -> Sample:
    """Spinodal two-phase structure, etched: beta stands out and its edges are bright.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of everything random.
    size : tuple of int
        Y and X in pixels, the bar included.
    pixel_size_nm : float
        Width of a pixel in nm; its height is that divided by cos(tilt).
    fraction : float
        Share of the specimen's pixels that are beta, kept to the pixel.
    period_nm : float
        Distance between neighbouring ligaments in nm.
    tilt_degrees : float
        Tilt of the surface about the x axis, 0 to 80 degrees: it foreshortens y.
    bar_px : int
        Height of the information bar; 0 for none.
    electrons_per_pixel : float
        Mean number of electrons that a pixel of yield 1 collects.
    name : str
        Name of the micrograph.

    Returns
    -------
    Sample
        uint8; classes alpha and beta, and 255 (unlabelled) where the bar is.

    Raises
    ------
    UsageError
        When a parameter is out of range.
    """
    require_size(size)
    require_share(fraction=fraction)
    require_positive(period_nm=period_nm, electrons_per_pixel=electrons_per_pixel)
    if not 0 <= tilt_degrees <= 80:
        raise UsageError(f"tilt_degrees must lie between 0 and 80, not {tilt_degrees}")
    if not 0 <= bar_px <= size[0] - 16:
        raise UsageError(f"bar_px must leave 16 rows of the image of {size[0]}, not {bar_px}")
    calibration = pixel_size(pixel_size_nm / math.cos(math.radians(tilt_degrees)), pixel_size_nm)
    spacing = (calibration.y_nm, calibration.x_nm)
    specimen = (size[0] - bar_px, size[1])
    field = _field(rng, specimen, spacing, period_nm)
    level, beta = _split(field, fraction)
    emitted = _emission(rng, field - level, spacing)
    image = _detect(rng, emitted, electrons_per_pixel)
    bar = information_bar((bar_px, size[1]), pixel_size_nm)
    outside = np.full((bar_px, size[1]), UNLABELLED_8, np.uint8)
    return compose(
        np.vstack([image, bar]),
        np.vstack([beta, outside]),
        CLASSES,
        name=name,
        pixel_size=calibration,
    )


def _field(
    rng: np.random.Generator, size: tuple[int, int], spacing: tuple[float, float], period_nm: float
) -> Image:
    """Cut the image out of a larger periodic field, so that its sides do not match."""
    padding = [math.ceil(period_nm / each) for each in spacing]
    padded = (size[0] + padding[0], size[1] + padding[1])
    return random_field(rng, padded, spacing, ring(period_nm))[: size[0], : size[1]]


def _split(field: Image, fraction: float) -> tuple[float, NDArray[np.uint8]]:
    """Level above which the asked share of the pixels lies, and those pixels."""
    above = round(fraction * field.size)
    order = np.sort(field, axis=None)
    level = float(order[max(0, field.size - above - 1)])
    return level, (field > level).astype(np.uint8)


def _emission(rng: np.random.Generator, height: Image, spacing: tuple[float, float]) -> Image:
    """Yield of secondary electrons: phase, edges, slopes and grain."""
    slope_y, slope_x = np.gradient(height, *spacing)
    steepness = np.hypot(slope_y, slope_x)
    typical = math.sqrt(float(np.mean(steepness**2)))
    depth = height / np.hypot(steepness, 0.5 * typical)  # distance from the interface in nm
    unit = max(spacing)
    beta = 0.5 + 0.5 * np.tanh(depth / unit)
    edge = np.exp(-np.abs(depth) / (3.0 * unit)) * beta
    shadow = np.exp(-np.abs(depth) / (4.5 * unit)) * (1 - beta)
    wall = (slope_x + 0.5 * slope_y) / typical * np.exp(-((depth / (2.5 * unit)) ** 2))
    grain = random_field(rng, (height.shape[0], height.shape[1]), spacing, blobs(2.5 * unit))
    stains = random_field(rng, (height.shape[0], height.shape[1]), spacing, blobs(40 * unit))
    base = _YIELD[0] + (_YIELD[1] - _YIELD[0]) * beta
    emitted: Image = base + 0.3 * edge - 0.12 * shadow + 0.05 * wall + 0.022 * grain + 0.03 * stains
    return emitted


def _detect(
    rng: np.random.Generator, emitted: Image, electrons_per_pixel: float
) -> NDArray[np.uint8]:
    """Probe size, charging along the scan lines, shot noise and the amplifier's noise."""
    size = (emitted.shape[0], emitted.shape[1])
    probe = ndimage.gaussian_filter(emitted, 0.7) * illumination(rng, size, 0.25)
    lines = 1 + 0.012 * rng.standard_normal((size[0], 1))
    counts = electrons(rng, electrons_per_pixel * probe * lines) / electrons_per_pixel
    return digitise(255 * (counts + 0.012 * rng.standard_normal(size)), np.uint8)
