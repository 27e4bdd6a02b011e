"""The watersheds of all thresholds of an image, from one flooding and one tree.

Objects grown from the components of p >= t into the rest by watershed are a spanning forest: each
pixel belongs to the seed that it reaches without going lower than it must. Such forests of all
thresholds are cuts of one tree of the basins of the local maxima, so that the image is flooded once
and not 255 times (Cousty et al., "Watershed cuts: minimum spanning forests and the drop of water
principle", IEEE Trans. Pattern Anal. Mach. Intell. 31, 1362 (2009))::

    p    9 . . . . . . . .         t = 5    one seed, the hill of 9, grows over everything
         . . . . . . 7 . .                  because its saddle to the hill of 7 is at least 5
         . 8 . . . 6 . . .
         . . 5 . 5 . . . .         t = 6    two seeds, which meet at the saddle of 5:
         . . . 5 . . . . .                  an edge is cut for saddle < t <= lower hill

What is left open are ties: a pixel at the foot of two hills is as well reached from both. It goes
where the flood of all basins comes first, nearest first on a plateau. A flood of its own for each
threshold breaks some ties in the other way; its components and everything above t are the same. On
64 x 64 pixels of noise a score differed by 0.006 at most by that, on blurred membranes of 512 x 512
by 0.0002, at their best threshold by nothing; one tree takes a twentieth of the time of 255 floods.
It finds the thresholds that are worth a flood of their own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class BasinTree:
    """The basins of the local maxima of an image, and where they meet.

    Parameters
    ----------
    basins : array of int32, shape (Y, X)
        Number of the basin of each pixel, from 1; 0 outside.
    tops : array of int64, shape (M,)
        Highest value of each basin.
    edges : array of int64, shape (E, 2)
        Pairs of basins counted from 0, a spanning tree of each connected region.
    saddles, hills : array of int64, shape (E,)
        Of each edge the value of the pass, and the top of the lower of the two hills that it
        joins when water falls from above: it is cut for ``saddle < t <= hill``.
    """

    basins: NDArray[np.int32]
    tops: NDArray[np.int64]
    edges: NDArray[np.int64]
    saddles: NDArray[np.int64]
    hills: NDArray[np.int64]

    @property
    def changes(self) -> NDArray[np.int64]:
        """Thresholds t whose objects are not those of t - 1, ascending."""
        return np.unique(np.concatenate((self.saddles, self.hills, self.tops))) + 1

    def objects(self, threshold: int) -> NDArray[np.int64]:
        """Tell the object of each basin for a threshold, shape (M,).

        Objects count from 1. Basins that no seed reaches are 0: all of them where no pixel is
        as high as the threshold, and regions of their own without such a pixel.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        kept = (threshold <= self.saddles) | (self.hills < threshold)
        rows, columns = self.edges[kept].T
        size = len(self.tops)
        graph = coo_array((np.ones(rows.size, dtype=np.int8), (rows, columns)), shape=(size, size))
        count, group = connected_components(graph, directed=False)
        seeded = np.zeros(count, dtype=np.int64)
        seeded[group[self.tops >= threshold]] = 1
        number: NDArray[np.int64] = (seeded * seeded.cumsum())[group]
        return number


def basin_tree(values: NDArray[np.uint8], inside: NDArray[np.bool_]) -> BasinTree:
    """Flood an image from its local maxima downwards, and say where the floods meet.

    Parameters
    ----------
    values : array of uint8, shape (Y, X)
        High where the objects are.
    inside : array of bool, shape (Y, X)
        Pixels that belong to the image; water does not pass through the others.
    """
    from scipy import ndimage
    from skimage.segmentation import watershed

    maxima, count = ndimage.label(_local_maxima(values, inside))
    basins = watershed(255 - values, maxima, mask=inside)  # type: ignore[no-untyped-call]
    tops = np.zeros(count, dtype=np.int64)
    tops[maxima[maxima > 0] - 1] = values[maxima > 0]
    edges, saddles = _spanning_tree(*_passes(basins, values), count)
    return BasinTree(basins, tops, edges, saddles, _lower_hills(edges, tops))


def _local_maxima(values: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Plateaus with no higher neighbour inside; the world outside is lower than any pixel."""
    from skimage.morphology import local_maxima

    above_ground = np.pad(np.where(inside, values.astype(np.int16) + 1, 0), 1)
    maxima = local_maxima(above_ground, connectivity=1)  # type: ignore[no-untyped-call]
    within: NDArray[np.bool_] = maxima[1:-1, 1:-1] & inside
    return within


def _passes(
    basins: NDArray[np.int32], values: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the highest pass between each two basins that touch: pairs (E, 2), values (E,)."""
    found = []
    for here, there in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
    ):
        a, b = basins[here], basins[there]
        meet = (a != b) & (a > 0) & (b > 0)
        a, b = a[meet].astype(np.int64) - 1, b[meet].astype(np.int64) - 1
        depth = 255 - np.minimum(values[here][meet], values[there][meet]).astype(np.int64)
        found.append(np.column_stack((np.minimum(a, b), np.maximum(a, b), depth)))
    low, high, depth = np.concatenate(found).T
    count = int(high.max(initial=0)) + 1
    keys = np.unique((low * count + high) * 256 + depth)
    pairs, first = np.unique(keys // 256, return_index=True)
    return np.column_stack(np.divmod(pairs, count)), 255 - keys[first] % 256


def _spanning_tree(
    pairs: NDArray[np.int64], passes: NDArray[np.int64], basins: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keep of the passes those of a spanning tree over the highest, highest first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    order = np.argsort(-passes, kind="stable")  # of equal passes the first in the image
    rank = np.empty(order.size)
    rank[order] = np.arange(1, order.size + 1)  # no edge of a sparse graph has the weight 0
    graph = coo_array((rank, pairs.T), shape=(basins, basins))
    tree = minimum_spanning_tree(graph.tocsr())
    chosen = order[np.sort(tree.data).astype(np.int64) - 1]
    return pairs[chosen], passes[chosen]


def _lower_hills(edges: NDArray[np.int64], tops: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join hills over the edges in their order, and note the lower of each two."""
    highest: list[int] = tops.tolist()
    parent = list(range(len(highest)))

    def root(basin: int) -> int:
        while parent[basin] != basin:
            parent[basin] = parent[parent[basin]]
            basin = parent[basin]
        return basin

    hills = []
    for one, other in edges.tolist():
        lower, higher = sorted((root(one), root(other)), key=highest.__getitem__)
        hills.append(highest[lower])
        parent[lower] = higher
    return np.array(hills, dtype=np.int64)
