"""Contrast polarity: whether an image is dark where the training is bright.

Bright field, HAADF and inverted block-face images show the same thing in opposite greys. Where
the grey values of the training lean to one side (few dark membranes in bright cytoplasm), those
of an inverted image lean to the other, and that can be seen; where they are symmetric, it cannot.
"""

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emseg.bundle import ModelCard, Polarity
from emseg.intensity import IntensityRule, Statistics, normalise
from emseg.micrograph import Micrograph

_SHARES = np.linspace(0, 1, 33)[1:-1]
_LOOKED_AT = 1 << 16  # pixels of a micrograph
_CLEARLY = 2.0  # how much nearer the inverted image has to be
_LEAST = 0.05  # distance, in standard deviations, that says nothing
_log = logging.getLogger(__name__)


def polarity_of(
    micrographs: Iterable[tuple[Micrograph, Statistics]], rule: IntensityRule
) -> Polarity:
    """Sum up the grey values of a training.

    Parameters
    ----------
    micrographs : iterable of (Micrograph, Statistics)
        What is trained on.
    rule : IntensityRule
        How it is normalised.

    Returns
    -------
    Polarity
        Quantiles of the normalised values of each channel, averaged over the micrographs, and
        how far a micrograph of the training is from them at most.
    """
    found = np.array([_quantiles(each, statistics, rule) for each, statistics in micrographs])
    typical = found.mean(axis=0)
    return Polarity(
        quantiles=tuple(tuple(round(float(v), 4) for v in channel) for channel in typical),
        reach=round(float(np.abs(found - typical).mean(axis=(1, 2)).max()), 4),
    )


@dataclass(slots=True)
class PolarityCheck:
    """Says once when an image looks inverted against the training of a model.

    Parameters
    ----------
    card : ModelCard
        Of the model; one without ``polarity`` says nothing.
    """

    card: ModelCard
    _is_said: bool = False

    def look(self, micrograph: Micrograph, statistics: Statistics) -> None:
        """Look at a micrograph as the network will see it; statistics are those of all of it."""
        trained = self.card.polarity
        if trained is None or self._is_said:
            return
        found = _quantiles(micrograph, statistics, self.card.intensity)
        typical = np.array(trained.quantiles)
        away = float(np.abs(found - typical).mean())
        turned = float(np.abs(-found[:, ::-1] - typical).mean())
        if away > max(trained.reach, _LEAST) and away > _CLEARLY * turned:
            self._is_said = True
            _log.warning(
                "%s looks inverted against the training data (dark where that is bright); if it "
                "is, give --invert, or --no-invert if it was given already",
                micrograph.path or micrograph.title,
            )


def _quantiles(
    micrograph: Micrograph, statistics: Statistics, rule: IntensityRule
) -> NDArray[np.float64]:
    """Quantiles of the normalised values, shape (C, 31)."""
    step = max(1, round((math.prod(micrograph.size) / _LOOKED_AT) ** 0.5))
    values = normalise(micrograph.pixels[:, ::step, ::step], statistics, rule)
    flat = values.reshape(len(values), -1).astype(np.float64)
    return np.quantile(flat, _SHARES, axis=1).T
