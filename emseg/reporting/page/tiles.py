"""Blocks of an image that are judged one by one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.evaluation.metric import ComparedPair
from emseg.micrograph import LabelImage, Micrograph, Region
from emseg.reporting.page.words import lengths

_LARGEST, _SMALLEST = 256, 32
_ACROSS = 4  # blocks along the shorter side of a small image
_COUNTED = 0.5


@dataclass(frozen=True, slots=True)
class WorstTile:
    """A part of an image in which many pixels are wrong.

    Parameters
    ----------
    name : str
        Of the image.
    region : Region
        Rows and columns of the image.
    wrong : float
        Share of its labelled pixels whose class is wrong.
    pixel_size : PixelSize or None
        Of the image.
    """

    name: str
    region: Region
    wrong: float
    pixel_size: PixelSize | None = None

    @property
    def place(self) -> str:
        """Where it lies in lengths: ``"1.2 × 1.2 µm, 3.4 µm from the left..."``; "" unknown."""
        if self.pixel_size is None:
            return ""
        y, x, (height, width) = self.pixel_size.y_nm, self.pixel_size.x_nm, self.region.size
        return (
            f"{lengths(width * x, height * y)}, {lengths(self.region.left * x)} from the left and "
            f"{lengths(self.region.top * y)} from the top"
        )


def judged_blocks(pair: ComparedPair) -> Iterator[tuple[float, Region]]:
    """Cut a pair into blocks and judge each.

    ::

        +-------+-------+-------+     blocks of about 256 pixels, or a quarter of the shorter side
        |       |       |       |     of a small image, but not below 32; all of nearly one size,
        |  0.0  |  0.3  |   -   |     so that none is a sliver; "-" is labelled by less than half
        +-------+-------+-------+     and left out

    Parameters
    ----------
    pair : ComparedPair
        Of any size.

    Yields
    ------
    tuple of float and Region
        The share of wrong pixels among the counted ones, and where.
    """
    height, width = pair.reference.pixels.shape
    side = min(_LARGEST, max(_SMALLEST, min(height, width) // _ACROSS))
    rows, columns = _edges(height, side), _edges(width, side)
    for top, bottom in pairwise(rows.tolist()):
        labelled, wrong = _counts(pair, slice(top, bottom), columns)
        areas = (bottom - top) * np.diff(columns)
        for at in np.flatnonzero(labelled >= _COUNTED * areas):
            region = Region(top, bottom, int(columns[at]), int(columns[at + 1]))
            yield float(wrong[at] / labelled[at]), region


def cut_out(
    pair: ComparedPair, micrograph: Micrograph | None, region: Region
) -> tuple[ComparedPair, Micrograph | None]:
    """Copy a part of a pair and of its micrograph, so that the whole can be forgotten."""

    def part(labels: LabelImage) -> LabelImage:
        return replace(labels, pixels=labels.pixels[region.slices].copy())

    shown = None
    if micrograph is not None:
        channels = 3 if len(micrograph.pixels) == 3 else 1  # what a picture shows
        pixels = micrograph.pixels[(slice(channels), *region.slices)].copy()
        shown = replace(micrograph, pixels=pixels, specimen=None, neighbours=())
    return ComparedPair(pair.name, part(pair.prediction), part(pair.reference)), shown


def _edges(total: int, side: int) -> NDArray[np.intp]:
    """Where blocks begin and end."""
    count = max(1, round(total / side))
    return np.linspace(0, total, count + 1).astype(np.intp)


def _counts(
    pair: ComparedPair, band: slice, columns: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the labelled and the wrong pixels of each block of a band of rows."""
    true, found = pair.reference.pixels[band], pair.prediction.pixels[band]
    labelled = true != pair.reference.unlabelled
    wrong = labelled & (found != true)
    starts = columns[:-1]
    return (
        np.add.reduceat(np.count_nonzero(labelled, axis=0), starts),
        np.add.reduceat(np.count_nonzero(wrong, axis=0), starts),
    )
