"""Whether the borders of tiles show: a micrograph is predicted twice, by tiles that differ.

::

    first     |-------|-------|-------|---|        pixels near a border of either
    second    |---|-------|-------|-------|        changed more often than those between?
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emseg.errors import ContentError
from emseg.inference.preparing import Prepared
from emseg.inference.segmenter import Segmenter
from emseg.memory import require_free
from emseg.micrograph import Micrograph, unlabelled_value
from emseg.tiling import Span, padded_length

_NEAR = 16  # pixels to either side of a border
_TOLERATED = 1e-3  # share of pixels that the halo lets change beside a border (`measure_halo`)


@dataclass(frozen=True, slots=True)
class Seams:
    """How many pixels changed their class when the tiles began elsewhere.

    Parameters
    ----------
    tile : tuple of int
        Most rows and columns of a tile.
    near, changed_near : int
        Pixels near the borders of tiles, and how many of them changed.
    between, changed_between : int
        All others.
    """

    tile: tuple[int, int]
    near: int
    changed_near: int
    between: int
    changed_between: int

    @property
    def index(self) -> float:
        """How much more often pixels near borders change: 1 where borders do not show.

        The ratio of the two shares, each with the tenth of a percent that a measured halo
        tolerates, so that two equal predictions give 1 and a single pixel does not matter.
        """
        shares = [
            changed / max(1, count) + _TOLERATED
            for changed, count in (
                (self.changed_near, self.near),
                (self.changed_between, self.between),
            )
        ]
        return shares[0] / shares[1]


def check_seams(
    micrograph: Micrograph,
    segmenter: Callable[..., Segmenter],
) -> Seams:
    """Predict a micrograph twice and compare.

    Parameters
    ----------
    micrograph : Micrograph
        Both label images are held in memory.
    segmenter : callable
        Makes a `Segmenter` from ``tile`` and ``is_shifted``. Where one of its tiles would hold the
        whole micrograph, tiles of half its sides are taken.

    Raises
    ------
    ContentError
        When the micrograph is too small for two tiles, the tiles are blended, or both label images
        do not fit into memory.
    """
    place = micrograph.path or micrograph.title
    needed = 2 * micrograph.size[0] * micrograph.size[1]
    require_free(needed, f"a look at the seams of {place}", "look at a part of it with --crop")
    usual = segmenter(tile=None, is_shifted=False)
    if usual.card.global_context:
        raise ContentError(f"{place}: the tiles of {usual.card.spec} are blended and have no seams")
    prepared = usual.preparing.prepare(micrograph)
    tile = _several(prepared.size, usual.plan(micrograph, prepared.seen).tile, usual)
    if tile is None:
        raise ContentError(
            f"{place}: {prepared.size[0]} x {prepared.size[1]} pixels are one tile with a halo of "
            f"{usual.halo}, and have no seams"
        )
    both = [segmenter(tile=tile, is_shifted=is_shifted) for is_shifted in (False, True)]
    labels = [each.segment(micrograph).labels.pixels for each in both]
    near = _near(micrograph, prepared, [each.grid(prepared.size, tile) for each in both])
    changed = labels[0] != labels[1]
    looked_at = labels[0] != unlabelled_value(len(usual.card.classes))
    between = looked_at & ~near
    near &= looked_at
    counts = (int(np.count_nonzero(each)) for each in (near, changed & near))
    others = [int(np.count_nonzero(each)) for each in (between, changed & between)]
    if not others[0]:
        raise ContentError(
            f"{place}: tiles of {tile[0]} x {tile[1]} pixels with a halo of {usual.halo} keep "
            "nothing away from their borders, with which to compare; take a larger --tile"
        )
    return Seams(tile, *counts, *others)


def _several(
    size: tuple[int, int], tile: tuple[int, int], segmenter: Segmenter
) -> tuple[int, int] | None:
    """Choose tiles of which there are several along at least one axis."""
    if any(side < length for side, length in zip(tile, size, strict=True)):
        return tile
    stride = segmenter.card.stride
    least = padded_length(2 * segmenter.halo + 4 * _NEAR, stride) + 2 * stride
    rows, columns = (max(least, padded_length(length // 2, stride)) for length in size)
    return (rows, columns) if rows < size[0] or columns < size[1] else None


def _near(
    micrograph: Micrograph, prepared: Prepared, grids: list[tuple[list[Span], list[Span]]]
) -> NDArray[np.bool_]:
    """Mark the pixels of the file near a border of any grid, shape (Y, X)."""
    near = np.zeros(micrograph.size, bool)
    inside = near[micrograph.specimen.slices] if micrograph.specimen else near
    for axis in (0, 1):
        length, seen = inside.shape[axis], prepared.size[axis]
        along = np.zeros(length, bool)
        for grid in grids:
            for span in grid[axis][1:]:
                at = round(span.keep_start * length / seen)
                along[max(0, at - _NEAR) : at + _NEAR] = True
        inside |= along[:, None] if axis == 0 else along
    return near
