"""The halo of a model is measured with its trained weights on real pixels."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emseg.tiling import padded_length

_SAME_CLASS = 0.999  # share of pixels whose most probable class must stay
_BAND = 64  # pixels beyond the halo that are judged: a tile's rim, not its untouched middle
_QUANTILE, _CHANGE = 0.999, 0.01  # 99.9 % of the probabilities change by at most this


def measure_halo(
    network: nn.Module, image: NDArray[np.float32], *, stride: int, receptive_field: int | None
) -> int:
    """Find the smallest margin beyond which a tile's edge does not show.

    The image is cut in two, both halves are predicted and compared with the prediction of
    the whole, at each distance from the cut::

        whole   |. . . . . . . . . . . . . . . .|
        halves  |. . . . . . . .|. . . . . . . .|
                      <-- halo -->

    Parameters
    ----------
    network : nn.Module
        In evaluation mode; its input sizes are multiples of ``stride``.
    image : array of float32, shape (C, Y, X)
        Normalised real pixels; the larger, the better. It is cropped to the stride.
    stride : int
        Total stride of the network.
    receptive_field : int or None
        In pixels; the halo never needs to be more than half of it.

    Returns
    -------
    int
        A multiple of the stride. When the image is too small to show the end of the
        influence, half the receptive field, or a quarter of the image without one.
    """
    height, width = (length // (2 * stride) * 2 * stride for length in image.shape[1:])
    furthest = receptive_field // 2 if receptive_field else max(1, min(height, width) // 4)
    bound = padded_length(furthest, stride)
    if min(height, width) == 0:
        return bound
    pixels = image[:, :height, :width]
    whole = _predict(network, pixels)
    changes = [_changes_by_distance(network, pixels, whole, axis) for axis in (1, 2)]
    needed = [_smallest(moved, flipped, stride) for moved, flipped in changes]
    return max(min(bound, each) if each is not None else bound for each in needed)


def _changes_by_distance(
    network: nn.Module, pixels: NDArray[np.float32], whole: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Change of probability and of class, shape (distance, pixels at that distance)."""
    moved, flipped = [], []
    for half, truth, outwards in zip(
        np.split(pixels, 2, axis), np.split(whole, 2, axis), (-1, 1), strict=True
    ):
        part = np.moveaxis(_predict(network, half), axis, 1)[:, ::outwards]
        expected = np.moveaxis(truth, axis, 1)[:, ::outwards]
        moved.append(np.abs(part - expected).max(axis=0))
        flipped.append(part.argmax(axis=0) != expected.argmax(axis=0))
    return np.concatenate(moved, axis=1), np.concatenate(flipped, axis=1)


def _smallest(moved: NDArray[np.float32], flipped: NDArray[np.bool_], stride: int) -> int | None:
    """Smallest halo beyond which little changes; None when the half is too small to show it."""
    for halo in range(0, len(moved), stride):
        band = slice(halo, halo + _BAND)
        changed = float(np.quantile(moved[band], _QUANTILE))
        if changed <= _CHANGE and 1 - float(flipped[band].mean()) >= _SAME_CLASS:
            return halo
    return None


def _predict(network: nn.Module, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    first = next(network.parameters())
    image = torch.from_numpy(np.ascontiguousarray(pixels))[None].to(first.device)
    with torch.inference_mode():
        answer = torch.softmax(network(image), dim=1)[0].float().cpu().numpy()
    return np.asarray(answer, dtype=np.float32)
