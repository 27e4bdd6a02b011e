"""Sliding windows as others slide them; image (1, 1, Y, X) and scores (1, K, Y, X) of float32."""

import math
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.predicting.networks import Network

SIDE = 512
_BATCH = 4  # windows a call of MONAI, as its tutorials have it
_FLIPS = ((), (2,), (3,), (2, 3))


def monai(image: NDArray[np.float32], network: Network, overlap: float) -> NDArray[np.float32]:
    """Slide by MONAI's ``sliding_window_inference``, gaussian weights."""
    import torch
    from monai.inferers import sliding_window_inference

    def answer(windows: Any) -> Any:
        return torch.from_numpy(network(windows.numpy()))

    with torch.inference_mode():
        scores = sliding_window_inference(
            torch.from_numpy(image), SIDE, _BATCH, answer, overlap=overlap, mode="gaussian"
        )
    return scores.numpy()


def nnunet(image: NDArray[np.float32], network: Network, *, mirrored: bool) -> NDArray[np.float32]:
    """Slide as nnU-Net 2 does: half a window a step, spread evenly, one window a call, gaussian.

    Parameters
    ----------
    mirrored : bool
        Average over the four flips, as nnU-Net does unless it is told not to.

    Notes
    -----
    Written after nnunetv2/inference/sliding_window_prediction.py and predict_from_raw_data.py
    (Isensee et al., Nature Methods 18, 203-211, 2021).
    """
    import torch

    weight = _gaussian()
    total, sums = None, torch.zeros(image.shape[2:])
    for y, x in product(_starts(image.shape[2]), _starts(image.shape[3])):
        window = image[..., y : y + SIDE, x : x + SIDE]
        flips = _FLIPS if mirrored else _FLIPS[:1]
        scores = sum(
            np.flip(network(np.ascontiguousarray(np.flip(window, axes))), axes) for axes in flips
        ) / len(flips)
        if total is None:
            total = torch.zeros((1, scores.shape[1], *image.shape[2:]))
        total[..., y : y + SIDE, x : x + SIDE] += torch.from_numpy(scores * weight)
        sums[y : y + SIDE, x : x + SIDE] += torch.from_numpy(weight)
    return (total / sums).numpy()


def _starts(length: int) -> list[int]:
    steps = math.ceil((length - SIDE) / (SIDE / 2)) + 1
    step = (length - SIDE) / max(1, steps - 1)
    return [round(step * number) for number in range(steps)]


def _gaussian() -> NDArray[np.float32]:
    line = np.exp(-0.5 * ((np.arange(SIDE) - SIDE // 2) / (SIDE / 8)) ** 2)
    plane = 10 * np.outer(line, line)
    return np.maximum(plane, 1e-6).astype(np.float32)
