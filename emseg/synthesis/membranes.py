"""Cell membranes in thin-section TEM."""

import numpy as np
from numpy.typing import NDArray

from emseg.errors import UsageError
from emseg.synthesis.fields import Image, blobs, illumination, random_field
from emseg.synthesis.imaging import camera, digitise
from emseg.synthesis.sample import Sample, compose, pixel_size, require_positive, require_size
from emseg.synthesis.tissue import Slice, Tissue

CLASSES = ("membrane", "cell")
_HALF_WIDTH_NM = 12.0  # of what the truth calls membrane: both bilayers and the cleft
_BILAYER_NM = (8.0, 4.5)  # distance of the stained bilayer from the middle of the cleft, its width
_SLABS = 5  # planes that are averaged over the thickness of a section


def membranes(
    rng: np.random.Generator,
    size: tuple[int, int] = (256, 256),
    pixel_size_nm: float = 4.0,
    *,
    cell_nm: float = 320.0,
    section_nm: float = 50.0,
    dose_per_nm2: float = 6.0,
    name: str = "membranes",
) -> Sample:
    """One stained section through nerve tissue.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of everything random.
    size : tuple of int
        Y and X in pixels.
    pixel_size_nm : float
        Pixel size in nm, at most 8: a membrane is three pixels wide then.
    cell_nm : float
        Mean diameter of a cell in nm.
    section_nm : float
        Thickness of the section in nm: membranes cut at a slant get blurred.
    dose_per_nm2 : float
        Electrons per nm².
    name : str
        Name of the micrograph.

    Returns
    -------
    Sample
        uint8; classes membrane and cell. Mitochondria and vesicles have membranes too, and are
        cell: they are there to mislead.

    Raises
    ------
    UsageError
        When a parameter is out of range.
    """
    (only,) = _sections(rng, 1, size, pixel_size_nm, None, cell_nm, section_nm, dose_per_nm2, name)
    return only


def membrane_stack(
    rng: np.random.Generator,
    planes: int = 6,
    size: tuple[int, int] = (256, 256),
    pixel_size_nm: float = 4.0,
    *,
    spacing_nm: float = 50.0,
    cell_nm: float = 320.0,
    dose_per_nm2: float = 6.0,
    name: str = "membrane_stack",
) -> tuple[Sample, ...]:
    """Cut serial sections through one block, in order, each as thick as the spacing.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of everything random.
    planes : int
        Number of sections.
    size : tuple of int
        Y and X in pixels.
    pixel_size_nm : float
        Pixel size in nm.
    spacing_nm : float
        Distance between two sections in nm.
    cell_nm : float
        Mean diameter of a cell in nm.
    dose_per_nm2 : float
        Electrons per nm².
    name : str
        Name of the stack.

    Returns
    -------
    tuple of Sample
        As `membranes` returns them, with the plane and the spacing filled in.

    Raises
    ------
    UsageError
        When a parameter is out of range.
    """
    if planes < 1:
        raise UsageError(f"a stack has at least one plane, not {planes}")
    require_positive(spacing_nm=spacing_nm)
    return _sections(
        rng, planes, size, pixel_size_nm, spacing_nm, cell_nm, spacing_nm, dose_per_nm2, name
    )


def _sections(
    rng: np.random.Generator,
    planes: int,
    size: tuple[int, int],
    pixel_size_nm: float,
    spacing_nm: float | None,
    cell_nm: float,
    section_nm: float,
    dose_per_nm2: float,
    name: str,
) -> tuple[Sample, ...]:
    """Cut, stain and record."""
    require_size(size)
    require_positive(cell_nm=cell_nm, section_nm=section_nm, dose_per_nm2=dose_per_nm2)
    calibration = pixel_size(pixel_size_nm, z_nm=spacing_nm)
    if pixel_size_nm > 8:
        raise UsageError(f"pixel_size_nm must be at most 8 to show a membrane, not {pixel_size_nm}")
    y, x = (np.arange(each, dtype=np.float64) * pixel_size_nm for each in size)
    depth = (spacing_nm or 0.0) * planes
    tissue = Tissue(rng, (float(y[-1]), float(x[-1])), depth, cell_nm)
    tones = 0.07 * rng.standard_normal(len(tissue.seeds))
    samples = []
    for plane in range(planes):
        z = plane * (spacing_nm or 0.0)
        heights = z + section_nm * (np.arange(_SLABS) / (_SLABS - 1) - 0.5)
        slabs = [tissue.cut(float(height), y, x) for height in heights]
        stain = sum(np.exp(-_stain(each, tones)) for each in slabs) / _SLABS
        truth = (slabs[_SLABS // 2].to_membrane_nm > _HALF_WIDTH_NM).astype(np.uint8)
        samples.append(
            compose(
                _record(rng, np.asarray(stain), pixel_size_nm, dose_per_nm2),
                truth,
                CLASSES,
                name=name,
                pixel_size=calibration,
                plane=None if spacing_nm is None else plane,
            )
        )
    return tuple(samples)


def _stain(cut: Slice, tones: Image) -> Image:
    """Heavy metal in the section: how much each structure absorbs."""
    middle, width = _BILAYER_NM
    plasma = np.exp(-(((cut.to_membrane_nm - middle) / width) ** 2))
    envelope = np.exp(-(((cut.into_mitochondrion_nm - 4) / 6) ** 2))
    matrix = np.clip(cut.into_mitochondrion_nm / 8, 0, 1)
    inner = np.clip((cut.into_mitochondrion_nm - 14) / 8, 0, 1)
    cristae = inner * np.clip(np.cos(cut.along_cristae), 0, 1) ** 2
    vesicle = np.exp(-(((cut.to_vesicle_nm - 19) / 5) ** 2))
    lumen = (cut.to_vesicle_nm < 15) * 0.08
    free = np.clip((cut.to_membrane_nm - 34) / 10, 0, 1) * (cut.into_mitochondrion_nm < -10)
    content = tones[cut.cell] + free * (0.55 * vesicle - lumen)
    organelles = 0.75 * envelope + 0.3 * matrix + 0.45 * cristae
    stain: Image = 0.3 + content + 1.25 * plasma + organelles
    return stain


def _record(
    rng: np.random.Generator, stain: Image, pixel_size_nm: float, dose_per_nm2: float
) -> NDArray[np.uint8]:
    """Texture, uneven stain, electrons and camera."""
    size, spacing = (stain.shape[0], stain.shape[1]), (pixel_size_nm, pixel_size_nm)
    grain = 0.11 * random_field(rng, size, spacing, blobs(9.0))
    clouds = 0.06 * random_field(rng, size, spacing, blobs(500.0))
    beam = dose_per_nm2 * pixel_size_nm**2
    light = stain * np.exp(grain + clouds) * illumination(rng, size, 0.2)
    signal = camera(rng, beam * light, blur_px=0.7, readout=0.5)
    gain = 225 / beam
    return digitise(gain * signal, np.uint8)
