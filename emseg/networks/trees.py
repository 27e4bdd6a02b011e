r"""Boosted trees as tensors: what scikit-learn learnt, computed by PyTorch without a pickle.

A tree of depth 2, its nodes numbered from the root on; each asks one feature::

            0                features    (trees, outputs, 3)
          /   \              thresholds  (trees, outputs, 3)
         1     2             values      (trees, outputs, 4)
        / \   / \
       v0 v1 v2 v3           to the right where the feature is larger than the threshold

All nodes are asked for many pixels at once, and which leaf is reached follows from the answers: one
product of matrices then adds up the values. That is several times as fast as to follow each pixel
down its trees.
"""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_ASKED = 1 << 18  # answers of nodes at a time, which stay in the cache of a processor
_NEVER = 60.0  # logit below the others of a class that no pixel showed


class Trees(nn.Module):
    """Trees whose values add up to the logits of the classes.

    Parameters
    ----------
    classes : int
        Of the answer; two have one output, whose halves are their logits.
    trees, depth : int
        Of each output; ``depth`` questions lead to a leaf.
    """

    features: Tensor

    def __init__(self, classes: int, trees: int, depth: int) -> None:
        super().__init__()
        self.classes, self.depth = classes, depth
        outputs, nodes = 1 if classes == 2 else classes, 2**depth - 1
        self.register_buffer("features", torch.zeros(trees, outputs, nodes, dtype=torch.int32))
        self.thresholds = _fixed(trees, outputs, nodes)
        self.values = _fixed(trees, outputs, nodes + 1)
        self.start = _fixed(outputs)

    def forward(self, table: Tensor) -> Tensor:
        """Map the features (F, P) of pixels to their logits (K, P)."""
        trees, outputs, nodes = self.features.shape
        logits = self.start[:, None].expand(outputs, table.shape[1])
        step = max(1, _ASKED // (outputs * nodes * table.shape[1]))
        for first in range(0, trees, step):
            part = slice(first, first + step)
            asked = table.index_select(0, self.features[part].flatten(0, 1).T.flatten())
            thresholds = self.thresholds[part].flatten(0, 1).T[:, :, None]
            is_right = asked.reshape(nodes, -1, table.shape[1]) > thresholds
            leaves = torch.diag_embed(self.values[part].permute(2, 0, 1)).flatten(0, 2)
            logits = logits + leaves.T @ self._reached(is_right).to(leaves.dtype)
        return torch.cat([-logits / 2, logits / 2]) if self.classes == 2 else logits

    def _reached(self, is_right: Tensor) -> Tensor:
        """Say of each leaf whether a pixel reaches it, (leaves * trees * outputs, P)."""
        here = torch.stack([~is_right[0], is_right[0]])
        for level in range(1, self.depth):
            first = 2**level - 1
            asked = is_right[first : 2 * first + 1]
            here = torch.stack([here > asked, here & asked], dim=1).flatten(0, 1)
        return here.flatten(0, 1)

    def shares(self, count: int, classes: int | None = None) -> NDArray[np.float64]:
        """Count how often each of ``count`` features is asked, weighed by how far values part.

        Parameters
        ----------
        count : int
            Features that there are.
        classes : int, optional
            The output of this class alone.

        Returns
        -------
        array of float64, shape (count,)
            Their sum is 1, unless no feature is asked.
        """
        parts = _parted(self.values.detach().double().numpy())
        features = self.features.numpy()
        if classes is not None and self.classes > 2:
            parts, features = parts[:, classes], features[:, classes]
        found = np.bincount(features.ravel(), parts.ravel(), count)
        return found / (found.sum() or 1.0)

    def take(self, learnt: "list[list[NDArray[np.void]]]", seen: list[int], start: Tensor) -> None:
        """Take over what scikit-learn learnt.

        Parameters
        ----------
        learnt : list of list of arrays of nodes
            Of `sklearn.ensemble.HistGradientBoostingClassifier`: trees, and outputs of each.
        seen : list of int
            The classes that it was shown, two or more.
        start : Tensor of float64, shape (outputs of scikit-learn,)
            Its logits before the first tree.
        """
        signs = _signs(self.classes, seen)
        with torch.no_grad():
            self.start.fill_(0.0)
            if self.classes > 2:
                self.start.fill_(-_NEVER)
            for (output, column), sign in signs.items():
                self.start[output] = sign * start[column]
                for number, tree in enumerate(learnt):
                    features, thresholds, values = _whole(tree[column], self.depth)
                    self.features[number, output] = torch.from_numpy(features)
                    self.thresholds[number, output] = torch.from_numpy(thresholds)
                    self.values[number, output] = torch.from_numpy(sign * values).float()


def _fixed(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(shape), requires_grad=False)


def _signs(classes: int, seen: list[int]) -> dict[tuple[int, int], float]:
    """Say which output of scikit-learn goes to which output here, and how often.

    It has one output for two classes, the logit of the second one.
    """
    if classes == 2:
        return {(0, 0): 1.0}
    if len(seen) == 2:
        return {(seen[0], 0): -0.5, (seen[1], 0): 0.5}
    return {(each, column): 1.0 for column, each in enumerate(seen)}


def _whole(
    nodes: NDArray[np.void], depth: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float64]]:
    """Fill a tree up to its depth: below an early leaf all leaves have its value."""
    features = np.zeros(2**depth - 1, np.int32)
    thresholds = np.zeros(2**depth - 1, np.float32)
    values = np.zeros(2**depth)
    places = [(0, 0, 0)]  # node of scikit-learn, node here, level
    while places:
        theirs, ours, level = places.pop()
        node = nodes[theirs]
        if level == depth:
            values[ours - 2**depth + 1] = node["value"]
        elif node["is_leaf"]:
            places += [(theirs, 2 * ours + 1, level + 1), (theirs, 2 * ours + 2, level + 1)]
        else:
            features[ours] = node["feature_idx"]
            thresholds[ours] = _rounded_down(node["num_threshold"])
            left, right = int(node["left"]), int(node["right"])
            places += [(left, 2 * ours + 1, level + 1), (right, 2 * ours + 2, level + 1)]
    return features, thresholds, values


def _rounded_down(threshold: float) -> np.float32:
    """Find the largest float32 that is not above: the same float32 are larger than either."""
    limit = np.finfo(np.float32)
    found = np.float32(min(max(threshold, float(limit.min)), float(limit.max)))
    return found if found <= threshold else np.nextafter(found, np.float32(-np.inf))


def _parted(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the means of the values left and right of each node are apart, (..., nodes)."""
    levels = []
    while values.shape[-1] > 1:
        pairs = values.reshape(*values.shape[:-1], -1, 2)
        levels.append(np.abs(pairs[..., 1] - pairs[..., 0]))
        values = pairs.mean(axis=-1)
    return cast("NDArray[np.float64]", np.concatenate(levels[::-1], axis=-1))
