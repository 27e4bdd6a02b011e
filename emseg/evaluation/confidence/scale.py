"""What the name of a number says of it: between which values it lies, and which are good."""

import re
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from emseg.evaluation.metric import Key


class Better(StrEnum):
    """Which of two values of a number is the better one."""

    HIGHER = "higher"
    LOWER = "lower"
    NEARER_ZERO = "nearer to zero"


@dataclass(frozen=True, slots=True)
class NumberScale:
    """Range and direction of a number.

    Parameters
    ----------
    low, high : float
        No value lies outside; infinite where nothing bounds it.
    better : Better or None
        None where more is neither better nor worse, or nobody knows.
    """

    low: float = -inf
    high: float = inf
    better: Better | None = None

    @property
    def of_difference(self) -> "NumberScale":
        """Range of the difference of two such numbers."""
        width = self.high - self.low
        return NumberScale(-width, width, self.better)


_PHRASES = (  # the first that occurs in a name, as whole words, says what the number is
    ("brier", NumberScale(0.0, 2.0, Better.LOWER)),
    ("rand error|calibration error|ece|error rate", NumberScale(0.0, 1.0, Better.LOWER)),
    ("error|bias", NumberScale(better=Better.NEARER_ZERO)),
    (
        "hausdorff|distance|vi|variation of information|log loss",
        NumberScale(0.0, inf, Better.LOWER),
    ),
    ("kappa|matthews", NumberScale(-1.0, 1.0, Better.HIGHER)),
    (
        "iou|dice|precision|recall|f1|accuracy|rand|info|ap|auc|roc|quality|sensitivity|"
        "specificity|top",
        NumberScale(0.0, 1.0, Better.HIGHER),
    ),
    ("fraction|share", NumberScale(0.0, 1.0)),
    ("objects|count|diameter|area|density", NumberScale(0.0, inf)),
)
_KNOWN = tuple((re.compile(rf"\b(?:{words})\b"), scale) for words, scale in _PHRASES)


def scale_of(key: Key) -> NumberScale:
    """Say what the name of a number tells of its range and direction.

    Parameters
    ----------
    key : Key
        Where the number stands; its last part decides, or the one before a mere figure, as the k
        of ``("top_k", "5")``. The names of classes say nothing.

    Returns
    -------
    NumberScale
        Without bounds and without direction when the name is not known.
    """
    named = [part for part in key if not part.replace(".", "").isdigit()]
    words = re.sub(r"[_\W]+", " ", named[-1].lower()) if named else ""
    return next((scale for pattern, scale in _KNOWN if pattern.search(words)), NumberScale())
