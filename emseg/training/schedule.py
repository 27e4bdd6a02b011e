r"""How long a run is and how fast it learns at each step.

The usual rate rises, stays, and falls to zero (warm-up, stable, decay; Hu et al., "MiniCPM",
arXiv:2404.06395, section 4)::

    rate |    ________________
         |   /                \
         |  /                  \
         | /                    \
         +-|------------------|---|-> step
          warm-up           60 %  total

It suits a run that is given minutes: nobody knows its number of steps in advance, but when
60 % of the time has passed, the steps done so far are 60 % of all, and from there on the
run is the one that ``--steps`` with the recorded number replays. The other schedules keep to the
same: each has a share of the run, `Schedule.known_from`, before which its rate does not depend
on the number of steps (docs/decisions/0019).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from emseg.schedules import SCHEDULES, Schedule

EPOCH = 16  # steps; an epoch is a number of crops, not of micrographs
WARM_UP = 10  # steps; the same for any length, so that a run given minutes can be replayed
_ENDLESS = 1 << 53  # steps of a run that has no end yet
_SPARE = 1 / 8  # of the time ahead is left: a run that slows down a little still reaches its end
_TRAPEZOID = SCHEDULES["trapezoid"]


def position(share: float, total: int) -> int:
    """Return the first step of a run of this many steps that lies at a share of it or behind."""
    return math.ceil(_exactly(share) * total)


def total_of(share: float, stable: int) -> int:
    """Return the most steps of a run in which this share is reached at this step."""
    return math.floor(stable / _exactly(share))


def _exactly(share: float) -> Fraction:
    """Take 0.6 for six tenths, which no float is."""
    return Fraction(str(share))


def rate_factor(
    step: int, total: int | None, schedule: Schedule = _TRAPEZOID, warm_up: int = WARM_UP
) -> float:
    """Return the factor of the peak learning rate at a step, counted from 0.

    Parameters
    ----------
    step : int
        Steps done.
    total : int or None
        Steps of the whole run; None while it is not known, which is before it matters.
    schedule : Schedule
        How the rate goes.
    warm_up : int
        Steps in which the rate rises; the factor of the schedule is multiplied by it.
    """
    rise = min(1.0, (step + 1) / warm_up) if warm_up else 1.0
    return rise * _FACTORS[schedule.name](schedule, step, total or _ENDLESS)


def _trapezoid(_schedule: Schedule, step: int, total: int) -> float:
    start = position(0.6, total)
    return 1.0 if step < start else max(0.0, (total - step) / (total - start + 1))


def _constant(_schedule: Schedule, _step: int, _total: int) -> float:
    return 1.0


def _step(schedule: Schedule, step: int, total: int) -> float:
    """Fall by a factor after each part (`torch.optim.lr_scheduler.StepLR`)."""
    falls = math.floor(step / (_exactly(schedule.every) * total))
    return float(schedule.factor**falls)


def _multi_step(schedule: Schedule, step: int, total: int) -> float:
    """Fall by a factor at each position (`torch.optim.lr_scheduler.MultiStepLR`)."""
    falls = sum(step >= position(each, total) for each in schedule.at)
    return float(schedule.factor**falls)


def _exponential(schedule: Schedule, step: int, total: int) -> float:
    """Fall by the same factor at each step (`torch.optim.lr_scheduler.ExponentialLR`)."""
    return float(schedule.end ** _progress(schedule, step, total))


def _cosine(schedule: Schedule, step: int, total: int) -> float:
    """Fall as half a cosine does (Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts)."""
    return _between(1.0, schedule.end, _progress(schedule, step, total))


def _cyclic(schedule: Schedule, step: int, _total: int) -> float:
    """Rise and fall in triangles (Smith, "Cyclical learning rates", WACV 2017)."""
    phase = step % schedule.period / schedule.period
    return schedule.low + (1 - schedule.low) * (1 - abs(2 * phase - 1))


def _one_cycle(schedule: Schedule, step: int, total: int) -> float:
    """Rise, then fall far (Smith and Topin, "Super-convergence", 2018; `OneCycleLR` of torch)."""
    start = position(schedule.hold, total)
    top, last = schedule.rise * (total - start) - 1, total - start - 1
    done = max(0, step - start)
    if done <= top:
        return _between(schedule.start, 1.0, done / top if top else 1.0)
    top = max(0.0, top)
    return _between(1.0, schedule.end, min(1.0, (done - top) / max(1.0, last - top)))


def _progress(schedule: Schedule, step: int, total: int) -> float:
    """Share that is done of what follows the hold."""
    start = position(schedule.hold, total)
    return min(1.0, max(0, step - start) / max(1, total - start))


def _between(first: float, last: float, progress: float) -> float:
    """Go from one value to another along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * progress)) / 2


_FACTORS: dict[str, Callable[[Schedule, int, int], float]] = {
    "trapezoid": _trapezoid,
    "constant": _constant,
    "step": _step,
    "multi-step": _multi_step,
    "exponential": _exponential,
    "cosine": _cosine,
    "cyclic": _cyclic,
    "one-cycle": _one_cycle,
}


def _following(step: int, seconds: float) -> float:
    """Estimate when the next step will end, whose rate is set already."""
    return seconds + seconds / max(step, 1)


@dataclass(slots=True)
class RunPlan:
    """The length of a run: known from the start, or found out as the time passes.

    Parameters
    ----------
    total : int or None
        Steps; None for a run that is given minutes.
    budget : float or None
        Seconds, validation included; None for a run that is given steps. A run that is given
        both ends with whichever is spent first.
    schedule : Schedule
        It says from when on the total must be known.
    """

    total: int | None
    budget: float | None
    schedule: Schedule = _TRAPEZOID

    def advance(self, step: int, seconds: float, reserve: float) -> bool:
        """Look at the clock after a step; True when the run is over.

        Parameters
        ----------
        step : int
            Steps done.
        seconds : float
            Since the run began.
        reserve : float
            Seconds that the last validation and the writing of the model will take.
        """
        if self.budget is not None:
            usable = self.budget - reserve
            if self.is_due(step, seconds, reserve):
                self.total = total_of(self.schedule.known_from or 1.0, step + 1)
            if _following(step, seconds) > usable:
                return True
        return self.total is not None and step >= self.total

    def is_due(self, step: int, seconds: float, reserve: float) -> bool:
        """Whether the total must be fixed now: the next step is the last that does not need it."""
        share = self.schedule.known_from
        if self.total is not None or self.budget is None or share is None:
            return False
        usable = self.budget - reserve
        return _following(step, seconds) >= share * (1 - _SPARE * (1 - share)) * usable

    def share(self, step: int, seconds: float) -> float:
        """Part of the run that is done, 0 to 1."""
        shares = [seconds / self.budget if self.budget else 0.0, step / (self.total or step or 1)]
        return min(1.0, shares[0] if self.total is None else max(shares))
