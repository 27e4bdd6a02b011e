"""What the trees of a forest ask for, by the names of the features."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emseg.networks.forest import Forest

_CHANNEL = re.compile(r" channel \d+$")


@dataclass(frozen=True, slots=True)
class Importance:
    """How much each feature counts in a forest.

    Parameters
    ----------
    class_name : str
        The class whose trees were looked at; all trees serve both of two classes.
    names : tuple of str
        Of the features: ``"edges at 4 px"``, ``"encoder stage 4 channel 17"``.
    shares : array of float64, shape (features,)
        Sum to 1: how often trees ask for a feature, weighed by how far the answers part them.
    """

    class_name: str
    names: tuple[str, ...]
    shares: NDArray[np.float64]

    @property
    def stem(self) -> str:
        """What its files are called."""
        return "importance"

    @property
    def groups(self) -> dict[str, float]:
        """Shares of the filters, and of all channels of a stage together; the largest first."""
        found: dict[str, float] = {}
        for name, share in zip(self.names, self.shares.tolist(), strict=True):
            is_encoder = name.startswith("encoder")
            group = _CHANNEL.sub(", all channels", name) if is_encoder else name
            found[group] = found.get(group, 0.0) + share
        return dict(sorted(found.items(), key=lambda each: -each[1]))

    @property
    def rows(self) -> list[dict[str, object]]:
        """A line a feature, the largest share first."""
        order = np.argsort(-self.shares, kind="stable")
        return [{"feature": self.names[k], "share": float(self.shares[k])} for k in order]


def importance_of(forest: Forest, index: int, class_name: str) -> Importance:
    """Find how much each feature counts for a class.

    Parameters
    ----------
    forest : Forest
        On any device.
    index : int
        Of the class.
    class_name : str
        Its name.
    """
    names = tuple(forest.names())
    return Importance(class_name, names, forest.head.shares(len(names), index))
