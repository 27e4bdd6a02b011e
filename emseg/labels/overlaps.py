"""How much of one class lies under another where there is one mask a class."""

import logging
from collections import Counter
from collections.abc import Sequence

from emseg.labels.mask_set import share
from emseg.labels.masks import mask_plane
from emseg.micrograph import Micrograph

_log = logging.getLogger(__name__)


class MaskOverlaps:
    """Counts, mask after mask, the pixels of each class that a later class takes.

    ::

        a a a . .     . . . . .     a a a . .
        a a a . .  +  . . b b .  =  a a b b .    1 of the 6 pixels of a lies under b
        . . . . .     . . b b .     . . b b .

    Parameters
    ----------
    names : sequence of str
        The classes but the background, in the order in which the later one wins.
    unlabelled : int, optional
        A value that marks no class.
    """

    def __init__(self, names: Sequence[str], unlabelled: int | None = None) -> None:
        self._names, self._unlabelled = tuple(names), unlabelled
        self._marked: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._under: Counter[tuple[str, str]] = Counter()

    def count(self, masks: Sequence[Micrograph]) -> None:
        """Look at the masks of one micrograph, one a class, all of one size."""
        if len({mask.size for mask in masks}) > 1:
            return  # refused where they are combined
        planes = [mask_plane(mask) for mask in masks]
        marks = [(plane > 0) & (plane != self._unlabelled) for plane in planes]
        for index, (name, marked) in enumerate(zip(self._names, marks, strict=True)):
            left = marked
            for later, other in zip(self._names[index + 1 :], marks[index + 1 :], strict=True):
                self._under[name, later] += int((marked & other).sum())
                left = left & ~other
            self._marked[name] += int(marked.sum())
            self._left[name] += int(left.sum())

    @property
    def vanished(self) -> tuple[str, ...]:
        """Classes that masks mark and of which nothing is left."""
        return tuple(name for name, count in self._marked.items() if count and not self._left[name])

    def tell(self, where: str = "the masks") -> None:
        """Tell which part of each class lies under others, if any does.

        Parameters
        ----------
        where : str
            What the masks are called that were counted.
        """
        for name in self._names:
            whole, left = self._marked[name], self._left[name]
            if left == whole:
                continue
            above = {b: n for (a, b), n in self._under.items() if a == name and n}
            shares = [f"{later} ({share(n, whole)})" for later, n in above.items()]
            _log.warning(
                "%s of %s lies under %s (%d of %d pixels in %s): what --masks names later wins%s; "
                "name %s last where it should win",
                share(whole - left, whole),
                name,
                " and ".join(shares if len(above) > 1 else above),
                whole - left,
                whole,
                where,
                "" if left else f", and nothing is left of {name}",
                name,
            )
