"""The image by which an export is checked, where it is made and wherever it is used."""

import numpy as np
from numpy.typing import NDArray

from emseg.bundle import ModelCard
from emseg.config import Task
from emseg.tiling import padded_length

_SIDE = 256  # pixels of an image, unless the network was trained at one size
_SCALES = (1, 4, 16, 64)  # pixels of the grains of a stand-in


def side_of(card: ModelCard) -> int:
    """Side in pixels of the images that a model is checked with; a multiple of its stride."""
    if card.task is Task.CLASSIFICATION:
        return card.crop
    if card.global_context:
        return padded_length(card.tile or card.crop, card.stride)
    return padded_length(_SIDE, card.stride)


def sizes_of(card: ModelCard) -> tuple[tuple[int, int], ...]:
    """Heights and widths that an export is compared at.

    A network that looks at the whole tile is given tiles of one size; of all others a file must
    hold at any::

        # # # #     # # # #     # # .
        # # # #     # # # #     # # .
        # # # #     . . . .     # # .
        # # # #     . . . .     . . .
    """
    side = side_of(card)
    if card.global_context or card.task is Task.CLASSIFICATION:
        return ((side, side),)
    half, most = (padded_length(part, card.stride) for part in (side // 2, 3 * side // 4))
    return ((side, side), (half, side), (most, half))


def fitted(image: NDArray[np.float32], card: ModelCard) -> NDArray[np.float32]:
    """Cut an image, shape (C, Y, X), to the side that a model is checked with, or mirror it."""
    side = side_of(card)
    margins = [(0, max(0, side - length)) for length in image.shape[1:]]
    whole = np.pad(image, [(0, 0), *margins], mode="symmetric")
    return np.ascontiguousarray(whole[None, :, :side, :side], dtype=np.float32)


def stand_in(card: ModelCard) -> NDArray[np.float32]:
    """Draw an image where no micrograph is at hand: grains of several sizes.

    Its values are distributed as those of the training, as far as the card knows them.

    Returns
    -------
    array of float32, shape (C, Y, X)
        Normalised.
    """
    side, rng = side_of(card), np.random.default_rng(0)
    planes = np.zeros((card.in_channels, side, side))
    for scale in _SCALES:
        count = -(-side // scale)
        grains = rng.standard_normal((card.in_channels, count, count))
        planes += np.kron(grains, np.ones((1, scale, scale)))[:, :side, :side]
    planes /= len(_SCALES) ** 0.5
    if card.polarity is not None:
        known = np.tile(card.polarity.quantiles, (card.slices, 1))
        for plane, quantiles in zip(planes, known, strict=True):
            ranks = plane.ravel().argsort().argsort().reshape(plane.shape) / (plane.size - 1)
            plane[:] = np.interp(ranks, np.linspace(0, 1, len(quantiles)), quantiles)
    return planes.astype(np.float32)
