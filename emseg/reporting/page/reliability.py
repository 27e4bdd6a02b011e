"""The reliability diagram: how often the most probable class is right, beside its probability."""

from dataclasses import dataclass

import numpy as np

from emseg.evaluation.metrics.calibration import BinnedCalibration
from emseg.reporting.page.words import percent


@dataclass(frozen=True, slots=True)
class Point:
    """One bin: where it stands in percent, how large it is, and what it says."""

    across: float
    up: float
    radius: float
    text: str


@dataclass(frozen=True, slots=True)
class Reliability:
    """The diagram, and what it says in words."""

    points: tuple[Point, ...]
    summary: str
    of: str


def reliability(calibration: BinnedCalibration | None, of: str = "pixels") -> Reliability | None:
    """Lay out a reliability diagram; None when nothing has a probability."""
    if calibration is None or not calibration.count.any():
        return None
    share = calibration.count / calibration.count.sum()
    points = tuple(
        Point(
            across=round(100 * float(confidence), 2),
            up=round(100 * float(accuracy), 2),
            radius=round(3 + 7 * float(np.sqrt(part)), 1),
            text=f"{percent(float(part))} were sure to {100 * confidence:.0f} %, "
            f"and {100 * accuracy:.0f} % of them are right",
        )
        for part, confidence, accuracy in zip(
            share, calibration.confidence, calibration.accuracy, strict=True
        )
        if part > 0
    )
    present = calibration.count > 0
    gap = float(np.sum((calibration.accuracy - calibration.confidence)[present] * share[present]))
    way = "less sure than it could be" if gap > 0 else "surer than it should be"
    words = f"On average the model is {way}: by {abs(100 * gap):.1f} percentage points."
    if abs(gap) < 0.005:
        words = "On average the model is as sure as it is right."
    return Reliability(points, words, of)
