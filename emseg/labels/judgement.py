"""What the values of a set of masks are taken for: judged once, over all of them."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.errors import LabelError, listed
from emseg.labels.blurring import find_levels, nearest
from emseg.labels.classes import choose_classes
from emseg.labels.evidence import Evidence, look_at
from emseg.labels.mask_set import MaskSet, Said, in_masks, share
from emseg.labels.masks import distinct_values, mask_plane
from emseg.labels.numbering import Numbering, numbering_of
from emseg.labels.palettes import Painted, common_painting, find_painted
from emseg.labels.scales import FULL, MaskScale, find_scale, is_beside_small
from emseg.micrograph import LabelClass, Micrograph

_MOSTLY_ZERO = 0.9  # of the pixels, where 0 may well mean that nothing was painted
_HALF = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the values of a set of masks are taken for.

    Parameters
    ----------
    found : MaskSet
        The masks with the values that theirs stand for.
    painted : Painted
        Whether masks with colour tables are read by their colours.
    levels : tuple of int
        Two values of which each pixel is taken as the nearer; empty where all count.
    scale : MaskScale
        How masks that write their classes otherwise than the others are read.
    numbering : Numbering
        Whether the values seem to number objects.
    """

    found: MaskSet
    painted: Painted = Painted.VALUES
    levels: tuple[int, ...] = ()
    scale: MaskScale = MaskScale.STORED
    numbering: Numbering = Numbering.NONE

    @property
    def values(self) -> set[int]:
        """Values of all masks as `read` gives them, the unlabelled one among them."""
        return {value for each in self.found.seen for value in each.counts}

    def read(self, mask: Micrograph) -> Micrograph:
        """Give a mask the values that its own stand for.

        Parameters
        ----------
        mask : Micrograph, shape (1 or 3, Y, X)
            As it is stored.

        Returns
        -------
        Micrograph
            The same one where nothing changes.
        """
        if mask.palette is not None and self.painted is not Painted.VALUES:
            mask = _coloured(mask, mask.palette, is_grey=self.painted is Painted.LEVELS)
        elif self.painted is Painted.LEVELS:
            mask = replace(mask, pixels=mask.pixels[:1])
        if not self.levels and self.scale is MaskScale.STORED:
            return mask
        plane = mask_plane(mask)
        values = distinct_values(plane)
        stored = [int(value) for value in values]
        unlabelled = self.found.said.unlabelled
        near = [v if v == unlabelled else nearest(v, self.levels) for v in stored]
        meaning = self.scale.meaning(near)
        table = np.array([v if v == unlabelled else meaning.get(v, v) for v in near], np.int64)
        pixels = np.empty((1, *plane.shape), _smallest_type(table))
        for row, into in zip(plane, pixels[0], strict=True):  # a row: positions take 64 bits
            into[:] = table[np.searchsorted(values, row)]
        return replace(mask, pixels=pixels)

    def painted_as(self, painted: Painted) -> "Judgement":
        """Read masks that are read by value by the colours that stand for their values."""
        if (
            painted is Painted.VALUES
            or self.painted is not Painted.VALUES
            or self.found.is_coloured
        ):
            return self
        return replace(self, found=painted.paint(self.found), painted=painted)

    def classes(self, objects: str) -> tuple[tuple[LabelClass, ...], int | None]:
        """Map the values to classes, as `choose_classes` does.

        Parameters
        ----------
        objects : str
            What to do where values number objects: ``"add --instances"``.

        Raises
        ------
        LabelError
            When the values number objects or cannot be mapped.
        """
        self.refuse_objects(objects)
        said = self.found.said
        return choose_classes(
            self.values,
            names=said.names,
            assigned=said.assigned,
            unlabelled=said.unlabelled,
            where=self.found.where,
            objects=objects,
        )

    def refuse_objects(self, objects: str) -> None:
        """Refuse values that number objects, and tell where they may do so."""
        values = self.found.counts
        if self.numbering is Numbering.SURE:
            raise LabelError(
                f"{self.found.where} hold {len(values)} values ({self.found.table()}), each in one "
                f"piece: they number objects; {objects}, or name every value with --classes where "
                "each is a class"
            )
        if self.numbering is Numbering.LIKELY:
            _log.warning(
                "the values of %s look like numbers of objects (%s, each in one piece) and are "
                "taken as classes; where each is an object, %s",
                self.found.where,
                listed(sorted(values)),
                objects,
            )


def judge(
    masks: Iterable[Micrograph],
    said: Said | None = None,
    *,
    where: str = "the masks",
    is_drawn: bool = True,
) -> Judgement:
    """Look at all masks of a set, one at a time, and say what their values are taken for.

    Parameters
    ----------
    masks : iterable of Micrograph
        As they are stored.
    said : Said, optional
        What the user says about the values, or a model knows.
    where : str
        What messages call the masks.
    is_drawn : bool
        Whether a person may have drawn them, and not all of them yet.

    Raises
    ------
    LabelError
        When some are in colour and others grey, when JPEG or smoothing made values of their own,
        or when masks write their classes in different ways and it cannot be told which is which.
    """
    found = MaskSet(tuple(look_at(mask) for mask in masks), said or Said(), where)
    painted = find_painted(found)
    found = painted.paint(found)
    _refuse_mixed(found.seen)
    if found.is_settled:
        return Judgement(found, painted)
    levels = find_levels(found)
    if levels:
        found = found.translated(lambda each: {v: nearest(v, levels) for v in each.counts})
    scale = find_scale(found)
    found = found.translated(lambda each: scale.meaning(each.counts))
    numbering = numbering_of(found)
    if numbering is not Numbering.SURE and not found.is_coloured:
        _tell_apart(found)
        if is_drawn:
            _tell_zero(found)
    return Judgement(found, painted, levels, scale, numbering)


def judge_layer(masks: Iterable[Micrograph], name: str, unlabelled: int | None = None) -> Judgement:
    """Judge the masks of one class, in which every value above 0 marks it, as `judge` does."""
    where = f"the masks of {name}"
    found = MaskSet(tuple(look_at(mask) for mask in masks), Said(unlabelled=unlabelled), where)
    painted = find_painted(found)
    found = painted.paint(found)
    levels = find_levels(found)
    none = [each for each, marks in found.marked if is_beside_small(marks)]
    if none and not levels and not found.is_coloured:
        _log.warning(
            "%s hold 255 beside small numbers in %s, and every value above 0 marks the class; "
            "where 255 means that nothing was labelled, say --unlabelled 255",
            where,
            in_masks(none),
        )
    return Judgement(found, painted, levels)


def judged_alike(one: Judgement, other: Judgement) -> tuple[Judgement, Judgement]:
    """Let two sets be compared by colour where palettes show the same colours as other values.

    Parameters
    ----------
    one, other : Judgement
        Of label images and of their masks, about whose values nothing is known.
    """
    pair = one, other
    if any(each.levels or each.scale is not MaskScale.STORED for each in pair):
        return pair
    if any(each.numbering is not Numbering.NONE for each in pair):
        return pair
    painted = common_painting(one.found, other.found)
    return one.painted_as(painted), other.painted_as(painted)


def _coloured(mask: Micrograph, palette: NDArray[np.uint8], *, is_grey: bool) -> Micrograph:
    """Put the colours, or grey levels, of its table in the place of the values of a mask."""
    shown = palette[:, :1] if is_grey else palette
    pixels = np.moveaxis(shown[mask.pixels[0]], -1, 0)
    return replace(mask, pixels=pixels, palette=None)


def _smallest_type(values: NDArray[np.int64]) -> np.dtype[Any]:
    ends = int(values.min(initial=0)), int(values.max(initial=0))
    return np.promote_types(*(np.min_scalar_type(end) for end in ends))


def _refuse_mixed(seen: Iterable[Evidence]) -> None:
    """Refuse colours beside numbers: 255 is white in one mask and blue in the other."""
    coloured = grey = ""
    for each in seen:
        if each.is_coloured:
            coloured = coloured or each.name
        elif any(each.counts):
            grey = grey or each.name
        if coloured and grey:
            raise LabelError(
                f"the mask {coloured} is a colour picture (3 channels) and {grey} is grey; save "
                "all masks alike, best with one channel and one value a class"
            )


def _tell_apart(found: MaskSet) -> None:
    """Tell that no mask shows two classes, so that their numbers may be another matter."""
    marked = found.marked
    values = sorted(frozenset().union(*(values for _, values in marked)))
    if len(values) < 2 or any(len(values) > 1 for _, values in marked) or found.said.names:
        return
    held = [f"{value} in {in_masks([e for e, v in marked if value in v])}" for value in values]
    _log.warning(
        "no two of the values %s are in the same mask (%s): each is taken as a class; where they "
        "are the same class, say --labels %s",
        listed(values),
        listed(held, most=3),
        ",".join(["0=background", *(f"{value}=foreground" for value in values)]),
    )


def _tell_zero(found: MaskSet) -> None:
    """Tell that a 0 that covers nearly everything may mean that nothing was painted there."""
    counts, said = found.counts, found.said
    others = [value for value in counts if value and value not in FULL]
    if len(others) < 2 or len(others) < len(counts) - 1 or said.names:
        return
    zero, total = counts.get(0, 0), sum(counts.values())
    if zero >= _MOSTLY_ZERO * total:
        named = ",".join(["0=background", *(f"{value}=class_{value}" for value in others[:3])])
        _log.warning(
            "0 covers %s of %s and is taken as a class: a background that was looked at. Where it "
            "means that nothing was painted there, say --unlabelled 0; --labels %s says that it is "
            "a class",
            share(zero, total),
            found.where,
            named + ",..." * (len(others) > 3),
        )


def tell_left_out(judgement: Judgement, consequence: str) -> None:
    """Tell that the value 0 that the user leaves out covers most of the masks.

    Parameters
    ----------
    judgement : Judgement
        Of the masks.
    consequence : str
        What follows from it, and what to say where 0 is a class, as clauses.
    """
    found = judgement.found
    if found.said.unlabelled != 0:
        return
    left, kept = sum(each.counts.get(0, 0) for each in found.seen), sum(found.counts.values())
    if left > _HALF * (left + kept):
        _log.warning(
            "--unlabelled 0 leaves out %s of the pixels of %s: %s",
            share(left, left + kept),
            found.where,
            consequence,
        )
