"""Crops are varied the way micrographs vary: turned, stretched, brighter, noisier, blurred.

torchvision's functional transforms do the work; each number comes from the random generator
of the sample, so that what a sample is depends on (seed, index) alone.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode, functional

_WINDOW = 1.25  # side of the window that is read for a warped crop of side 1


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a crop is turned, mirrored and warped.

    Parameters
    ----------
    turns : int
        Quarter turns, 0 to 3.
    mirrored : bool
        Whether left and right change places.
    angle, scale : float
        Rotation in degrees and magnification; 0 and 1 leave the grid as it is.
    """

    turns: int
    mirrored: bool
    angle: float = 0.0
    scale: float = 1.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """Draw one of the eight symmetries and, three times in ten, a warp."""
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        if rng.random() >= 0.3:
            return cls(turns, mirrored)
        return cls(turns, mirrored, rng.uniform(-45, 45), math.exp(rng.uniform(-0.3, 0.3)))

    @property
    def warps(self) -> bool:
        """Whether pixels are interpolated."""
        return self.angle != 0 or self.scale != 1

    def window(self, crop: int) -> int:
        """Side of what is read for a crop of this side."""
        return int(crop * _WINDOW) if self.warps else crop

    def apply(
        self, image: Tensor, labels: Tensor, crop: int, unlabelled: int
    ) -> tuple[Tensor, Tensor]:
        """Cut the crop out of the window that was read.

        Parameters
        ----------
        image, labels : Tensor of float32, shapes (C, Y, X) and (1, Y, X)
            The window.
        crop : int
            Side of the result.
        unlabelled : int
            Label of what lies outside the window.
        """
        if self.warps:
            how = self.angle, [0, 0], self.scale, [0.0, 0.0]
            image = functional.affine(image, *how, interpolation=InterpolationMode.BILINEAR)
            labels = functional.affine(labels, *how, fill=[float(unlabelled)])
            image, labels = (functional.center_crop(each, [crop, crop]) for each in (image, labels))
        image, labels = (torch.rot90(each, self.turns, dims=(-2, -1)) for each in (image, labels))
        if self.mirrored:
            image, labels = image.flip(-1), labels.flip(-1)
        return image.contiguous(), labels.contiguous()


def vary_intensity(rng: np.random.Generator, image: Tensor) -> Tensor:
    """Vary contrast and brightness always; gamma, blur and noise now and then.

    Parameters
    ----------
    rng : Generator
        Of this sample.
    image : Tensor of float32, shape (C, Y, X)
        Normalised: mean about 0, standard deviation about 1.
    """
    contrast, brightness = math.exp(rng.normal(0, 0.2)), float(rng.normal(0, 0.2))
    image = image * contrast + brightness
    if rng.random() < 0.3:
        image = _gamma(image, math.exp(rng.normal(0, 0.25)))
    if rng.random() < 0.2:
        image = functional.gaussian_blur(image, [7, 7], [float(rng.uniform(0.4, 1.5))])
    if rng.random() < 0.3:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        image = image + float(rng.uniform(0, 0.3)) * torch.from_numpy(noise)
    return image


def _gamma(image: Tensor, exponent: float) -> Tensor:
    """Bend the grey scale between its darkest and brightest pixel."""
    low, high = image.amin(), image.amax()
    span = (high - low).clamp_min(1e-6)
    return ((image - low) / span) ** exponent * span + low
