"""Masks whose values were changed by JPEG, smooth edges or resizing."""

import logging
from collections import Counter

from emseg.errors import LabelError
from emseg.labels.mask_set import LARGEST_SMALL, MaskSet, in_masks, share

_MOSTLY = 0.8  # of the pixels of a value that lie as smoothing puts them
_APART = 32  # grey levels between two classes, at least, of which each pixel is nearer to one
_STRAY = 24  # grey levels by which JPEG changes the inside of an area
_MOST_BLURRED = 0.15  # of the pixels; a mask of which more is blurred says nothing about edges
_log = logging.getLogger(__name__)


def find_levels(found: MaskSet) -> tuple[int, ...]:
    """Find the two values of masks whose other values come from JPEG, smoothing or resizing.

    Returns
    -------
    tuple of int
        Darker and brighter level; empty where every value is one of its own.

    Raises
    ------
    LabelError
        When values are blurred that are no two well separated levels: between three levels a
        pixel may belong to any of them.
    """
    counts = found.counts
    changed = _changed(found)
    if not changed:
        return ()
    low, high = _two_levels(counts)
    strange = [each for each in found.seen if not {low, high}.issuperset(each.counts)]
    areas = [value for value in counts if value not in changed]
    lost = sum(n for v, n in counts.items() if not _is_near(v, (low, high)))
    total = sum(counts.values())
    few = all(_is_near(value, (low, high)) for value in areas) and not found.is_coloured
    if not few or high - low < _APART or lost > _MOST_BLURRED * total:
        raise LabelError(
            f"{found.where} hold {len(counts)} values ({found.table()}), most of "
            f"them at the edges of others, in {in_masks(strange)}: JPEG, smooth edges and resizing "
            "blur a mask, and probabilities times 255 are no mask; save masks as PNG or TIFF with "
            "one value a class, resized by the nearest neighbour, or say what each value is with "
            "--labels VALUE=NAME,..."
        )
    _log.warning(
        "%s hold %d values in place of two, in %s, as JPEG and smooth edges make them: each pixel "
        "is taken as the nearer of %d and %d (%s of the pixels hold neither); save masks as PNG or "
        "TIFF to keep their edges",
        found.where,
        len(counts),
        in_masks(strange),
        low,
        high,
        share(total - counts[low] - counts[high], total),
    )
    return low, high


def _two_levels(counts: dict[int, int]) -> tuple[int, int]:
    """Most frequent value of the darker and of the brighter half."""
    middle = (min(counts) + max(counts)) / 2
    halves = (
        {value: n for value, n in counts.items() if (value > middle) is is_bright}
        for is_bright in (False, True)
    )
    low, high = (max(half, key=lambda value: half[value]) for half in halves)
    return low, high


def _is_near(value: int, levels: tuple[int, int]) -> bool:
    return min(abs(value - level) for level in levels) <= _STRAY


def _changed(found: MaskSet) -> set[int]:
    """Find the values that lie as smoothing puts them; none where few or small ones do."""
    between: Counter[int] = Counter()
    near: Counter[int] = Counter()
    for each in found.seen:
        between.update({value: each.counts[value] for value in each.between})
        near.update({value: each.counts[value] for value in each.near})
    counts = found.counts
    changed = {v for v, n in counts.items() if between[v] + near[v] >= _MOSTLY * n}
    if any(each.is_lossy and len(each.counts) > 2 for each in found.seen):
        return changed or set(counts)
    telling = any(value > LARGEST_SMALL or between[value] for value in changed)
    return changed if telling and len(changed) > 1 else set()


def nearest(value: int, levels: tuple[int, ...]) -> int:
    """Say which of two levels a value is nearer to; without levels it is its own."""
    if not levels:
        return value
    low, high = levels
    return high if 2 * value >= low + high else low
