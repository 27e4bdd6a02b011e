"""How crops are turned, mirrored, magnified and bent; their labels with them.

torchvision's functional transforms do the work; each number comes from the random generator
of the sample, so that what a sample is depends on (seed, index) alone.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as nn_functional
from torchvision.transforms.v2 import InterpolationMode, functional

from emseg.learning import Augment

_WINDOW = 1.25  # side of the window that is read for a warped crop of side 1, at least
_SPARE = 1.1  # of a crop that shows more than its side
_KNOTS = 5  # a side of the grid of random shifts that bend a crop


@dataclass(frozen=True, slots=True)
class Range:
    """How far crops are warped, and how often.

    Parameters
    ----------
    often : float
        Share of the crops that are warped.
    angle : float
        Largest rotation in degrees.
    scale : float
        Largest logarithm of the magnification.
    bent : float
        Share of the warped crops that are bent too.
    """

    often: float
    angle: float
    scale: float
    bent: float = 0.0


_RANGES = {
    Augment.NONE: Range(0.0, 0.0, 0.0),
    Augment.USUAL: Range(0.3, 45.0, 0.3),
    Augment.STRONG: Range(0.6, 45.0, 0.6, bent=0.3),
}


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
    shifts : tuple of float
        Down and to the right at each knot of a grid over the window, in shares of its side, as
        drift and charging bend a scan; empty for none.
    """

    turns: int = 0
    mirrored: bool = False
    angle: float = 0.0
    scale: float = 1.0
    shifts: tuple[float, ...] = ()

    @classmethod
    def draw(
        cls, rng: np.random.Generator, augment: Augment = Augment.USUAL, *, rotate: bool = True
    ) -> Self:
        """Draw one of the eight symmetries and, of some crops, a warp.

        Parameters
        ----------
        rng : Generator
            Of this sample.
        augment : Augment
            How often, and how far.
        rotate : bool
            False where labels depend on the orientation: nothing is turned or mirrored.
        """
        ranges = _RANGES[augment]
        if augment is Augment.NONE:
            return cls()
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        if not rotate:
            turns, mirrored = 0, False
        if rng.random() >= ranges.often:
            return cls(turns, mirrored)
        angle = rng.uniform(-ranges.angle, ranges.angle) if rotate else 0.0
        scale = math.exp(rng.uniform(-ranges.scale, ranges.scale))
        shifts: tuple[float, ...] = ()
        if ranges.bent and rng.random() < ranges.bent:
            shifts = tuple(rng.normal(0, rng.uniform(0, 0.02), 2 * _KNOTS**2).tolist())
        return cls(turns, mirrored, angle, scale, shifts)

    @property
    def warps(self) -> bool:
        """Whether pixels are interpolated."""
        return self.angle != 0 or self.scale != 1 or bool(self.shifts)

    def window(self, crop: int) -> int:
        """Side of what is read for a crop of this side."""
        return int(crop * max(_WINDOW, _SPARE / self.scale)) if self.warps else crop

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
            image, labels = self._warped(image, labels, float(unlabelled))
            image, labels = (functional.center_crop(each, [crop, crop]) for each in (image, labels))
        image, labels = (torch.rot90(each, self.turns, dims=(-2, -1)) for each in (image, labels))
        if self.mirrored:
            image, labels = image.flip(-1), labels.flip(-1)
        return image.contiguous(), labels.contiguous()

    def _warped(self, image: Tensor, labels: Tensor, unlabelled: float) -> tuple[Tensor, Tensor]:
        if self.angle != 0 or self.scale != 1:
            how = self.angle, [0, 0], self.scale, [0.0, 0.0]
            image = functional.affine(image, *how, interpolation=InterpolationMode.BILINEAR)
            labels = functional.affine(labels, *how, fill=[unlabelled])
        if self.shifts:
            knots = torch.tensor(self.shifts).reshape(1, 2, _KNOTS, _KNOTS)
            field = nn_functional.interpolate(
                knots, image.shape[1:], mode="bicubic", align_corners=True
            ).movedim(1, -1)
            image = functional.elastic(image, field, InterpolationMode.BILINEAR)
            labels = functional.elastic(labels, field, InterpolationMode.NEAREST, fill=[unlabelled])
        return image, labels
