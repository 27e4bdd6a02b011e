"""What a tensor sees of the image, and along which of its dimensions the image's axes lie.

A dimension is a product of factors, as reshaping makes them: flattening (N, C, Y, X) to (N, C, Y*X)
leaves ``((N), (C), (Y, X))``, and a reshape back finds rows and columns again. An axis that lies
nowhere any more was joined: by a mean over its pixels, or by a linear layer behind a flatten.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod

from emseg.networks.anatomy.reach import EVERYTHING, Reach, Sampling

ROWS, COLUMNS = 0, 1


@dataclass(frozen=True, slots=True)
class Factor:
    """Part of a dimension: rows or columns of the image, or something else (None)."""

    size: int
    axis: int | None = None


Dimension = tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the elements of a tensor see.

    Parameters
    ----------
    layout : tuple of tuples of Factor
        One a dimension of the tensor.
    reaches : (Reach, Reach)
        Along rows and columns; of an axis that was joined, what was seen before it was.
    """

    layout: tuple[Dimension, ...]
    reaches: tuple[Reach, Reach]

    def has(self, axis: int) -> bool:
        """Whether the tensor still has this axis of the image."""
        return any(factor.axis == axis for dimension in self.layout for factor in dimension)

    @property
    def is_image(self) -> bool:
        """Whether it has rows and columns."""
        return self.has(ROWS) and self.has(COLUMNS)

    def axes_of(self, dimensions: Iterable[int]) -> set[int]:
        """Axes of the image that lie along some dimensions."""
        return {
            factor.axis
            for at in dimensions
            for factor in self.layout[at]
            if factor.axis is not None
        }

    def blurred(self, axes: Iterable[int] = (ROWS, COLUMNS)) -> "Seen":
        """Return the same where each element sees everything along some axes."""
        chosen = set(axes)
        rows, columns = (
            reach.blurred() if axis in chosen else reach for axis, reach in enumerate(self.reaches)
        )
        return replace(self, reaches=(rows, columns))

    def relaid(self, layout: Iterable[Dimension]) -> "Seen":
        """Return the same with its dimensions laid out anew."""
        return replace(self, layout=tuple(layout))

    def sampled(self, at: int, sampling: Sampling, size: int) -> "Seen":
        """Take samples along one dimension; the result has ``size`` of them."""
        layout = list(self.layout)
        axes = self.axes_of([at])
        if not axes:
            layout[at] = (Factor(size),)
            return self.relaid(layout)
        if len(layout[at]) > 1:
            return lost(
                [size if each == at else _size(layout[each]) for each in range(len(layout))]
            )
        (axis,) = axes
        layout[at] = (Factor(size, axis),)
        reaches = list(self.reaches)
        reaches[axis] = reaches[axis].through(sampling)
        return Seen(tuple(layout), (reaches[0], reaches[1]))


def image(shape: Sequence[int]) -> Seen:
    """Describe an image (N, C, Y, X): each pixel sees itself."""
    batch, channels, height, width = shape
    layout = ((Factor(batch),), (Factor(channels),), (Factor(height, 0),), (Factor(width, 1),))
    return Seen(layout, (Reach(), Reach()))


def lost(shape: Iterable[int]) -> Seen:
    """Something that may see everything, with no order that is known."""
    return Seen(plain(shape), (EVERYTHING, EVERYTHING))


def plain(shape: Iterable[int]) -> tuple[Dimension, ...]:
    """Dimensions that are no axes of the image."""
    return tuple((Factor(size),) for size in shape)


def reshaped(seen: Seen, shape: Sequence[int]) -> Seen:
    """Follow the factors into another shape; rows and columns are never cut in pieces."""
    waiting = _merged_plain(factor for dimension in seen.layout for factor in dimension)
    layout: list[Dimension] = []
    for size in shape:
        taken = _take(waiting, size)
        if taken is None:
            return lost(shape)
        layout.append(taken)
    if any(factor.size != 1 for factor in waiting):
        return lost(shape)
    return seen.relaid(layout)


def _take(waiting: list[Factor], size: int) -> Dimension | None:
    """Take factors from the front whose product is ``size``; None when they do not fit."""
    if size == 1:
        if waiting and waiting[0].size == 1:
            return (waiting.pop(0),)
        return (Factor(1),)
    taken: list[Factor] = []
    while size > 1:
        if not waiting:
            return None
        first = waiting.pop(0)
        if first.size > size and first.axis is None and first.size % size == 0:
            waiting.insert(0, Factor(first.size // size))
            first = Factor(size)
        if size % first.size:
            return None
        size //= first.size
        if first.size > 1:
            taken.append(first)
    return tuple(taken)


def _merged_plain(factors: Iterable[Factor]) -> list[Factor]:
    merged: list[Factor] = []
    for factor in factors:
        if merged and merged[-1].axis is None and factor.axis is None:
            merged[-1] = Factor(merged[-1].size * factor.size)
        else:
            merged.append(factor)
    return merged


def _size(dimension: Dimension) -> int:
    return prod(factor.size for factor in dimension)


def combined(seens: Sequence[Seen], shape: Sequence[int]) -> Seen:
    """Find what elements see that are made of elements at the same place, as by adding.

    Parameters
    ----------
    seens : sequence of Seen
        Of the tensors; their dimensions are matched from the last, as in broadcasting.
    shape : sequence of int
        Of the result.
    """
    layout = []
    for back in range(len(shape), 0, -1):
        choices = {
            seen.layout[-back]
            for seen in seens
            if back <= len(seen.layout) and seen.axes_of([len(seen.layout) - back])
        }
        fitting = [choice for choice in choices if _size(choice) == shape[-back]]
        if len(choices) > 1 or len(fitting) < len(choices):
            return lost(shape)
        layout.append(fitting[0] if fitting else (Factor(shape[-back]),))
    axes = [factor.axis for dimension in layout for factor in dimension if factor.axis is not None]
    if len(set(axes)) < len(axes):
        return lost(shape)
    return Seen(tuple(layout), (_together(seens, ROWS), _together(seens, COLUMNS)))


def _together(seens: Sequence[Seen], axis: int) -> Reach:
    """Join what is seen along an axis: all of it where one of several has joined the axis."""
    having = [seen.reaches[axis] for seen in seens if seen.has(axis)]
    if not having:
        return max(
            (seen.reaches[axis] for seen in seens),
            key=lambda reach: float("inf") if reach.width is None else reach.width,
        )
    reach = having[0]
    for other in having[1:]:
        reach = reach.joined(other)
    return reach if len(having) == len(seens) else reach.blurred()
