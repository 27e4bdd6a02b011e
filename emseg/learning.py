"""What ``--loss``, ``--class-weights`` and ``--augment`` may say.

Nothing heavy is imported, so that what is mistyped is refused at once.
"""

import math
from collections.abc import Sequence
from enum import StrEnum

from emseg.errors import UnknownNameError, UsageError

LOSSES = ("dice", "ce", "focal", "tversky", "lovasz", "cldice", "boundary")
_HIGHEST = 1000.0  # of the weight of a class


class Augment(StrEnum):
    """How much a crop is varied.

    ``usual`` is what micrographs of one microscope differ by, ``strong`` what those of several
    do: contrast curves, defocus, noise, magnification, charging.
    """

    NONE = "none"
    USUAL = "usual"
    STRONG = "strong"


def split_losses(names: str) -> list[str]:
    """Split ``"dice+ce"`` into its names.

    Raises
    ------
    UsageError
        When one is not known, or named twice.
    """
    found = [each.strip() for each in names.split("+")]
    for each in found:
        if each not in LOSSES:
            raise UnknownNameError("loss", each, LOSSES)
    if len(set(found)) < len(found):
        raise UsageError(f"--loss {names} names one twice; write each once, as in dice+ce")
    return found


def parse_weights(text: str, classes: Sequence[str] | None = None) -> dict[str, float] | None:
    """Read ``"cell=1,membrane=3"``; None for ``"none"`` and ``"auto"``.

    Parameters
    ----------
    text : str
        As it was typed.
    classes : sequence of str, optional
        Names that there are; a class that is not named weighs 1.

    Raises
    ------
    UsageError
        When it names no class, or a weight that is no number above 0.
    """
    if text in ("none", "auto"):
        return None
    weights: dict[str, float] = {}
    for each in text.split(","):
        name, _, value = (part.strip() for part in each.rpartition("="))
        weight = _number(value)
        if not name or weight is None or name in weights:
            raise UsageError(
                f"--class-weights {text}: {each.strip()!r} is no NAME=WEIGHT; write auto, none, or "
                "a number above 0 for each class, as in cell=1,membrane=3"
            )
        if classes is not None and name not in classes:
            raise UnknownNameError("class", name, classes)
        weights[name] = weight
    return weights


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 < value <= _HIGHEST else None
