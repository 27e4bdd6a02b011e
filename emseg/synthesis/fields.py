"""Random fields: texture, phases, dirt and uneven light."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float64]
Response = Callable[[Image], Image]


def random_field(
    rng: np.random.Generator,
    size: tuple[int, int],
    spacing_nm: tuple[float, float],
    response: Response,
) -> Image:
    """Gaussian noise with a given spectrum, mean 0 and standard deviation 1.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the noise; exactly Y * X normal deviates are drawn.
    size : tuple of int
        Y and X in pixels.
    spacing_nm : tuple of float
        Pixel height and width in nm.
    response : callable
        Amplitude as a function of the spatial frequency in 1/nm, as `blobs` or `ring` return it.

    Returns
    -------
    array of float64, shape (Y, X)
        Periodic in both directions.
    """
    ky = np.fft.fftfreq(size[0], spacing_nm[0])
    kx = np.fft.rfftfreq(size[1], spacing_nm[1])
    frequency: Image = np.hypot(ky[:, None], kx[None, :])
    spectrum = np.fft.rfft2(rng.standard_normal(size)) * response(frequency)
    spectrum[0, 0] = 0.0
    field: Image = np.fft.irfft2(spectrum, s=size)
    field /= field.std()
    return field


def blobs(length_nm: float) -> Response:
    """Spectrum of blobs without order, about ``length_nm`` across."""
    return lambda frequency: np.exp(-((frequency * length_nm) ** 2))


def ring(period_nm: float, width: float = 0.22) -> Response:
    """Spectrum of a structure with one period and no direction, as spinodal decomposition leaves.

    Parameters
    ----------
    period_nm : float
        The period.
    width : float
        Standard deviation of the frequency, relative to the frequency.

    Notes
    -----
    J. W. Cahn, J. Chem. Phys. 42 (1965) 93: superposed waves of one wavelength, random in phase
    and direction, cut at a level.
    """
    return lambda frequency: np.exp(-0.5 * ((frequency * period_nm - 1) / width) ** 2)


def illumination(rng: np.random.Generator, size: tuple[int, int], strength: float) -> Image:
    """Uneven illumination: a beam that is off centre and falls off, mean about 1.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides where the brightest spot lies.
    size : tuple of int
        Y and X in pixels.
    strength : float
        Relative difference between the brightest and the darkest corner, roughly.
    """
    angle = rng.uniform(0, 2 * np.pi)
    y, x = (np.linspace(-1, 1, each) for each in size)
    tilt = np.sin(angle) * y[:, None] + np.cos(angle) * x[None, :]
    bowl = 2 / 3 - y[:, None] ** 2 - x[None, :] ** 2
    field: Image = 1 + strength * (0.35 * tilt + 0.12 * bowl)
    return field
