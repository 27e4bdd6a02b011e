"""What a reader of the scores must know: classes of one side only, and classes exchanged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emseg.errors import listed
from emseg.evaluation.averages import mean_of_present
from emseg.evaluation.exchanged import Advise, Exchange, ExchangedImage, exchange_of

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Counts:
    """Pixels, or files, of each class by predicted class, and the score of each.

    Parameters
    ----------
    names : tuple of str
        The K classes.
    counts : array of int64, shape (K, K)
        By [true class, predicted class].
    missed : array of int64, shape (K,)
        Of each true class without a predicted one.
    scores : tuple of float or None
        IoU of each class, or its F1 where files are counted.
    unit : str
        What is counted, in the plural: ``"pixels"`` or ``"images"``.
    """

    names: tuple[str, ...]
    counts: NDArray[np.int64]
    missed: NDArray[np.int64]
    scores: tuple[float | None, ...]
    unit: str = "pixels"

    @property
    def mean(self) -> float | None:
        """Mean score over the classes that are there."""
        return mean_of_present(self.scores)

    @property
    def exchange(self) -> Exchange | None:
        """Names under which the predictions would be right."""
        return exchange_of(self.names, self.counts, self.missed, dice=self.unit != "pixels")

    @property
    def only_predicted(self) -> dict[str, int]:
        """How much each class has that only the predictions hold."""
        return self._alone(self.counts.sum(axis=0), self.counts.sum(axis=1) + self.missed)

    @property
    def never_predicted(self) -> dict[str, int]:
        """How much each class has that no prediction shows."""
        return self._alone(self.counts.sum(axis=1) + self.missed, self.counts.sum(axis=0))

    def _alone(self, here: NDArray[np.int64], there: NDArray[np.int64]) -> dict[str, int]:
        sides = zip(self.names, here.tolist(), there.tolist(), strict=True)
        return {name: own for name, own, other in sides if own and not other}

    def mean_without(self, left_out: Sequence[str]) -> float | None:
        """Mean score over the other classes that are there."""
        pairs = zip(self.names, self.scores, strict=True)
        return mean_of_present(score for name, score in pairs if name not in left_out)

    def as_json(self) -> dict[str, object]:
        """As ``metrics.json`` holds it."""
        exchange = self.exchange
        sides = {"only_predicted": self.only_predicted, "never_predicted": self.never_predicted}
        return {
            **{
                side: {self.unit: found, "mean_without": self.mean_without(list(found))}
                for side, found in sides.items()
                if found
            },
            **({"exchanged": exchange.as_json()} if exchange else {}),
        }


def caveats(found: Counts, advise: Advise | None = None) -> Iterator[str]:
    """Say which classes one side alone holds, what they do to the mean, and what looks exchanged.

    Parameters
    ----------
    found : Counts
        Over all images.
    advise : callable, optional
        Says what to type where classes are exchanged indeed.

    Yields
    ------
    str
        A sentence without its full stop.
    """
    exchange = found.exchange
    if exchange is not None:
        yield _exchanged(found, exchange, advise)
        return  # what one side alone holds then has the other's name
    where, score = _WORDS[found.unit]
    for names, side in (
        (found.only_predicted, "the predictions"),
        (found.never_predicted, where),
    ):
        if names:
            yield _alone(found, names, side, score)


_WORDS = {"pixels": ("the masks", "IoU"), "images": ("the truth", "F1")}


def _alone(found: Counts, names: dict[str, int], side: str, score: str) -> str:
    """Say that classes are on one side only: which, how much, and the mean without them."""
    total = int(found.counts.sum() + found.missed.sum())
    share = f", {_percent(sum(names.values()) / total)}" if total else ""
    count = sum(names.values())
    amount = f"{count:,} {found.unit if count != 1 else found.unit[:-1]}{share}"
    is_one = len(names) == 1
    without = found.mean_without(list(names))
    other = "no other class is there" if without is None else f"{without:.3f} without"
    return (
        f"{listed(names, most=_MOST_NAMED)} {'is' if is_one else 'are'} in {side} only ({amount}): "
        f"{'its' if is_one else 'their'} {score} of 0 counts in the mean {score}, which is "
        f"{found.mean or 0:.3f} with {'it' if is_one else 'them'} and {other}"
    )


def of_pixels(labelled: Mapping[str, int], missed: int) -> Iterator[str]:
    """Say which images have no labelled pixel, and what the predictions leave without a class.

    Parameters
    ----------
    labelled : mapping of str to int
        Labelled pixels of each image.
    missed : int
        How many of all of them got no class.
    """
    total = sum(labelled.values())
    empty = [name for name, pixels in labelled.items() if not pixels]
    if not total:
        yield "no pixel of the masks is labelled, so that nothing is scored; check --unlabelled"
    elif empty:
        is_one = len(empty) == 1
        yield (
            f"{len(empty)} of {len(labelled)} images {'has' if is_one else 'have'} no labelled "
            f"pixel and {'counts' if is_one else 'count'} in no number "
            f"({listed(empty, most=_MOST_NAMED)})"
        )
    if missed:
        share = _percent(missed / total)
        yield f"{share} of the labelled pixels got no class; they count as missed"


def of_exchanged(found: Sequence[ExchangedImage], images: int) -> Iterator[str]:
    """Say in which images classes look exchanged, where they do not in all of them."""
    if not found:
        return
    named = listed((each.name for each in found), most=_MOST_NAMED)
    own = sum(each.mean for each in found) / len(found)
    score = sum(each.exchange.score for each in found) / len(found)
    yield (
        f"classes look exchanged in {len(found)} of {images} images ({named}): their mean IoU is "
        f"{own:.3f}, and {score:.3f} where what the predictions call {found[0].exchange.in_words}; "
        "check whether these files are inverted or from elsewhere"
    )


def _exchanged(found: Counts, exchange: Exchange, advise: Advise | None) -> str:
    score = _WORDS[found.unit][1]
    typed = advise(exchange) if advise else ""
    return (
        f"classes look exchanged: the mean {score} is {found.mean or 0:.3f}, and "
        f"{exchange.score:.3f} where what the predictions call {exchange.in_words}"
        + (f"; if that is what they mean, {typed}" if typed else "")
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 else "<0.1 %"
