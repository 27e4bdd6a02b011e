"""Two results for the same images: by how much they differ, and whether that is chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emseg import __version__
from emseg.errors import MismatchError, listed
from emseg.evaluation.choice import MetricSelection
from emseg.evaluation.confidence import Difference, Interval, adjusted, compare
from emseg.evaluation.confidence.comparison import SIGNIFICANT
from emseg.evaluation.description import Description
from emseg.evaluation.metric import Key
from emseg.evaluation.nesting import nested
from emseg.evaluation.overlap import HEADLINE
from emseg.evaluation.report import SegmentationReport
from emseg.evaluation.scoring import Scoring

_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """What a paired comparison found.

    Parameters
    ----------
    a, b : str
        What the two results are called.
    report_a, report_b : SegmentationReport
        Of each by itself.
    numbers : mapping of Key to Description
        What is said of each number.
    differences : tuple of Difference or None
        B against A, one a key; p-values of all but the headline are adjusted by Holm's rule, and
        what is not described as tested has none.
    selection : MetricSelection
        What was asked: the units, the resamples and their seed.
    """

    a: str
    b: str
    report_a: SegmentationReport
    report_b: SegmentationReport
    numbers: Mapping[Key, Description]
    differences: tuple[Difference | None, ...]
    selection: MetricSelection

    @property
    def headline(self) -> Difference | None:
        """The difference of the headline number."""
        return dict(zip(self.numbers, self.differences, strict=True)).get(HEADLINE)

    @property
    def tested(self) -> tuple[tuple[Key, Difference], ...]:
        """The numbers that have a verdict, the headline among them."""
        return tuple(
            (key, each)
            for key, each in zip(self.numbers, self.differences, strict=True)
            if each is not None and each.tests is not None
        )

    @property
    def tests(self) -> int:
        """For how many tests the p-values allow, but for that of the headline."""
        return max((each.tests or 0 for key, each in self.tested if key != HEADLINE), default=0)

    def as_json(self) -> dict[str, Any]:
        """Exactly what ``comparison.json`` holds; None becomes null."""
        found = {
            key: _as_json(each) if each else None
            for key, each in zip(self.numbers, self.differences, strict=True)
        }
        return {
            "a": self.a,
            "b": self.b,
            "emseg": __version__,
            "group_by": self.selection.group_by,
            "level": _LEVEL,
            "draws": self.selection.draws,
            "seed": self.selection.seed,
            "significance": SIGNIFICANT,
            "tests": self.tests,
            "caveats": {"a": list(self.report_a.caveats), "b": list(self.report_b.caveats)},
            "headline": ".".join(HEADLINE),
            "verdict": self.headline.verdict if self.headline else None,
            "differences": nested(found),
        }

    def as_rows(self) -> list[dict[str, object]]:
        """One row a number, as ``comparison.csv`` holds them."""
        return [
            {"number": ".".join(key), **(_as_json(each) if each else {})}
            for key, each in zip(self.numbers, self.differences, strict=True)
        ]


def compare_results(a: str, b: str, scoring_a: Scoring, scoring_b: Scoring) -> ComparisonReport:
    """Compare two results number by number; see `emseg.evaluation.confidence.compare`.

    Raises
    ------
    MismatchError
        When the two are not of the same images, or not of the same numbers.
    """
    order = _same_images(a, b, scoring_a, scoring_b)
    units, selection = scoring_a.units, scoring_a.selection
    numbers: dict[Key, Description] = {}
    found: list[Difference | None] = []
    for place, (metric, other) in enumerate(
        zip(scoring_a.metrics, scoring_b.metrics, strict=False)
    ):
        if metric.numbers != other.numbers:
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
            seed=selection.seed,
            draws=selection.draws,
            level=_LEVEL,
        )
        numbers |= metric.numbers
    family = [place for place, each in enumerate(numbers.values()) if each.is_tested]
    differences = adjusted(found, {list(numbers).index(HEADLINE)}, family)
    reports = scoring_a.report(), scoring_b.report()
    return ComparisonReport(a, b, *reports, numbers, differences, selection)


def _same_images(a: str, b: str, scoring_a: Scoring, scoring_b: Scoring) -> list[int]:
    """Say where the images of A stand in B."""
    titles = [each.title for each in scoring_b.sources]
    own = [each.title for each in scoring_a.sources]
    for here, there, alone in ((a, b, set(own) - set(titles)), (b, a, set(titles) - set(own))):
        if alone:
            raise MismatchError(
                f"{there} has no label image for {listed(sorted(alone), most=3)}, which {here} "
                f"has; add it to {there}, or take it out of {here}, so that both hold the same"
            )
    if len(own) != len(titles):
        raise MismatchError(
            f"{a} has {len(own)} images and {b} {len(titles)}, some of one name; compare folders "
            "that hold the same"
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
