"""Tiles read a rectangle and keep its inside.

Along one axis of ten pixels, with tiles that keep four, a halo of two and a stride of two::

    pixel      0 1 2 3 4 5 6 7 8 9
    tile 0     K K K K r r            reads 0..6, keeps 0..4
    tile 1         r r K K K K r r    reads 2..10, keeps 4..8
    tile 2                 r r K K    reads 6..10, keeps 8..10

Every pixel is kept once. No tile reads past the image: at its edges a tile is clipped, so
that the network sees the true edge and not an invented one. Every tile starts reading at a
multiple of the network's stride, because pooling would otherwise shift against the image.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from emseg.errors import UsageError


@dataclass(frozen=True, slots=True)
class Span:
    """One tile along one axis, in pixels of the image; ends are exclusive."""

    read_start: int
    read_stop: int
    keep_start: int
    keep_stop: int

    @property
    def read(self) -> slice:
        """What the tile reads."""
        return slice(self.read_start, self.read_stop)

    @property
    def keep(self) -> slice:
        """What the tile keeps, in the image."""
        return slice(self.keep_start, self.keep_stop)

    @property
    def inside(self) -> slice:
        """What the tile keeps, counted from where it starts to read."""
        return slice(self.keep_start - self.read_start, self.keep_stop - self.read_start)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of a plane."""

    y: Span
    x: Span


def padded_length(length: int, stride: int) -> int:
    """Round up to the stride: only an image's far edge is padded, once."""
    return -(-length // stride) * stride


def spans(length: int, *, tile: int, halo: int, stride: int, shift: int = 0) -> list[Span]:
    """Cut one axis into tiles.

    Parameters
    ----------
    length : int
        Length of the axis in pixels, a multiple of ``stride`` (see `padded_length`).
    tile : int
        Largest length that a tile reads, halo included; rounded down to the stride.
    halo : int
        Margin that a tile reads and does not keep; rounded up to the stride.
    stride : int
        Total stride of the network.
    shift : int
        How much less the first tile keeps, so that the others begin elsewhere; a multiple of the
        stride.

    Raises
    ------
    UsageError
        When the tile leaves nothing to keep inside its halo.
    """
    halo = padded_length(halo, stride)
    tile = tile // stride * stride
    if length <= tile:
        return [Span(0, length, 0, length)]
    step = tile - 2 * halo
    if step < stride:
        raise UsageError(
            f"a tile of {tile} pixels keeps nothing inside a halo of {halo}; "
            f"use --tile {2 * halo + 8 * stride} or larger"
        )
    edges = sorted({0, *range(step - shift % step, length, step), length})
    return [
        Span(max(0, start - halo), min(length, stop + halo), start, stop)
        for start, stop in pairwise(edges)
    ]


def tiles(size: tuple[int, int], *, tile: int, halo: int, stride: int) -> Iterator[Tile]:
    """Cut a plane into tiles, row by row; the arguments are those of `spans`."""
    rows = spans(size[0], tile=tile, halo=halo, stride=stride)
    columns = spans(size[1], tile=tile, halo=halo, stride=stride)
    return (Tile(row, column) for row in rows for column in columns)


def quarters(tile: Tile, *, halo: int, stride: int) -> list[Tile]:
    """Cut a tile into up to four that keep what it keeps, and read nothing that it does not.

    Parameters
    ----------
    tile : Tile
        What it keeps begins at a multiple of ``stride``, as what it reads.
    halo, stride : int
        As for `spans`; where the tile reads a smaller margin, the halo is that.

    Returns
    -------
    list of Tile
        Row by row; the tile itself where it keeps too little, or reads little else than its halo.
    """
    halo = padded_length(halo, stride)
    rows, columns = (_halves(span, halo, stride) for span in (tile.y, tile.x))
    return [Tile(row, column) for row in rows for column in columns]


def _halves(span: Span, halo: int, stride: int) -> list[Span]:
    kept = span.keep_stop - span.keep_start
    middle = span.keep_start + padded_length(-(-kept // 2), stride)
    if kept < 2 * stride or (middle + halo >= span.read_stop and middle - halo <= span.read_start):
        return [span]
    first = Span(span.read_start, min(span.read_stop, middle + halo), span.keep_start, middle)
    second = Span(max(span.read_start, middle - halo), span.read_stop, middle, span.keep_stop)
    return [first, second]


def covering_spans(length: int, *, tile: int, overlap: int, stride: int) -> list[Span]:
    """Cut one axis into tiles of equal length that overlap and keep all they read.

    For networks whose answer depends on the whole tile: each tile has the size they were
    trained at, and the answers are blended. ``length`` is at least ``tile`` and a multiple
    of ``stride``; the last tile is moved back so that it ends at the edge.
    """
    if length <= tile:
        return [Span(0, length, 0, length)]
    step = max(stride, (tile - overlap) // stride * stride)
    starts = [*range(0, length - tile, step), length - tile]
    return [Span(start, start + tile, start, start + tile) for start in starts]
