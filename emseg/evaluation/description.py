"""What is said of a number: how it is called and written, where it stands, which values are good.

A metric describes each of its numbers once. Tables on the terminal, in Markdown and on a page, the
limits of intervals and the verdicts of ``--compare`` read nothing else, so that nothing is guessed
from the name of a number.
"""

from dataclasses import KW_ONLY, dataclass, replace
from enum import StrEnum
from functools import partial
from math import inf


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
        None where more is neither better nor worse.
    """

    low: float = -inf
    high: float = inf
    better: Better | None = None

    @property
    def of_difference(self) -> "NumberScale":
        """Range of the difference of two such numbers."""
        width = self.high - self.low
        return NumberScale(-width, width, self.better)


AMOUNT = NumberScale(low=0.0)
"""Of what is counted or measured."""

DISTANCE = NumberScale(0.0, inf, Better.LOWER)
"""Of what is 0 when all is right, and may be as large as it likes."""


class Style(StrEnum):
    """How a number is written."""

    SCORE = "0.906"
    SHARE = "23.4 %"
    POINTS = "+1.2 points"
    CHANGE = "+1.2 %"
    LENGTH = "45.2 nm"
    DIFFERENCE = "+1.2 nm"
    COUNT = "1,234"
    PLAIN = "1.23"


class Group(StrEnum):
    """Which table a number of a class stands in.

    The value is its heading on a page, the name in small letters that on the terminal.
    """

    OVERLAP = "Classes"
    BOUNDARIES = "Boundaries"
    OBJECTS = "Objects"
    PARTITIONS = "Separation of objects"
    QUANTITIES = "Measured quantities"
    PROBABILITIES = "Probabilities"
    OTHER = "Other numbers"


@dataclass(frozen=True, slots=True)
class Deviation:
    """What an error of a measured quantity is the error of.

    Parameters
    ----------
    quantity : str
        What was measured.
    reference, prediction : str
        The last words of the keys of the two values.
    less, more : str
        What a negative error says, and a positive one.
    """

    quantity: str
    reference: str
    prediction: str
    less: str
    more: str


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a number.

    Parameters
    ----------
    title : str
        Heading of its column on a page.
    meaning : str
        What it says, as a phrase; "" where the title does. ``{value}`` stands for the number.
    heading : str
        What it is called on the terminal; "" for a number that is not shown there.
    group : Group
        Which table it stands in.
    style : Style
        How it is written.
    scale : NumberScale
        Between which values it lies, and which of two is better.
    unit : str
        ``"nm"`` or ``"px"`` of lengths, "" of others.
    place : int
        Columns of the terminal stand in the order of their places, equal ones as metrics give them.
    is_beside_overlap : bool
        Whether a page shows it beside the overlap rather than in the table of its group.
    is_tested : bool
        Whether ``--compare`` tests it: one number of each kind. Others say the same on another
        scale (Dice beside IoU), or are a part of one that is tested (precision, recall), and each
        more would raise the p-values of all. A number without a direction is never tested.
    deviation : Deviation or None
        Of an error of a measured quantity.
    """

    title: str
    meaning: str
    heading: str
    _: KW_ONLY
    group: Group
    style: Style
    scale: NumberScale
    unit: str = ""
    place: int = 0
    is_beside_overlap: bool = False
    is_tested: bool = False
    deviation: Deviation | None = None

    @property
    def is_score(self) -> bool:
        """Whether 1 is perfect."""
        return (self.scale.high, self.scale.better) == (1.0, Better.HIGHER)

    def averaged(self, name: str, *, is_tested: bool = False) -> "Description":
        """Describe the mean over classes of such numbers, which are called so in a phrase."""
        return replace(self, title=f"Mean {name}", heading=f"mean {name}", is_tested=is_tested)


describe_score = partial(Description, style=Style.SCORE, scale=NumberScale(0.0, 1.0, Better.HIGHER))
"""Describes a number between 0 and 1, where 1 is perfect."""
