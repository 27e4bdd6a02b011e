"""What a training run tells while it goes on."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands after a step.

    Parameters
    ----------
    step : int
        Steps done, or trees grown.
    total : int or None
        Steps planned; None while a run given minutes does not know them yet.
    share : float
        Done, 0 to 1, of the steps or of the time.
    seconds : float
        Since the run began, reading included.
    loss : float or None
        Mean training loss of the last epoch; None of a forest.
    score : float or None
        Best validation score so far (mean IoU or accuracy); None before the first.
    validated : float or None
        Share of a validation that is going on, 0 to 1; None between validations.
    """

    step: int
    total: int | None
    share: float
    seconds: float
    loss: float | None
    score: float | None
    validated: float | None = None


Report = Callable[[Progress], None]
