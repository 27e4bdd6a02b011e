"""What ``--tta``, ``--instances`` and ``--threshold`` of ``emseg predict`` may say.

Nothing heavy is imported, so that what is mistyped is refused at once.
"""

from collections.abc import Iterable
from enum import StrEnum

from emseg.errors import UsageError


class Turns(StrEnum):
    """Which of the eight symmetries of a square a tile is looked at in."""

    FLIPS = "flips"
    D4 = "d4"


class InstanceMethod(StrEnum):
    """What has a number of its own in an image of objects."""

    CONNECTED = "connected"
    WATERSHED = "watershed"


def parse_thresholds(typed: Iterable[str]) -> dict[str, float]:
    """Read what a user typed: ``"crack=0.7"``, one a class.

    Raises
    ------
    UsageError
        When one is no class with a probability above 0 and up to 1, or a class has two.
    """
    thresholds: dict[str, float] = {}
    for text in typed:
        name, _, value = text.rpartition("=")
        try:
            threshold = float(value)
        except ValueError:
            threshold = 0.0
        if not name or not 0 < threshold <= 1:
            raise UsageError(
                f"--threshold {text}: write a class and the probability that it needs, above 0 "
                "and up to 1, as in crack=0.7"
            )
        if name in thresholds:
            raise UsageError(f"--threshold {name} is given twice; leave one out")
        thresholds[name] = threshold
    return thresholds
