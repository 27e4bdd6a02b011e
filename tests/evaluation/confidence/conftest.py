import numpy as np

from emseg.evaluation.description import Better, Description, Group, NumberScale, Style
from emseg.evaluation.metric import Additive

SCORE, ANY = NumberScale(0.0, 1.0, Better.HIGHER), NumberScale()


class Mean(Additive):
    """Averages over images; what is seen of one is a value for each number, then 1."""

    def __init__(self, numbers=1, scale=ANY):
        said = Description("Length", "", "", group=Group.OTHER, style=Style.PLAIN, scale=scale)
        self._numbers = {(str(n), "length"): said for n in range(numbers)}

    @property
    def numbers(self):
        return self._numbers

    def look(self, pair):
        raise NotImplementedError

    def of_sums(self, sums):
        with np.errstate(invalid="ignore"):
            return sums[:, :-1] / sums[:, -1:]


class Ratio(Mean):
    """Ratios of sums; what is seen is every numerator, then every denominator."""

    def of_sums(self, sums):
        half = sums.shape[1] // 2
        with np.errstate(invalid="ignore"):
            return sums[:, :half] / sums[:, half:]


def seen_of_mean(values):
    """What `Mean` saw of images with these values, shape (n,) or (n, N)."""
    values = np.asarray(values, dtype=float).reshape(len(values), -1)
    return list(np.hstack([values, np.ones((len(values), 1))]))


def seen_of_ratio(above, below):
    """What `Ratio` saw of images with these numerators and denominators."""
    above, below = (np.asarray(each, dtype=float) for each in (above, below))
    return list(np.hstack([above.reshape(len(above), -1), below.reshape(len(below), -1)]))
