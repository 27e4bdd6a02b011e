"""Occlusion: how much a class loses when a patch of the micrograph is covered with grey."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emseg.explanation.target import ExplainedTarget

_WORK = {"cpu": 1.5e12}  # operations that take two cores half a minute to a minute
_WORK_GPU = 1e14
_MOST = {"cpu": 1000}  # positions in all: small networks take longer than they calculate
_MOST_GPU = 20_000
_FINEST, _COARSEST = 64, 4  # steps along a view
_BATCH_PIXELS = 1 << 18  # pixels that go through the network at a time


@dataclass(frozen=True, slots=True)
class Raster:
    """Where patches are put.

    Parameters
    ----------
    patch : int
        Side of the grey square in pixels of the network's input.
    step : int
        Distance from one to the next.
    """

    patch: int
    step: int

    def positions(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """List the top left corners: every step, and one at the end of each axis.

        ::

            length 10, patch 4, step 3     0 0 0 0
                                                 3 3 3 3
                                                       6 6 6 6
        """
        rows, columns = (self._starts(length) for length in size)
        return [(row, column) for row in rows for column in columns]

    def _starts(self, length: int) -> list[int]:
        last = max(0, length - self.patch)
        return sorted({*range(0, last, self.step), last})


def choose_raster(
    network: nn.Module, image: Tensor, views: int, patch: int | None = None
) -> Raster:
    """Choose a raster whose work is bounded; the same on every machine of a kind.

    Parameters
    ----------
    network : nn.Module
        Its operations are counted on one image.
    image : Tensor, shape (1, C, Y, X)
        A view.
    views : int
        How many there are.
    patch : int or None
        The patch that the user wants; patches overlap by half in any case.
    """
    if patch is not None:
        return Raster(patch, max(1, patch // 2))
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    work = _WORK.get(image.device.type, _WORK_GPU) / max(1, counter.get_total_flops())
    positions = max(1.0, min(work, _MOST.get(image.device.type, _MOST_GPU)) / views)
    height, width = image.shape[2:]
    affordable = (height * width / positions) ** 0.5
    side = min(height, width)
    step = int(np.clip(np.ceil(affordable), np.ceil(side / _FINEST), np.ceil(side / _COARSEST)))
    return Raster(2 * step, step)


def occlusion(
    network: nn.Module,
    image: Tensor,
    target: ExplainedTarget,
    grey: Tensor,
    raster: Raster,
    size: tuple[int, int],
    done: Callable[[int], None],
) -> NDArray[np.float32]:
    """Map how much the probability of a class falls where a patch is covered.

    Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014,
    section 4.2.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode.
    image : Tensor, shape (1, C, Y, X)
        Normalised.
    target : ExplainedTarget
        The class, and the pixels of a segmentation.
    grey : Tensor, shape (C, 1, 1)
        What covers: the mean of the micrograph.
    raster : Raster
        Patch and step.
    size : tuple of int
        Height and width that hold the micrograph; what lies beyond is padding.
    done : callable
        Told how many positions more are done.

    Returns
    -------
    array of float32, shape (Y, X)
        Mean fall over the patches that cover a pixel, -1 to 1; negative where the class becomes
        more probable.
    """
    total, count = np.zeros(size), np.zeros(size)
    with torch.inference_mode():
        before = float(target.probability(network(image))[0])
        for part in _parts(raster.positions(size), image):
            covered = image.repeat(len(part), 1, 1, 1)
            for copy, place in zip(covered, part, strict=True):
                copy[:, *_patch(place, raster, size)] = grey
            after = target.probability(network(covered)).cpu().numpy()
            for fall, place in zip(before - after, part, strict=True):
                total[_patch(place, raster, size)] += fall
                count[_patch(place, raster, size)] += 1
            done(len(part))
    return (total / count).astype(np.float32)


def _parts(
    positions: Sequence[tuple[int, int]], image: Tensor
) -> Iterator[Sequence[tuple[int, int]]]:
    """Positions that go through the network together."""
    at_once = max(1, min(16, _BATCH_PIXELS // (image.shape[2] * image.shape[3])))
    return (positions[i : i + at_once] for i in range(0, len(positions), at_once))


def _patch(place: tuple[int, int], raster: Raster, size: tuple[int, int]) -> tuple[slice, slice]:
    rows, columns = (
        slice(start, min(start + raster.patch, length))
        for start, length in zip(place, size, strict=True)
    )
    return rows, columns
