"""How the grey levels of crops are varied: as detectors, settings and specimens differ.

Crops are normalised: mean about 0 and standard deviation about 1 over the micrograph. Each number
comes from the random generator of the sample, so that what a sample is depends on (seed, index)
alone.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as nn_functional
from torchvision.transforms.v2 import functional

from emseg.learning import Augment

_Change = Callable[[np.random.Generator, Tensor], Tensor]
_KNOTS = 6  # of a random contrast curve
_MILD = 0.5  # share of the crops of a strong augmentation that are varied as usual


def strength_of(rng: np.random.Generator, augment: Augment) -> Augment:
    """Say how much a crop is varied: of a strong augmentation half of them as usual.

    What a model knows of its own microscope would suffer otherwise (``benchmarks/shift.py``).
    """
    is_mild = augment is Augment.STRONG and rng.random() < _MILD
    return Augment.USUAL if is_mild else augment


def vary_intensity(
    rng: np.random.Generator, image: Tensor, augment: Augment = Augment.USUAL
) -> Tensor:
    """Vary contrast and brightness always; the rest now and then.

    Parameters
    ----------
    rng : Generator
        Of this sample.
    image : Tensor of float32, shape (C, Y, X)
        Normalised: mean about 0, standard deviation about 1.
    augment : Augment
        How much: ``usual`` as micrographs of one microscope differ, ``strong`` as those of several.
    """
    for often, change in _CHANGES[augment]:
        if often == 1 or rng.random() < often:
            image = change(rng, image)
    return image


def _brightness(spread: float) -> _Change:
    def change(rng: np.random.Generator, image: Tensor) -> Tensor:
        contrast, brightness = math.exp(rng.normal(0, spread)), float(rng.normal(0, spread))
        return image * contrast + brightness

    return change


def _gamma(spread: float) -> _Change:
    """Bend the grey scale between its darkest and brightest pixel."""

    def change(rng: np.random.Generator, image: Tensor) -> Tensor:
        exponent = math.exp(rng.normal(0, spread))
        low, high = image.amin(), image.amax()
        span = (high - low).clamp_min(1e-6)
        return ((image - low) / span) ** exponent * span + low

    return change


def _curve(rng: np.random.Generator, image: Tensor) -> Tensor:
    """Send grey levels through a random curve that rises everywhere, as another detector does."""
    low, high = float(image.amin()), float(image.amax())
    if high - low < 1e-6:
        return image
    steps = np.exp(rng.normal(0, 0.7, _KNOTS - 1))
    heights = low + (high - low) * np.concatenate([[0], np.cumsum(steps) / steps.sum()])
    levels = np.interp(image.numpy(), np.linspace(low, high, _KNOTS), heights)
    return torch.from_numpy(levels.astype(np.float32))


def _inverted(_rng: np.random.Generator, image: Tensor) -> Tensor:
    return -image


def _blur(strongest: float) -> _Change:
    def change(rng: np.random.Generator, image: Tensor) -> Tensor:
        sigma = float(rng.uniform(0.4, strongest))
        side = 2 * math.ceil(2 * sigma) + 1
        blurred: Tensor = functional.gaussian_blur(image, [max(7, side)] * 2, [sigma])
        return blurred

    return change


def _sharpened(rng: np.random.Generator, image: Tensor) -> Tensor:
    blurred: Tensor = functional.gaussian_blur(image, [7, 7], [1.0])
    return image + float(rng.uniform(0.3, 1.5)) * (image - blurred)


def _coarser(rng: np.random.Generator, image: Tensor) -> Tensor:
    """Lose detail, as at a lower magnification or a larger pixel."""
    size = list(image.shape[1:])
    factor = rng.uniform(0.4, 0.8)
    smaller = [max(1, round(length * factor)) for length in size]
    small = nn_functional.interpolate(image[None], smaller, mode="area")
    return nn_functional.interpolate(small, size, mode="bilinear", align_corners=False)[0]


def _noise(strongest: float) -> _Change:
    def change(rng: np.random.Generator, image: Tensor) -> Tensor:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        return image + float(rng.uniform(0, strongest)) * torch.from_numpy(noise)

    return change


def _shot_noise(rng: np.random.Generator, image: Tensor) -> Tensor:
    """Noise of counted electrons: its variance grows with the brightness."""
    low, high = image.amin(), image.amax()
    spread = ((image - low) / (high - low).clamp_min(1e-6)).sqrt()
    noise = torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32))
    return image + float(rng.uniform(0, 0.6)) * spread * noise


def _shading(rng: np.random.Generator, image: Tensor) -> Tensor:
    """Brightness that changes slowly over the crop, as with charging and tilted detectors."""
    height, width = image.shape[1:]
    rows = torch.linspace(-1, 1, height)[:, None]
    columns = torch.linspace(-1, 1, width)[None]
    a, b, c, d = (float(each) for each in rng.normal(0, 1, 4))
    field = a * rows + b * columns + c * rows * columns + d * (rows**2 + columns**2 - 2 / 3)
    return image + float(rng.uniform(0.05, 0.35)) * field


def _lines(rng: np.random.Generator, image: Tensor) -> Tensor:
    """Lines of a scan that are brighter or darker than their neighbours, or repeat them."""
    height = image.shape[1]
    offsets = rng.normal(0, rng.uniform(0.02, 0.2), height).astype(np.float32)
    image = image + torch.from_numpy(offsets)[None, :, None]
    missing = rng.integers(1, max(2, height), rng.integers(0, 3))
    for row in missing[missing < height]:
        image[:, row] = image[:, row - 1]
    return image


_CHANGES: dict[Augment, tuple[tuple[float, _Change], ...]] = {
    Augment.NONE: (),
    Augment.USUAL: (
        (1, _brightness(0.2)),
        (0.3, _gamma(0.25)),
        (0.2, _blur(1.5)),
        (0.3, _noise(0.3)),
    ),
    Augment.STRONG: (
        (0.2, _inverted),
        (1, _brightness(0.3)),
        (0.3, _gamma(0.4)),
        (0.3, _curve),
        (0.15, _coarser),
        (0.25, _blur(2.5)),
        (0.1, _sharpened),
        (0.2, _shading),
        (0.3, _noise(0.5)),
        (0.2, _shot_noise),
        (0.05, _lines),
    ),
}
"""Share of the crops, and what happens to them, in this order."""
