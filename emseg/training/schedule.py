r"""How long a run is and how fast it learns at each step.

The rate rises, stays, and falls to zero (warm-up, stable, decay; Hu et al., "MiniCPM",
arXiv:2404.06395, section 4)::

    rate |    ________________
         |   /                \
         |  /                  \
         | /                    \
         +-|------------------|---|-> step
          warm-up           60 %  total

It suits a run that is given minutes: nobody knows its number of steps in advance, but when
60 % of the time has passed, the steps done so far are 60 % of all, and from there on the
run is the one that ``--steps`` with the recorded number replays.
"""

from dataclasses import dataclass

_STABLE = 0.6
_MARGIN = 0.95  # of the time is planned: a run that slows down a little still reaches its end
_WARM_UP = 10  # steps; the same for any length, so that a run given minutes can be replayed


def decay_start(total: int) -> int:
    """Return the step at which the rate of a run of this many steps begins to fall."""
    return -(-total * 3 // 5)


def total_of(stable: int) -> int:
    """Return the steps of a run whose rate begins to fall at this step."""
    return stable * 5 // 3


def rate_factor(step: int, total: int | None) -> float:
    """Return the factor of the peak learning rate at a step, counted from 0.

    Parameters
    ----------
    step : int
        Steps done.
    total : int or None
        Steps of the whole run; None while it is not known, which is before the decay.
    """
    rise = min(1.0, (step + 1) / _WARM_UP)
    if total is None or step < decay_start(total):
        return rise
    return rise * max(0.0, (total - step) / (total - decay_start(total) + 1))


@dataclass(slots=True)
class Plan:
    """The length of a run: known from the start, or found out as the time passes.

    Parameters
    ----------
    total : int or None
        Steps; None for a run that is given minutes.
    budget : float or None
        Seconds, validation included; None for a run that is given steps. A run that is given
        both ends with whichever is spent first.
    """

    total: int | None
    budget: float | None

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
            following = seconds + seconds / max(step, 1)  # the end of the next step, whose rate
            if self.total is None and following >= _STABLE * _MARGIN * usable:  # is set already
                self.total = total_of(step + 1)
            if following > usable:
                return True
        return self.total is not None and step >= self.total

    def share(self, step: int, seconds: float) -> float:
        """Part of the run that is done, 0 to 1."""
        shares = [seconds / self.budget if self.budget else 0.0, step / (self.total or step or 1)]
        return min(1.0, shares[0] if self.total is None else max(shares))
