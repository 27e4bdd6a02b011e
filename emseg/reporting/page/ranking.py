"""The worst of many, of which only few are kept in memory."""

import heapq
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Worst(Generic[Item]):
    """The few worst of any number of items.

    Parameters
    ----------
    most : int
        How many are kept; 0 keeps none.
    """

    def __init__(self, most: int) -> None:
        self._most, self._met = most, 0
        self._heap: list[tuple[float, int, Item]] = []  # the least bad one first

    def __len__(self) -> int:
        return len(self._heap)

    def admits(self, badness: float) -> bool:
        """Whether an item this bad would be kept; of equal ones those that came first are."""
        if len(self._heap) < self._most:
            return True
        return self._most > 0 and badness > self._heap[0][0]

    def add(self, badness: float, item: Item) -> None:
        """Keep an item if it is bad enough; the least bad one goes for it."""
        if not self.admits(badness):
            return
        self._met += 1
        entry = (badness, -self._met, item)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heapreplace(self._heap, entry)

    def join(self, other: "Worst[Item]") -> None:
        """Add what another one kept, in the order in which it came."""
        for badness, _, item in sorted(other._heap, key=lambda each: -each[1]):
            self.add(badness, item)

    def ranked(self) -> tuple[Item, ...]:
        """Give what was kept, the worst first."""
        return tuple(item for _, _, item in sorted(self._heap, key=lambda each: each[:2])[::-1])
