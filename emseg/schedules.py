"""Schedules of the learning rate by name: what they are called, and what can be set of them."""

from dataclasses import dataclass, replace
from typing import Any

from emseg.errors import UnknownNameError, UsageError


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the learning rate goes over a run; of the settings each schedule uses its own.

    Positions and lengths are shares of the run, so that they mean the same for a run counted in
    steps, in epochs or in minutes; rates are shares of the peak rate.
    `emseg.training.schedule` holds the formulae.

    Parameters
    ----------
    name : str
        One of `SCHEDULES`.
    every : float
        ``step``: length after which the rate falls.
    at : tuple of float
        ``multi-step``: positions at which the rate falls.
    factor : float
        ``step``, ``multi-step``: what the rate is multiplied by when it falls.
    hold : float
        ``exponential``, ``cosine``, ``one-cycle``: length at the beginning in which the rate waits.
    start, rise : float
        ``one-cycle``: the first rate, and the part of the rest in which the rate rises.
    end : float
        ``exponential``, ``cosine``, ``one-cycle``: the last rate.
    low, period : float
        ``cyclic``: the lowest rate, and the length of a cycle in steps.
    """

    name: str
    every: float = 1.0
    at: tuple[float, ...] = ()
    factor: float = 1.0
    hold: float = 0.0
    start: float = 1.0
    rise: float = 1.0
    end: float = 0.0
    low: float = 1.0
    period: float = 2.0

    @property
    def known_from(self) -> float | None:
        """Share of a run up to which the rate does not depend on its length; None: it never does.

        When this share of the time of a run has passed, the steps done tell how many there will be.
        """
        if self.name in ("constant", "cyclic"):
            return None
        if self.name == "trapezoid":
            return 0.6
        if self.name == "step":
            return self.every
        return self.at[0] if self.name == "multi-step" else self.hold


SCHEDULES: dict[str, Schedule] = {
    each.name: each
    for each in (
        Schedule("trapezoid"),
        Schedule("constant"),
        Schedule("step", every=0.3, factor=0.1),
        Schedule("multi-step", at=(0.5, 0.75), factor=0.1),
        Schedule("exponential", hold=0.1, end=0.01),
        Schedule("cosine", hold=0.1, end=0.0),
        Schedule("cyclic", low=0.1, period=160),
        Schedule("one-cycle", hold=0.1, start=0.04, rise=0.3, end=4e-6),
    )
}
"""Every schedule with its usual settings."""

_SETTINGS: dict[str, tuple[str, ...]] = {
    "step": ("every", "factor"),
    "multi-step": ("at", "factor"),
    "exponential": ("end", "hold"),
    "cosine": ("end", "hold"),
    "cyclic": ("low", "period"),
    "one-cycle": ("rise", "start", "end", "hold"),
}
_MAY_BE_0 = {("cosine", "end"), ("one-cycle", "end"), ("cyclic", "low")}
_BELOW_1 = {"at", "hold", "rise"}


def parse_schedule(text: str) -> Schedule:
    """Read ``"cosine"``, ``"step:every=0.3,factor=0.1"`` or ``"multi-step:at=0.5+0.75"``.

    Raises
    ------
    UnknownNameError
        When there is no such schedule, or it has no such setting.
    UsageError
        When a setting cannot be read or makes no sense.
    """
    name, colon, rest = (part.strip() for part in text.partition(":"))
    if name not in SCHEDULES:
        raise UnknownNameError("schedule", name, SCHEDULES)
    given: dict[str, Any] = {}
    for part in rest.split(",") if colon else ():
        key, _, value = (each.strip() for each in part.partition("="))
        known = _SETTINGS.get(name, ())
        if key not in known:
            raise UnknownNameError(f"setting of the schedule {name}", key, known)
        if key in given:
            raise UsageError(f"--schedule {text} gives {key} twice; give it one value")
        given[key] = _setting(text, name, key, value)
    return replace(SCHEDULES[name], **given)


def _setting(text: str, name: str, key: str, value: str) -> float | tuple[float, ...]:
    """Read and check the value of one setting of a schedule."""
    try:
        numbers = tuple(float(each) for each in (value.split("+") if key == "at" else [value]))
    except ValueError:
        numbers = ()
    if key == "period":
        if numbers and 2 <= numbers[0] < float("inf") and numbers[0].is_integer():
            return numbers[0]
        raise UsageError(f"--schedule {text}: period is a number of steps, 2 or more: period=160")
    lowest = "0 or more" if key == "hold" or (name, key) in _MAY_BE_0 else "above 0"
    highest = "below 1" if key in _BELOW_1 else "at most 1"
    if not numbers or not all(_within(each, lowest, highest) for each in numbers):
        raise UsageError(f"--schedule {text}: {key} is a share {lowest} and {highest}")
    if key == "at":
        if list(numbers) != sorted(set(numbers)):
            raise UsageError(f"--schedule {text}: write the positions in order: at=0.5+0.75")
        return numbers
    return numbers[0]


def _within(number: float, lowest: str, highest: str) -> bool:
    above = number >= 0 if lowest == "0 or more" else number > 0
    return above and (number < 1 if highest == "below 1" else number <= 1)
