"""Masks of one set that write the same class as different numbers: 1, 255 or 65535."""

import logging
from collections.abc import Collection, Sequence
from enum import StrEnum

from emseg.errors import LabelError, listed
from emseg.labels.evidence import Evidence
from emseg.labels.mask_set import LARGEST_SMALL, MaskSet, in_masks

FULL = frozenset({255, 65535})
"""The largest values of 8 and 16 bits: the one class of a binary mask, or none."""

_STRETCH = 257  # from the 256 levels of 8 bits to those of 16
_Marked = Sequence[tuple[Evidence, frozenset[int]]]
_log = logging.getLogger(__name__)


class MaskScale(StrEnum):
    """How the values of a mask become those of the set."""

    STORED = "stored"
    BINARY = "binary"
    STRETCHED = "stretched"

    def meaning(self, values: Collection[int]) -> dict[int, int]:
        """Say what the values of one mask are in the set, where they change.

        Parameters
        ----------
        values : collection of int
            All values of the mask.
        """
        if self is MaskScale.BINARY:
            return dict.fromkeys(FULL, 1)
        if self is MaskScale.STRETCHED and _is_stretched(values):
            return {value: value // _STRETCH for value in values}
        return {}


def find_scale(found: MaskSet) -> MaskScale:
    """Find out whether masks of a set write their classes as different numbers.

    Raises
    ------
    LabelError
        When they do and it cannot be told which number is which.
    """
    if found.is_coloured:
        return MaskScale.STORED
    full = [pair for pair in found.marked if len(pair[1]) == 1 and pair[1] <= FULL]
    rest = [pair for pair in found.marked if pair not in full]
    if full and (rest or full[0][1] != full[-1][1] or len(set().union(*_values(full))) > 1):
        return _of_full(found, full, rest)
    return _of_many(found, rest)


def _values(marked: _Marked) -> list[frozenset[int]]:
    return [values for _, values in marked]


def _masks(marked: _Marked) -> str:
    return in_masks([seen for seen, _ in marked])


def _of_full(found: MaskSet, full: _Marked, rest: _Marked) -> MaskScale:
    """Judge masks of 0 and 255 alone beside others."""
    others = frozenset().union(*_values(rest))
    (largest, *_) = sorted(frozenset().union(*_values(full)))
    is_drawn = any(0 in seen.counts for seen, _ in full)
    if others <= {1} and is_drawn:
        written = sorted({value for _, values in (*full, *rest) for value in values})
        _log.warning(
            "%s write the same class as different numbers, which are taken as one: %s",
            found.where,
            listed([f"{v} in {_masks([p for p in (*full, *rest) if v in p[1]])}" for v in written]),
        )
        return MaskScale.BINARY
    beside = [pair for pair in rest if pair[1] & FULL]
    if others and min(others) > LARGEST_SMALL:
        return MaskScale.STORED  # grey levels, of which white is one
    if beside and not is_drawn:
        return MaskScale.STORED  # white beside small integers is none, and fills these masks
    classes = ",".join(f"{value}=NAME" for value in sorted({0, *others - FULL, largest}))
    raise LabelError(
        f"{found.where} hold the values {listed(sorted({0, largest} if is_drawn else {largest}))} "
        f"in {_masks(full)} and {listed(sorted({0, *others}))} in {_masks(rest)}: {largest} may be "
        f"a class or mean that nothing was labelled; say --labels {classes}, with the same name "
        f"where two are the same class, or --unlabelled {largest}"
    )


def _of_many(found: MaskSet, rest: _Marked) -> MaskScale:
    """Judge masks of several values: one part may hold grey levels and one small numbers."""
    large = [pair for pair in rest if min(pair[1]) > LARGEST_SMALL]
    small = [pair for pair in rest if max(pair[1] - FULL, default=0) <= LARGEST_SMALL]
    small = [pair for pair in small if pair not in large]
    if not (large and small) or len(large) + len(small) < len(rest):
        return MaskScale.STORED
    if all(_is_stretched(values) for values in _values(large)):
        _log.warning(
            "%s hold multiples of 257 in %s and small numbers in %s: the former are taken as those "
            "numbers, stretched to 16 bits",
            found.where,
            _masks(large),
            _masks(small),
        )
        return MaskScale.STRETCHED
    far, near = (frozenset().union(*_values(part)) for part in (large, small))
    raise LabelError(
        f"{found.where} hold the values {listed(sorted(far))} in {_masks(large)} and "
        f"{listed(sorted(near))} in {_masks(small)}, never together: one part seems to be "
        "stretched for display; save them alike, or say what each value is with "
        "--labels VALUE=NAME,..."
    )


def is_beside_small(marked: Collection[int]) -> bool:
    """Whether a mask holds 255 (65535 in 16 bits) and, besides, nothing but small numbers."""
    rest = set(marked) - FULL
    return bool(rest) and bool(FULL & set(marked)) and max(rest) <= LARGEST_SMALL


def _is_stretched(values: Collection[int]) -> bool:
    """Whether a mask holds small numbers that were multiplied by 257."""
    marked = set(values) - {0}
    return bool(marked) and all(
        value % _STRETCH == 0 and 0 < value // _STRETCH <= LARGEST_SMALL for value in marked
    )
