"""Classes that look exchanged: predictions that would be right if their classes had other names.

Two programs that number classes in another order, or a binary mask that is inverted, give scores
near 0 for a segmentation that may be excellent::

                    predicted                     IoU as named       with small and large exchanged
                    matrix small large
    masks  matrix     900     0     0             matrix  1.00       matrix         1.00
           small        1     2    50             small   0.02       small = large  0.93
           large        0    47     0             large   0.00       large = small  0.94
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emseg.evaluation.confusion import Confusion
from emseg.evaluation.meaning import MaskClasses
from emseg.mask_values import show_value

_LEAST, _LEAST_OF_ONE = 0.5, 0.3  # score of exchanged classes, on average and of each
_LEAST_ALONE = 0.7  # score of a class that only has another name; a poor one may be a mistake
_MOST = 0.25  # average score of the same classes as they are named
_MOST_CLASSES = 64  # that are looked at image by image
_TIE = 1e-9  # a class keeps its name where another is no better

Advise = Callable[["Exchange"], str]
"""Says what to type where classes are exchanged indeed; nothing where nobody knows."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Under which names the predictions would be right.

    Parameters
    ----------
    taken : mapping of str to str
        Class of the predictions to the class of the masks that it looks like, for all classes.
    shown : tuple of str
        The classes that the predictions show and that would have another name.
    score : float
        Mean over the classes, so named.
    """

    taken: Mapping[str, str]
    shown: tuple[str, ...]
    score: float

    @property
    def in_words(self) -> str:
        """What is taken as what: ``"small is taken as large and large as small"``."""
        first, *others = self.shown
        said = [f"{first} is taken as {self.taken[first]}"]
        said += [f"{name} as {self.taken[name]}" for name in others]
        return ", ".join(said[:-1]) + f" and {said[-1]}" if others else said[0]

    def as_json(self) -> dict[str, object]:
        """As ``metrics.json`` holds it."""
        return {"taken": {name: self.taken[name] for name in self.shown}, "mean": self.score}


@dataclass(frozen=True, slots=True)
class ExchangedImage:
    """An image in which classes look exchanged.

    Parameters
    ----------
    name : str
        Of the image.
    mean : float
        Mean score of the image as its classes are named.
    exchange : Exchange
        Under which names it would be right.
    """

    name: str
    mean: float
    exchange: Exchange

    def as_json(self) -> dict[str, object]:
        """As ``metrics.json`` holds it."""
        return {"image": self.name, "mean_iou": self.mean, **self.exchange.as_json()}


def find_exchanged(name: str, confusion: Confusion) -> ExchangedImage | None:
    """Say that classes of one image look exchanged: two or more, as a lone one may be a mistake."""
    if len(confusion.names) > _MOST_CLASSES:
        return None
    found = exchange_of(confusion.names, confusion.counts, confusion.missed)
    if found is None or len(found.shown) < 2:
        return None
    own = np.diagonal(_scores(confusion.counts, confusion.missed, dice=False))
    return ExchangedImage(name, float(np.nanmean(own)), found)


def exchange_of(
    names: Sequence[str],
    counts: NDArray[np.int64],
    missed: NDArray[np.int64],
    *,
    dice: bool = False,
) -> Exchange | None:
    """Look for other names under which the predictions would score much better.

    Names are assigned one to one so that the scores add up to the most (Kuhn, "The Hungarian
    method for the assignment problem", Naval Res. Logist. Q. 2, 83 (1955)); what is exchanged in
    a ring is kept where the scores were poor and become good.

    Parameters
    ----------
    names : sequence of str
        The K classes.
    counts : array of int64, shape (K, K)
        Pixels, or files, by [true class, predicted class].
    missed : array of int64, shape (K,)
        Of each true class without a predicted one.
    dice : bool
        Whether scores are Dice (F1) and not IoU.

    Returns
    -------
    Exchange or None
        None where the names are right as far as anybody can see.
    """
    from scipy.optimize import linear_sum_assignment

    scores = _scores(counts, missed, dice=dice)
    if not (np.diagonal(scores) <= _MOST).any():
        return None
    worth = np.nan_to_num(scores) + _TIE * np.eye(len(names))
    found = linear_sum_assignment(worth, maximize=True)[1]
    order = np.arange(len(names))
    for ring in _rings(found.tolist()):
        if _is_exchanged(scores, ring, found[ring], counts.sum(axis=0)):
            order[ring] = found[ring]
    moved = [int(k) for i, k in enumerate(order) if i != k and counts[:, k].any()]
    if not moved:
        return None
    mean = float(np.nanmean(scores[np.arange(len(names)), order]))
    if mean <= _LEAST:
        return None  # poor under any names
    taken = {names[k]: names[i] for i, k in enumerate(order.tolist())}
    return Exchange(taken, tuple(names[k] for k in sorted(moved)), mean)


def _scores(
    counts: NDArray[np.int64], missed: NDArray[np.int64], *, dice: bool
) -> NDArray[np.float64]:
    """Score each predicted class as each true one, [true, predicted]; NaN where neither is."""
    both = (counts.sum(axis=1) + missed)[:, None] + counts.sum(axis=0)[None]
    with np.errstate(divide="ignore", invalid="ignore"):
        scores: NDArray[np.float64] = (
            2 * counts / both if dice else counts / (both - counts).astype(float)
        )
    return scores


def _rings(found: list[int]) -> list[list[int]]:
    """Part an order into the rings in which places are exchanged: 0 1 3 4 2 into 2-3-4."""
    rings, seen = [], set[int]()
    for start in range(len(found)):
        ring = []
        place = start
        while place not in seen:
            seen.add(place)
            ring.append(place)
            place = found[place]
        if len(ring) > 1:
            rings.append(ring)
    return rings


def _is_exchanged(
    scores: NDArray[np.float64],
    ring: list[int],
    named: NDArray[np.int64],
    predicted: NDArray[np.int64],
) -> bool:
    """Whether a ring of classes scores poorly under its own names and well under the others."""
    own, others = scores[ring, ring], scores[ring, named]
    shown = others[predicted[named] > 0]
    if np.isnan(own).all() or not len(shown):
        return False
    least = _LEAST_ALONE if len(shown) == 1 else _LEAST
    is_good = np.nanmean(others) > least and shown.min() >= _LEAST_OF_ONE
    return bool(is_good and np.nanmean(own) <= _MOST)


def advice(true: MaskClasses, predicted: MaskClasses | None = None) -> Advise:
    """Say what is typed to compare label images with their classes exchanged.

    Parameters
    ----------
    true : MaskClasses
        Of the masks.
    predicted : MaskClasses, optional
        Of predictions that name no classes; those that do are taken by their names.
    """

    def advise(exchange: Exchange) -> str:
        if true.per_class and predicted is not None:
            return f"add {_option('--prediction-labels', predicted, exchange.taken)}"
        if true.per_class:
            return "exchange the names in --masks NAME=DIR, or invert the masks"
        if predicted is None:
            called = {name: own for own, name in exchange.taken.items()}
            return f"add {_option('--labels', true, called)}"
        same = {name: name for name in exchange.taken}
        labels = _option("--labels", true, same)
        labels += " " + _option("--prediction-labels", predicted, exchange.taken)
        nothing = true.unlabelled
        return f"add {labels}" + (
            "" if nothing is None else f" --unlabelled {shlex.quote(show_value(nothing))}"
        )

    return advise


def _option(option: str, meaning: MaskClasses, called: Mapping[str, str]) -> str:
    """Write an option that gives each value the name by which its class is called."""
    values = {value: each.name for each in meaning.classes for value in each.values}
    said = ",".join(f"{show_value(v)}={called.get(n, n)}" for v, n in sorted(values.items()))
    return f"{option} {shlex.quote(said)}"
