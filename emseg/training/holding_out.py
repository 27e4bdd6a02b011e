"""Which labelled micrographs are held out for validation."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from emseg.errors import ContentError, UsageError, listed
from emseg.intensity import Statistics
from emseg.micrograph import LabelImage, Micrograph, stacked
from emseg.pixels import Pixels
from emseg.training.slices import place_of, places_seen

_LONG = 10  # planes of a stack, from which on one is left out between learnt and held-out ones
_log = logging.getLogger(__name__)
_Name = TypeVar("_Name")


@dataclass(frozen=True, slots=True)
class LabelledPlane:
    """A micrograph with its labels and the statistics that normalise it.

    Parameters
    ----------
    micrograph : Micrograph
        Pixels as in the file, with its neighbours where they are seen along with it.
    labels : LabelImage
        Of the same height and width.
    statistics : Statistics
        Of the whole micrograph, also when this is a part of it; of its neighbours likewise, in
        their order.
    """

    micrograph: Micrograph
    labels: LabelImage
    statistics: Statistics

    @property
    def pixels(self) -> Pixels:
        """What a network sees, shape (channels of all slices, Y, X)."""
        return stacked(self.micrograph.slices).pixels


@dataclass(frozen=True, slots=True)
class Fold:
    """One of several parts that are held out in turn.

    Parameters
    ----------
    number, of : int
        From 1 on.
    """

    number: int
    of: int

    def part(self, count: int) -> slice:
        """Give its part of so many things in a row."""
        return slice((self.number - 1) * count // self.of, self.number * count // self.of)


def split(
    planes: Sequence[LabelledPlane],
    fraction: float,
    seed: int,
    *,
    groups: Sequence[str] | None = None,
    fold: Fold | None = None,
) -> tuple[list[LabelledPlane], list[LabelledPlane]]:
    """Hold out a fraction for validation, and leave every class to learn from where possible.

    Single micrographs are drawn by the seed, and one that alone shows a class is passed over. Of
    each stack the last planes are held out, because neighbouring planes show nearly the same; if
    they alone show a class, others that lie together. The plane next to those is left out of both
    where a stack has enough of them, and whatever the stack those that see a held-out plane as
    their neighbour. One micrograph alone is cut in two.

    Parameters
    ----------
    planes : sequence of LabelledPlane
        All of them.
    fraction : float
        Of them, to validate with.
    seed : int
        Of the draw.
    groups : sequence of str, optional
        The specimen, or whatever else makes them alike, of each: groups are held out whole.
    fold : Fold, optional
        Hold out this part, in place of a fraction: every micrograph is in one part.

    Returns
    -------
    train, validation : list of LabelledPlane
        Neither is empty.

    Raises
    ------
    UsageError
        When there are fewer groups, or micrographs, than parts.
    """
    if len(planes) == 1:
        return _cut(planes[0], fraction, fold)
    draw = Draw(np.array([plane.labels.counts() > 0 for plane in planes], int))
    if groups is not None:
        units = members_of(groups)
        require_several(units, fold)
        hold_out_units(draw, list(units.values()), fraction, seed, fold)
    else:
        files = members_of([plane.micrograph.path for plane in planes])
        stacks = [indices for indices in files.values() if len(indices) > 1]
        single = [indices for indices in files.values() if len(indices) == 1]
        for indices in stacks:
            if fold is None:
                draw.hold_out_together(indices, _share(len(indices), fraction))
            else:
                draw.hold_out(indices[fold.part(len(indices))])
            draw.leave_gap(indices)
        if not stacks:
            require_several(files, fold)
        if len(single) > 1:
            hold_out_units(draw, single, fraction, seed, fold)
    draw.leave_seeing([plane.micrograph for plane in planes])
    _log.debug(
        "held out for validation: %s",
        listed([planes[i].micrograph.title for i in sorted(draw.held_out)]),
    )
    train = [
        plane
        for index, plane in enumerate(planes)
        if index not in draw.held_out and index not in draw.between
    ]
    held_out = [plane for index, plane in enumerate(planes) if index in draw.held_out]
    if not train or not held_out:
        raise UsageError(
            f"{len(planes)} micrographs leave nothing to learn from, or nothing to validate with; "
            "give fewer --folds, or more micrographs"
            + (", or fewer --neighbours" if planes[0].micrograph.neighbours else "")
        )
    return train, held_out


def members_of(names: Sequence[_Name]) -> dict[_Name, list[int]]:
    """List what belongs to each name, in the order in which they occur."""
    members: dict[_Name, list[int]] = {}
    for index, name in enumerate(names):
        members.setdefault(name, []).append(index)
    return members


def require_several(units: Collection[object], fold: Fold | None) -> None:
    """Refuse fewer groups or micrographs than there are parts."""
    needed = 2 if fold is None else fold.of
    if len(units) < needed:
        what = "--group-by makes one group of all" if fold is None else f"--folds {fold.of} is more"
        raise UsageError(
            f"{what} than the {len(units)} group(s) or micrograph(s) there are; each part is held "
            "out as a whole"
        )


def hold_out_units(
    draw: "Draw", units: Sequence[list[int]], fraction: float, seed: int, fold: Fold | None
) -> None:
    """Hold out some of what belongs together, each of it whole, drawn by the seed."""
    order = [units[i] for i in np.random.default_rng(seed).permutation(len(units))]
    if fold is None:
        draw.hold_out_first(order, _share(len(units), fraction))
    else:
        draw.hold_out([index for unit in order[fold.part(len(order))] for index in unit])


class Draw:
    """Holds out micrographs one by one, and knows which classes are left to learn from.

    Parameters
    ----------
    shows : array of int, 0 or 1, shape (micrographs, classes)
        Which micrograph shows which class.
    """

    def __init__(self, shows: NDArray[np.int_]) -> None:
        self._shows = shows
        self._left = self._shows.sum(axis=0)  # micrographs to learn each class from
        self.held_out: set[int] = set()
        self.between: set[int] = set()

    def _lost(self, more: Sequence[int]) -> int:
        """Count the classes that nothing shows any more when these are held out as well."""
        taken = self._shows[list(more)].sum(axis=0)
        return int(((taken > 0) & (taken == self._left)).sum())

    def hold_out(self, more: Sequence[int]) -> None:
        """Hold these out."""
        self.held_out.update(more)
        self._left = self._left - self._shows[list(more)].sum(axis=0)

    def hold_out_first(self, order: Sequence[list[int]], count: int) -> None:
        """Hold out the first units that are not needed to learn a class; at least one."""
        done = 0
        for unit in order:
            if done < count and not self._lost(unit):
                self.hold_out(unit)
                done += 1
        if not self.held_out:
            self.hold_out(min(order, key=self._lost))

    def hold_out_together(self, indices: Sequence[int], count: int) -> None:
        """Hold out planes in a row, the last ones unless others leave more classes."""
        starts = range(len(indices) - count, -1, -1)
        self.hold_out(min((indices[start : start + count] for start in starts), key=self._lost))

    def leave_gap(self, indices: Sequence[int]) -> None:
        """Leave out of a stack what lies next to held-out planes, where enough are left."""
        if len(indices) < _LONG:
            return
        for one, other in pairwise(indices):
            if (one in self.held_out) != (other in self.held_out):
                self.between.add(other if one in self.held_out else one)

    def leave_seeing(self, micrographs: Sequence[Micrograph]) -> None:
        """Leave out what would show held-out planes to the training, as neighbours of others.

        ::

            one neighbour on each side    learnt learnt [gap] held out
            two                           learnt [gap]  [gap] held out
        """
        places = {place_of(micrographs[index]) for index in self.held_out}
        self.between.update(
            index
            for index, each in enumerate(micrographs)
            if each.neighbours and index not in self.held_out and places & places_seen(each)
        )


def _share(count: int, fraction: float) -> int:
    """Part of several, at least one and never all."""
    return min(count - 1, max(1, round(fraction * count)))


def _cut(
    plane: LabelledPlane, fraction: float, fold: Fold | None = None
) -> tuple[list[LabelledPlane], list[LabelledPlane]]:
    """Cut the end off, or the part of another side where more classes are left to learn from.

    ::

        learnt learnt learnt learnt | held
        learnt learnt learnt learnt | out
    """
    height, width = plane.micrograph.size
    if max(height, width) < 2:
        raise ContentError(f"{plane.micrograph.title} is a single pixel; it cannot be learnt from")
    if fold is not None:
        raise UsageError(
            f"--folds {fold.of} needs several micrographs or a stack, and there is one micrograph"
        )
    along = [(1, width), (0, height)] if width >= height else [(0, height), (1, width)]
    cuts = [
        _Cut(axis, length, min(length - 1, max(1, round(length * fraction))), is_last=is_last)
        for axis, length in along
        if length > 1
        for is_last in (True, False)
    ]
    shown = plane.labels.counts() > 0
    best = min(cuts, key=lambda cut: int((shown & ~(cut.kept(plane).labels.counts() > 0)).sum()))
    _log.warning(
        "one labelled micrograph: its %s %d %s are held out for validation",
        "last" if best.is_last else "first",
        best.count,
        "columns" if best.axis else "rows",
    )
    return [best.kept(plane)], [best.held_out(plane)]


@dataclass(frozen=True, slots=True)
class _Cut:
    """Rows (axis 0) or columns (1) at one end, which are held out."""

    axis: int
    length: int
    count: int
    is_last: bool

    def kept(self, plane: LabelledPlane) -> LabelledPlane:
        """Give what is learnt from."""
        border = self.length - self.count
        part = slice(0, border) if self.is_last else slice(self.count, None)
        return self._part(plane, part)

    def held_out(self, plane: LabelledPlane) -> LabelledPlane:
        """Give what validates."""
        border = self.length - self.count
        part = slice(border, None) if self.is_last else slice(0, self.count)
        return self._part(plane, part)

    def _part(self, plane: LabelledPlane, part: slice) -> LabelledPlane:
        rows, columns = (slice(None), part) if self.axis else (part, slice(None))
        return LabelledPlane(
            plane.micrograph.part(rows, columns),
            replace(plane.labels, pixels=plane.labels.pixels[rows, columns]),
            plane.statistics,
        )


def check_classes(
    train: Sequence[LabelledPlane],
    validation: Sequence[LabelledPlane],
    told: Collection[str] = (),
) -> None:
    """Tell which classes cannot be learnt, and which no score will speak of.

    Parameters
    ----------
    train, validation : sequence of LabelledPlane
        Of the same classes.
    told : collection of str
        Classes of which the user knows already that no mask shows them.

    Raises
    ------
    ContentError
        When no pixel of the training is labelled.
    """
    learnt, scored = (_pixels(planes) for planes in (train, validation))
    if not learnt.any():
        raise ContentError("no pixel of the training masks is labelled; check --unlabelled")
    names = train[0].labels.names
    of_each = [each for each in zip(names, learnt, scored, strict=True) if each[0] not in told]
    unseen = [name for name, n, m in of_each if not n and not m]
    kept = [name for name, n, m in of_each if not n and m]
    alone = [name for name, n, m in of_each if n and not m]
    if unseen:
        _log.warning("no training mask shows %s, which cannot be learnt", listed(unseen))
    if kept:
        _log.warning(
            "no training mask shows %s, which cannot be learnt: only what is held out for "
            "validation does; label one more micrograph that does, or choose others with "
            "--val-images",
            listed(kept),
        )
    if alone:
        _log.warning(
            "what is held out for validation does not show %s: no score says how well that "
            "is learnt; label one more micrograph that shows it",
            listed(alone),
        )


def _pixels(planes: Sequence[LabelledPlane]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.sum([plane.labels.counts() for plane in planes], axis=0)
    return counts


def tell_held_out(count: int) -> None:
    """Tell how many micrographs are named for both, where any are."""
    if count:
        _log.warning(
            "%d micrograph(s) are named for training and for validation; they only validate", count
        )
