"""Labelled pixels that trees learn from, with the features that they have there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emseg.inference.preparing.prepared import mirror_pad
from emseg.intensity import IntensityRule, normalise
from emseg.networks.forest import Forest, strips
from emseg.tiling import Span, padded_length, spans
from emseg.training.holding_out import LabelledPlane

_TILE = 1024  # pixels of a side whose features are computed at a time


@dataclass(frozen=True, slots=True)
class SampledPixels:
    """A sample of labelled pixels.

    Parameters
    ----------
    features : array of float32, shape (P, F)
        In the order of `Forest.names`.
    labels : array of int64, shape (P,)
        Class indices.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a micrograph, and the labelled pixels in it that nobody else looks at."""

    plane: LabelledPlane
    y: Span
    x: Span

    @property
    def labels(self) -> NDArray[np.integer[Any]]:
        return self.plane.labels.pixels[self.y.keep, self.x.keep]


def draw_pixels(
    forest: Forest,
    planes: Sequence[LabelledPlane],
    rule: IntensityRule,
    *,
    halo: int,
    stride: int,
    count: int,
    most: int,
    seed: int,
    device: torch.device,
) -> SampledPixels:
    """Draw labelled pixels, and compute what the trees will be shown of them.

    Each micrograph gives as many, and of each class in it the square root of its share: rare
    classes are seen often, and common ones stay the likelier guess.

    Parameters
    ----------
    forest : Forest
        In evaluation mode, on the device.
    planes : sequence of LabelledPlane
        At least one pixel has a label.
    rule : IntensityRule
        How intensities are normalised.
    halo, stride : int
        Of the forest; parts of large micrographs are read with that margin.
    count : int
        Pixels to draw in all; fewer where fewer have a label.
    most : int
        Pixels whose features are computed at most, however many micrographs there are.
    seed : int
        Of the draw.
    device : torch.device
        Where the features are computed.
    """
    rng = np.random.default_rng(seed)
    parts = _affordable(planes, halo, stride, most, rng)
    features, labels = [], []
    share = -(-count // len(parts))
    for part in parts:
        places = _drawn(part.labels, len(part.plane.labels.classes), share, rng)
        features.append(_features(forest, part, places, rule, stride, device))
        labels.append(part.labels[places].astype(np.int64))
    return SampledPixels(np.concatenate(features), np.concatenate(labels))


def _affordable(
    planes: Sequence[LabelledPlane], halo: int, stride: int, most: int, rng: np.random.Generator
) -> list[_Part]:
    """Choose parts with labels, of one micrograph after the other, until there are enough."""
    queues = []
    for number in rng.permutation(len(planes)):
        parts = [each for each in _parts(planes[number], halo, stride) if _has_labels(each)]
        queues.append([parts[place] for place in rng.permutation(len(parts))])
    chosen: list[_Part] = []
    pixels = 0
    while any(queues) and (pixels < most or not chosen):
        for queue in queues:
            if queue and (pixels < most or not chosen):
                chosen.append(queue.pop())
                pixels += chosen[-1].labels.size
    return chosen


def _parts(plane: LabelledPlane, halo: int, stride: int) -> Iterator[_Part]:
    rows, columns = (
        spans(padded_length(length, stride), tile=_TILE + 2 * halo, halo=halo, stride=stride)
        for length in plane.micrograph.size
    )
    return (_Part(plane, row, column) for row in rows for column in columns)


def _has_labels(part: _Part) -> bool:
    return bool((part.labels < len(part.plane.labels.classes)).any())


def _drawn(
    labels: NDArray[np.integer[Any]], classes: int, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw rows and columns, in the order in which they are read."""
    flat = labels.ravel()
    found = [np.flatnonzero(flat == index) for index in range(classes)]
    roots = np.sqrt([len(each) for each in found])
    wanted = np.ceil(count * roots / roots.sum()).astype(int)
    taken = [
        rng.choice(each, min(number, len(each)), replace=False)
        for each, number in zip(found, wanted, strict=True)
        if len(each)
    ]
    rows, columns = np.unravel_index(np.sort(np.concatenate(taken)), labels.shape)
    return rows, columns


def _features(
    forest: Forest,
    part: _Part,
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
    rule: IntensityRule,
    stride: int,
    device: torch.device,
) -> NDArray[np.float32]:
    """Compute the features of some pixels of a part, strip by strip."""
    pixels = part.plane.micrograph.pixels[:, part.y.read, part.x.read]
    image = normalise(pixels, part.plane.statistics, rule)
    missing = (padded_length(length, stride) - length for length in image.shape[1:])
    image = mirror_pad(image, *missing)
    rows = torch.from_numpy(places[0] + part.y.inside.start).to(device)
    columns = torch.from_numpy(places[1] + part.x.inside.start).to(device)
    found, top = [], 0
    with torch.inference_mode():
        maps = forest.maps(torch.from_numpy(image)[None].to(device))
        for strip in strips([each[0] for each in maps]):
            here = (rows >= top) & (rows < top + strip.shape[1])
            found.append(strip[:, rows[here] - top, columns[here]].T.cpu().numpy())
            top += strip.shape[1]
    return np.concatenate(found)
