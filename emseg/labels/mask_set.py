"""What was seen in all masks of a set, and what the user says about their values."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from emseg.errors import listed
from emseg.labels.evidence import Evidence
from emseg.mask_values import show_value

LARGEST_SMALL = 32
"""Values up to here number classes; larger ones are grey levels, or 255 for none."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is known about the values of masks before they are looked at.

    Parameters
    ----------
    names : sequence of str, optional
        Class names in the order of the values (``--classes``).
    assigned : mapping, optional
        Mask value to class name (``--labels``).
    unlabelled : int, optional
        The value of pixels that belong to no class (``--unlabelled``).
    known : frozenset of int
        Values that are classes of a model or prediction.
    """

    names: Sequence[str] | None = None
    assigned: Mapping[int, str] | None = None
    unlabelled: int | None = None
    known: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class MaskSet:
    """All masks of a set.

    Parameters
    ----------
    seen : tuple of Evidence
        One a mask.
    said : Said
        What is known about their values.
    where : str
        What messages call them.
    """

    seen: tuple[Evidence, ...]
    said: Said = field(default_factory=Said)
    where: str = "the masks"

    @property
    def counts(self) -> dict[int, int]:
        """Pixels of each value in all masks, ascending; the unlabelled value is left out."""
        total: Counter[int] = Counter()
        for each in self.seen:
            total.update(each.counts)
        return {value: total[value] for value in sorted(total) if value != self.said.unlabelled}

    @property
    def marked(self) -> list[tuple[Evidence, frozenset[int]]]:
        """The masks that hold more than 0, each with its other values."""
        pairs = [(each, each.marked(self.said.unlabelled)) for each in self.seen]
        return [(each, values) for each, values in pairs if values]

    @property
    def is_coloured(self) -> bool:
        """Whether values are colours."""
        return any(each.is_coloured for each in self.seen)

    @property
    def is_settled(self) -> bool:
        """Whether the user, or a model, already says what each value is."""
        values, names = set(self.counts), self.said.names
        if self.said.assigned is not None or (names and len(names) == len(values)):
            return True
        return bool(values) and values <= self.said.known

    def translated(self, meaning: Callable[[Evidence], Mapping[int, int]]) -> "MaskSet":
        """Give the values of each mask the numbers that they stand for, but the unlabelled."""
        none = self.said.unlabelled
        kept = {} if none is None else {none: none}
        seen = [_translated(each, {**meaning(each), **kept}) for each in self.seen]
        return replace(self, seen=tuple(seen))

    def painted(self, *, in_grey: bool) -> "MaskSet":
        """Give the values of masks in colour, stored or by a table, their grey levels or codes."""
        seen = []
        for each in self.seen:
            codes = each.colours or {code: code for code in each.counts if each.is_coloured}
            shown = {value: code & 255 for value, code in codes.items()} if in_grey else codes
            seen.append(replace(_translated(each, shown), is_coloured=bool(codes) and not in_grey))
        return replace(self, seen=tuple(seen))

    def table(self, most: int = 4) -> str:
        """Write the values with their shares: ``"0: 93.1 %, 255: 6.9 %"``."""
        counts = self.counts
        total = sum(counts.values())
        named = {
            value: f"#{value:06x}" if self.is_coloured else show_value(value) for value in counts
        }
        return listed([f"{named[v]}: {share(n, total)}" for v, n in counts.items()], most=most)


def _translated(seen: Evidence, meaning: Mapping[int, int]) -> Evidence:
    counts: Counter[int] = Counter()
    for value, count in seen.counts.items():
        counts[meaning.get(value, value)] += count
    between, near = (
        frozenset(meaning.get(value, value) for value in values)
        for values in (seen.between, seen.near)
    )
    return replace(seen, counts=dict(sorted(counts.items())), between=between, near=near)


def share(part: int, whole: int) -> str:
    """Write a part in per cent: ``"6.9 %"``, and what is little as ``"< 0.1 %"``."""
    per_cent = 100 * part / max(1, whole)
    return f"{per_cent:.1f} %" if per_cent >= 0.1 or not part else "< 0.1 %"


def in_masks(seen: Sequence[Evidence]) -> str:
    """Say in how many masks, and in which first: ``"3 of them (s0.png first)"``."""
    name = Path(seen[0].name).name
    return f"{len(seen)} of them ({name} first)" if len(seen) > 1 else name
