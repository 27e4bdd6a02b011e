"""From a specimen to a recorded image: lens, electrons, detector."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from emseg.synthesis.fields import Image

_WAVELENGTH_NM = 0.002508  # of electrons at 200 kV
_RADIANS_PER_V_NM = 0.00729  # interaction constant at 200 kV
_SPHERICAL_ABERRATION_NM = 1.2e6
_CONVERGENCE = 1e-4  # half angle of the illumination in rad
_SHARES = 1024  # an expected count is a multiple of 1/1024, whatever the last bit of an FFT says


def bright_field(
    potential_v_nm: Image, absorption: Image, pixel_size_nm: float, defocus_nm: float
) -> Image:
    """Intensity of a bright-field TEM image at 200 kV.

    The specimen changes phase and amplitude of a plane wave; the objective lens adds the
    aberration phase χ(k) = π λ Δf k² + π/2 Cs λ³ k⁴ to every spatial frequency, and the
    illumination's convergence damps the high ones.

    Parameters
    ----------
    potential_v_nm : array, shape (Y, X)
        Electrostatic potential projected along the beam, in V nm.
    absorption : array, shape (Y, X)
        Mass thickness in units of its mean free path: intensity is exp(-absorption).
    pixel_size_nm : float
        Pixel size in nm.
    defocus_nm : float
        Defocus; positive is under focus.

    Returns
    -------
    array of float64, shape (Y, X)
        Relative to the intensity without a specimen.

    Notes
    -----
    E. J. Kirkland, Advanced Computing in Electron Microscopy, chapters 3 and 5.
    """
    wave = np.exp(1j * _RADIANS_PER_V_NM * potential_v_nm - absorption / 2)
    ky, kx = (np.fft.fftfreq(each, pixel_size_nm) for each in wave.shape)
    k = np.hypot(ky[:, None], kx[None, :])
    theta = _WAVELENGTH_NM * k
    chi = (
        math.pi / _WAVELENGTH_NM * (_SPHERICAL_ABERRATION_NM * theta**4 / 2 - defocus_nm * theta**2)
    )
    slope = _SPHERICAL_ABERRATION_NM * theta**3 - defocus_nm * theta
    envelope = np.exp(-((math.pi * _CONVERGENCE / _WAVELENGTH_NM * slope) ** 2) / math.log(2))
    image: Image = np.abs(np.fft.ifft2(np.fft.fft2(wave) * np.exp(-1j * chi) * envelope)) ** 2
    return image


def electrons(rng: np.random.Generator, expected: Image) -> Image:
    """Electrons counted where ``expected`` would arrive on average (Poisson statistics)."""
    rounded = np.round(np.maximum(expected, 0.0) * _SHARES) / _SHARES
    return rng.poisson(rounded).astype(np.float64)


def camera(rng: np.random.Generator, expected: Image, *, blur_px: float, readout: float) -> Image:
    """Signal of a scintillator camera, in electrons.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of shot and readout noise.
    expected : array, shape (Y, X)
        Mean number of electrons in each pixel.
    blur_px : float
        Standard deviation of the light spot of one electron, in pixels.
    readout : float
        Standard deviation of the readout noise, in electrons.
    """
    spread: Image = ndimage.gaussian_filter(electrons(rng, expected), blur_px)
    return spread + readout * rng.standard_normal(expected.shape)


def digitise(signal: Image, dtype: type[np.uint8] | type[np.uint16]) -> NDArray[Any]:
    """Round to grey levels and clip to what the dtype holds."""
    return np.clip(np.rint(signal), 0, np.iinfo(dtype).max).astype(dtype)
