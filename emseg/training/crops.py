"""Training crops: what a sample is depends on (seed, index) and on nothing else."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from emseg.intensity import IntensityRule, normalise
from emseg.learning import Augment
from emseg.training.appearance import strength_of, vary_intensity
from emseg.training.geometry import Geometry
from emseg.training.holding_out import LabelledPlane

_BALANCED = 1 / 3  # share of crops around a pixel of a class drawn at random (as nnU-Net)
_DENSE = 0.5  # share of the pixels with a label below which crops lie around those that have one
_REMEMBERED = 4096  # pixels of each class and plane that a crop can be drawn around
_AT_ONCE = 1 << 20  # pixels that are looked at for those


@dataclass(frozen=True, slots=True)
class Dealing:
    """Which samples are whose, of batches that several processes share.

    Two processes with batches of 3 learn together from what one with batches of 6 would::

        batch        0             1
        sample       0 1 2 3 4 5   6 7 8 9 10 11
        process      0 0 0 1 1 1   0 0 0 1  1  1

    Parameters
    ----------
    batch : int
        Samples of a process in each.
    rank, processes : int
        Number of the process, and how many there are.
    """

    batch: int
    rank: int = 0
    processes: int = 1

    def numbers(self, batch: int) -> range:
        """Numbers of the samples of this process in a batch, which are counted from 0."""
        first = (batch * self.processes + self.rank) * self.batch
        return range(first, first + self.batch)


class CountingSampler(Sampler[int]):
    """Samples of one batch after the other, without end: a resumed run goes on counting."""

    def __init__(self, dealing: Dealing, first: int = 0) -> None:
        self.dealing, self.first = dealing, first

    def __iter__(self) -> Iterator[int]:
        for batch in count(self.first):
            yield from self.dealing.numbers(batch)


class CropDataset(Dataset[tuple[Tensor, Tensor]]):
    """Random crops of labelled micrographs.

    Parameters
    ----------
    planes : sequence of LabelledPlane
        Those with more labelled pixels are drawn from more often. Where most pixels have no
        label, crops lie around those that have one.
    crop : int
        Side of a crop in pixels.
    seed : int
        Of the run.
    rule : IntensityRule
        How intensities are normalised.
    augment : Augment
        How much crops are varied.
    rotate : bool
        Whether they are turned and mirrored.
    """

    def __init__(
        self,
        planes: Sequence[LabelledPlane],
        crop: int,
        seed: int,
        rule: IntensityRule,
        augment: Augment = Augment.USUAL,
        *,
        rotate: bool = True,
    ) -> None:
        self.planes, self.crop, self.seed, self.rule = tuple(planes), crop, seed, rule
        self.augment, self.rotate = augment, rotate
        labelled = [int(plane.labels.counts().sum()) for plane in self.planes]
        self._share = np.array(labelled, float) / max(1, sum(labelled))
        self._labelled = [
            _labelled(plane, seed) if count < _DENSE * plane.labels.pixels.size else None
            for plane, count in zip(self.planes, labelled, strict=True)
        ]
        self._spots = [_spots(plane, seed) for plane in self.planes]
        self._shown = sorted({index for spots in self._spots for index in spots})

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Sample number ``index``: image (C, crop, crop) and labels (crop, crop), int64."""
        rng = np.random.default_rng((self.seed, index))
        number, centre = self._place(rng)
        plane = self.planes[number]
        augment = strength_of(rng, self.augment)
        geometry = Geometry.draw(rng, augment, rotate=self.rotate)
        image, labels = self._window(plane, centre, geometry.window(self.crop))
        image, labels = geometry.apply(image, labels, self.crop, plane.labels.unlabelled)
        return vary_intensity(rng, image, augment), labels[0].long()

    def _place(self, rng: np.random.Generator) -> tuple[int, tuple[int, int]]:
        """Choose a plane and the middle of a crop in it."""
        if self._shown and rng.random() < _BALANCED:
            kind = self._shown[int(rng.integers(len(self._shown)))]
            holders = [i for i, spots in enumerate(self._spots) if kind in spots]
            number = holders[int(rng.integers(len(holders)))]
            return number, _one_of(self._spots[number][kind], rng)
        number = int(rng.choice(len(self.planes), p=self._share))
        height, width = self.planes[number].micrograph.size
        half = self.crop // 2
        sparse = self._labelled[number]
        if sparse is not None:
            spot = _one_of(sparse, rng)
            down, right = rng.integers(-half // 2, half // 2 + 1, 2)
            return number, (spot[0] + int(down), spot[1] + int(right))
        row = rng.integers(min(half, height // 2), max(height - half, height // 2) + 1)
        column = rng.integers(min(half, width // 2), max(width - half, width // 2) + 1)
        return number, (int(row), int(column))

    def _window(
        self, plane: LabelledPlane, centre: tuple[int, int], side: int
    ) -> tuple[Tensor, Tensor]:
        """Read the window around a pixel, shifted into the micrograph where it can be."""
        rows, columns = (
            _shifted(middle, min(side, length), length)
            for middle, length in zip(centre, plane.micrograph.size, strict=True)
        )
        pixels = plane.pixels[:, rows, columns]
        image = normalise(pixels, plane.statistics, self.rule)
        labels = plane.labels.pixels[rows, columns].astype(np.float32)[None]
        missing = [max(0, self.crop - length) for length in image.shape[1:]]  # a small micrograph
        if any(missing):
            margins = ((0, 0), (0, missing[0]), (0, missing[1]))
            image = np.pad(image, margins, mode="symmetric")
            labels = np.pad(labels, margins, constant_values=plane.labels.unlabelled)
        return torch.from_numpy(image), torch.from_numpy(labels)


def _shifted(middle: int, side: int, length: int) -> slice:
    start = min(max(0, middle - side // 2), max(0, length - side))
    return slice(start, start + side)


def _one_of(spots: NDArray[np.int64], rng: np.random.Generator) -> tuple[int, int]:
    row, column = spots[int(rng.integers(len(spots)))]
    return int(row), int(column)


def _labelled(plane: LabelledPlane, seed: int) -> NDArray[np.int64]:
    """Labelled pixels of any class, shape (n, 2), at most a few thousand."""
    classes = len(plane.labels.classes)
    rng = np.random.default_rng(seed)
    return _some(plane.labels.pixels, lambda labels: labels < classes, rng)


def _spots(plane: LabelledPlane, seed: int) -> dict[int, NDArray[np.int64]]:
    """Pixels of each class, shape (n, 2), at most a few thousand."""
    rng = np.random.default_rng(seed)
    spots = {}
    for index in range(len(plane.labels.classes)):
        found = _some(plane.labels.pixels, partial(np.equal, index), rng)
        if len(found):
            spots[index] = found
    return spots


def _some(
    labels: NDArray[Any], wanted: Callable[[Any], NDArray[np.bool_]], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw some of the pixels that are wanted, as rows and columns; all where they are few.

    Places take 64 bits, so that they are looked up a few rows at a time.
    """
    rows = max(1, _AT_ONCE // labels.shape[1])
    tops = range(0, len(labels), rows)
    counts = [np.count_nonzero(wanted(labels[top : top + rows])) for top in tops]
    ends = np.cumsum(counts)
    drawn = np.arange(ends[-1])
    if ends[-1] > _REMEMBERED:
        drawn = rng.integers(0, ends[-1], _REMEMBERED)
    places = np.empty((len(drawn), 2), np.int64)
    for top, held, end in zip(tops, counts, ends.tolist(), strict=True):
        here = (drawn >= end - held) & (drawn < end)
        if here.any():
            found = np.argwhere(wanted(labels[top : top + rows]))
            places[here] = found[drawn[here] - (end - held)] + (top, 0)
    return places
