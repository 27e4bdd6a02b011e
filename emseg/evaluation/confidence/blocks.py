"""One image cut into blocks, so that something can be said about its spread."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from emseg.evaluation.metric import ComparedPair
from emseg.micrograph import LabelImage, Region

BLOCK = "block of one image"
"""What a unit is called when the units are blocks."""

_FEWEST, _SMALLEST = 4, 64  # blocks; pixels along a side
_SQUARE = 1.5  # longer to shorter side up to which a block counts as square


class _Grid(NamedTuple):
    rows: int
    columns: int


def blocks(pair: ComparedPair, most: int = 16) -> list[ComparedPair]:
    """Cut an image into a grid of nearly square blocks.

    ::

        192 x 128 px          3 x 2 blocks of 64 x 64 px
        +--+--+--+            Blocks of one image are alike: what they tell is about
        |  |  |  |            this image, and the interval is too narrow for the specimen.
        +--+--+--+            Objects that a cut goes through become two; pooled numbers of
        |  |  |  |            pixels stay what they were.
        +--+--+--+

    Parameters
    ----------
    pair : ComparedPair
        The image and its reference.
    most : int
        How many blocks there are at most.

    Returns
    -------
    list of ComparedPair
        At least four blocks, of at least 64 pixels a side, that together are the image; empty
        when it is too small for that.
    """
    height, width = pair.reference.pixels.shape
    grid = _grid(height, width, most)
    if grid is None:
        return []
    rows, columns = _cuts(height, grid.rows), _cuts(width, grid.columns)
    return [
        _cut_out(pair, Region(top, bottom, left, right))
        for top, bottom in rows
        for left, right in columns
    ]


def _grid(height: int, width: int, most: int) -> _Grid | None:
    """Most blocks that are nearly square; the squarest where none is."""
    possible = [
        _Grid(rows, columns)
        for rows in range(1, min(most, height // _SMALLEST) + 1)
        for columns in range(1, min(most // rows, width // _SMALLEST) + 1)
        if rows * columns >= _FEWEST
    ]

    def worth(grid: _Grid) -> tuple[bool, float, float]:
        sides = sorted((height / grid.rows, width / grid.columns))
        shape, count = sides[1] / sides[0], grid.rows * grid.columns
        is_square = shape <= _SQUARE
        return is_square, *((count, -shape) if is_square else (-shape, count))

    return max(possible, key=worth, default=None)


def _cuts(length: int, parts: int) -> list[tuple[int, int]]:
    ends = [length * n // parts for n in range(parts + 1)]
    return list(pairwise(ends))


def _cut_out(pair: ComparedPair, region: Region) -> ComparedPair:
    rows, columns = region.slices
    probabilities = pair.probabilities
    return ComparedPair(
        f"{pair.name}, {region}",
        _part(pair.prediction, region),
        _part(pair.reference, region),
        None if probabilities is None else probabilities[:, rows, columns],
        tuple(None if each is None else each[rows, columns] for each in pair.objects),  # type: ignore[arg-type]
        part=math.prod(region.size) / pair.reference.pixels.size,
    )


def _part(image: LabelImage, region: Region) -> LabelImage:
    return replace(image, pixels=image.pixels[region.slices], specimen=None)
