"""Two results for the same images: by how much they differ, and whether that is chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emseg.errors import MismatchError, listed
from emseg.evaluation.confidence import Difference, Interval, adjusted, compare
from emseg.evaluation.metric import Key
from emseg.evaluation.nesting import nested
from emseg.evaluation.report import SegmentationReport
from emseg.evaluation.scoring import Scoring

HEADLINE: Key = ("mean", "iou")
"""The number that was named before anyone looked; its p-value is not adjusted."""


@dataclass(frozen=True, slots=True)
class Contest:
    """What a paired comparison found.

    Parameters
    ----------
    a, b : str
        What the two results are called.
    report_a, report_b : SegmentationReport
        Of each by itself.
    keys : tuple of Key
        The numbers.
    differences : tuple of Difference or None
        B against A, one a key; p-values of all but the headline are adjusted by Holm's rule.
    """

    a: str
    b: str
    report_a: SegmentationReport
    report_b: SegmentationReport
    keys: tuple[Key, ...]
    differences: tuple[Difference | None, ...]

    @property
    def headline(self) -> Difference | None:
        """The difference of the headline number."""
        return dict(zip(self.keys, self.differences, strict=True)).get(HEADLINE)

    def as_json(self) -> dict[str, Any]:
        """Exactly what ``comparison.json`` holds; None becomes null."""
        found = {
            key: _as_json(each) if each else None
            for key, each in zip(self.keys, self.differences, strict=True)
        }
        return {
            "a": self.a,
            "b": self.b,
            "headline": ".".join(HEADLINE),
            "verdict": self.headline.verdict if self.headline else None,
            "differences": nested(found),
        }

    def as_rows(self) -> list[dict[str, object]]:
        """One row a number, as ``comparison.csv`` holds them."""
        return [
            {"number": ".".join(key), **(_as_json(each) if each else {})}
            for key, each in zip(self.keys, self.differences, strict=True)
        ]


def contest(a: str, b: str, scoring_a: Scoring, scoring_b: Scoring) -> Contest:
    """Compare two results number by number; see `emseg.evaluation.confidence.compare`.

    Raises
    ------
    MismatchError
        When the two are not of the same images, or not of the same numbers.
    """
    order = _same_images(a, b, scoring_a, scoring_b)
    units, question = scoring_a.units, scoring_a.question
    keys: list[Key] = []
    found: list[Difference | None] = []
    for place, (metric, other) in enumerate(
        zip(scoring_a.metrics, scoring_b.metrics, strict=False)
    ):
        if metric.keys != other.keys:
            raise MismatchError(
                f"{a} and {b} have different classes or units, so that they cannot be compared; "
                "evaluate each by itself to see them"
            )
        seen = scoring_b.seen_by(place)
        found += compare(
            metric,
            scoring_a.seen_by(place),
            [seen[row] for row in order],
            None if units is None else units.membership,
            seed=question.seed,
            draws=question.draws or 1,
        )
        keys += metric.keys
    headline = {keys.index(HEADLINE)}
    return Contest(
        a, b, scoring_a.report(), scoring_b.report(), tuple(keys), adjusted(found, headline)
    )


def _same_images(a: str, b: str, scoring_a: Scoring, scoring_b: Scoring) -> list[int]:
    """Say where the images of A stand in B."""
    titles = [each.title for each in scoring_b.sources]
    own = [each.title for each in scoring_a.sources]
    alone = sorted(set(own) ^ set(titles))
    if alone or len(own) != len(titles):
        raise MismatchError(
            f"{a} and {b} are not results for the same images: {listed(alone, most=3)} stands on "
            "one side only; compare folders that hold the same"
        )
    return [titles.index(each) for each in own]


def _as_json(difference: Difference) -> dict[str, Any]:
    interval: Interval | None = difference.interval
    ends: Sequence[float | None] = (interval.low, interval.high) if interval else (None, None)
    return {
        "a": difference.a,
        "b": difference.b,
        "difference": difference.value,
        "low": ends[0],
        "high": ends[1],
        "p": difference.p_value,
        "units": difference.units,
        "verdict": difference.verdict,
    }
