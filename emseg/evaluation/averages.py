"""Averages over the classes that are there."""

from collections.abc import Iterable
from math import fsum


def mean_of_present(scores: Iterable[float | None]) -> float | None:
    """Average of the scores that exist; None when none does."""
    present = [score for score in scores if score is not None]
    return fsum(present) / len(present) if present else None
