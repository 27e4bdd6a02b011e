"""What a network is shown of a micrograph, and where that lies.

A classifier sees the crops that `emseg predict` shows it; a segmentation network one region::

    crops of a classifier        the region of a segmentation network
    +----+----+---+              +---------------+
    |    |    |   |              |    +-----+    |   the whole specimen, or its middle
    +----+----+---+              |    |     |    |   when that is as much as memory holds
    |    |    |   |              |    +-----+    |
    +----+----+---+              +---------------+
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from emseg.bundle import ModelCard
from emseg.config import Rescale, Task
from emseg.inference.backends.device import largest_tile
from emseg.inference.classifier import crop_starts
from emseg.inference.preparing import Preparing
from emseg.inference.preparing.resampling import Upwards, resample
from emseg.intensity import normalise
from emseg.micrograph import Micrograph, Region
from emseg.tiling import padded_length

_LARGEST = 1024  # side of a region that is explained at once
_GRADIENTS = 6  # times the memory of a prediction: no layer is freed before the way back
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class View:
    """One image as the network takes it.

    Parameters
    ----------
    values : array of float32, shape (C, Y, X)
        Normalised, mirrored past the far edges where the micrograph ends.
    region : Region
        The pixels of the scene that it holds.
    """

    values: NDArray[np.float32]
    region: Region


@dataclass(frozen=True, slots=True)
class ExplainedImage:
    """A micrograph as a network is shown it.

    Parameters
    ----------
    micrograph : Micrograph
        As it was read, with its information bar.
    size : tuple of int
        Height and width of the specimen at the pixel size of the network.
    views : tuple of View
        At least one.
    grey : array of float32, shape (C, 1, 1)
        The mean of the micrograph, normalised as the views are.
    """

    micrograph: Micrograph
    size: tuple[int, int]
    views: tuple[View, ...]
    grey: NDArray[np.float32]

    def in_file(self, region: Region) -> Region:
        """Say which pixels of the micrograph a region of the scene is."""
        specimen = self._specimen
        (top, bottom), (left, right) = (
            (first + start * length // shown, first + -(-stop * length // shown))
            for start, stop, length, shown, first in (
                (region.top, region.bottom, specimen.size[0], self.size[0], specimen.top),
                (region.left, region.right, specimen.size[1], self.size[1], specimen.left),
            )
        )
        return Region(top, bottom, left, right)

    @property
    def region(self) -> Region:
        """The smallest rectangle of the micrograph that holds all views."""
        regions = [view.region for view in self.views]
        return self.in_file(
            Region(
                min(each.top for each in regions),
                max(each.bottom for each in regions),
                min(each.left for each in regions),
                max(each.right for each in regions),
            )
        )

    def stitched(self, maps: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Lay maps of the views where they lie in the micrograph.

        Parameters
        ----------
        maps : sequence of arrays, shape (y, x)
            One a view, at any resolution; values between are interpolated linearly.

        Returns
        -------
        array of float32, shape (Y, X)
            Of the size of the micrograph; NaN where no view lies. Where views overlap, each counts
            the less, the nearer its own edge is, so that no seam shows.
        """
        sums = np.zeros((3, *self.size), np.float32)  # weighted values, weights, what is covered
        for view, heat in zip(self.views, maps, strict=True):
            height, width = view.region.size
            fine = resample(heat[None], view.values.shape[1:], Upwards.LINEAR)[0]
            weight = np.outer(*(_tent(length) for length in fine.shape)).astype(np.float32)
            sums[0, *view.region.slices] += (weight * fine)[:height, :width]
            sums[1, *view.region.slices] += weight[:height, :width]
            sums[2, *view.region.slices] = 1
        specimen = self._specimen
        if self.size != specimen.size:
            sums = resample(sums, specimen.size, Upwards.LINEAR)
        plane = np.full(self.micrograph.size, np.nan, np.float32)
        mean = np.divide(sums[0], sums[1], out=np.zeros_like(sums[0]), where=sums[1] > 0)
        plane[specimen.slices] = np.where(sums[2] >= 0.5, mean, np.nan)
        return plane

    @property
    def _specimen(self) -> Region:
        height, width = self.micrograph.size
        return self.micrograph.specimen or Region(0, height, 0, width)


def show(
    card: ModelCard,
    micrograph: Micrograph,
    device: torch.device,
    rescale: Rescale = Rescale.AUTO,
) -> ExplainedImage:
    """Prepare a micrograph for a network, as prediction does.

    Parameters
    ----------
    card : ModelCard
        Of the model.
    micrograph : Micrograph
        Any dtype.
    device : torch.device
        How much fits there decides how much of a large micrograph is shown.
    rescale : Rescale
        Whether it is brought to the pixel size of the model.

    Raises
    ------
    MismatchError
        When the channels or the pixel size do not fit the model.
    """
    prepared = Preparing(card, rescale).prepare(micrograph)
    size, statistics = prepared.size, prepared.statistics
    is_classifier = card.task is Task.CLASSIFICATION
    cuts = _crops(size, card.crop) if is_classifier else [_region(card, size, device)]
    views = tuple(
        View(prepared.cut(region.top, region.left, *padded), region) for region, padded in cuts
    )
    grey = normalise(statistics.mean[:, None, None], statistics, card.intensity)
    scene = ExplainedImage(micrograph, size, views, grey)
    if not is_classifier and views[0].region.size != size:
        _tell_part(scene)
    return scene


def _tent(length: int) -> NDArray[np.float64]:
    """Weigh places by their distance to the nearer edge."""
    place = np.arange(length)
    weight: NDArray[np.float64] = np.minimum(place + 1.0, length - place)
    return weight


def _crops(size: tuple[int, int], crop: int) -> list[tuple[Region, tuple[int, int]]]:
    """Regions of a classifier's crops, and the size to which each is mirrored."""
    return [
        (Region(y, min(y + crop, size[0]), x, min(x + crop, size[1])), (crop, crop))
        for y in crop_starts(size[0], crop)
        for x in crop_starts(size[1], crop)
    ]


def _region(
    card: ModelCard, size: tuple[int, int], device: torch.device
) -> tuple[Region, tuple[int, int]]:
    """Choose the part that a segmentation network is shown, and the size it is mirrored to."""
    fits = largest_tile(device, _GRADIENTS * card.bytes_per_pixel, card.stride)
    most = max(card.stride, min(fits, _LARGEST) // card.stride * card.stride)
    least = 1
    if card.global_context:  # such a network sees tiles of one size, whatever it predicts
        most = least = padded_length(card.tile or card.crop, card.stride)
    starts, sizes, padded = [], [], []
    for length in size:
        shown = min(length, most)
        starts.append((length - shown) // 2 // card.stride * card.stride)
        sizes.append(shown)
        padded.append(padded_length(max(shown, least), card.stride))
    region = Region(starts[0], starts[0] + sizes[0], starts[1], starts[1] + sizes[1])
    return region, (padded[0], padded[1])


def _tell_part(scene: ExplainedImage) -> None:
    region = scene.region
    where = scene.micrograph.path or scene.micrograph.title
    _log.warning(
        "%s is larger than what is explained at once: its middle is, %s; choose another part "
        "with --crop %d:%d,%d:%d",
        where,
        region,
        0,
        region.size[0],
        0,
        region.size[1],
    )
