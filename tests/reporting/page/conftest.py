"""Small evaluations to make pages of."""

from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from emseg.calibration import ANY_SIZE, Distance, PixelSize
from emseg.evaluation.choice import GROUPS, MetricSettings
from emseg.evaluation.confidence.intervals import Interval
from emseg.evaluation.confusion import Confusion
from emseg.evaluation.description import Description
from emseg.evaluation.metric import ComparedPair, Key
from emseg.evaluation.overlap import Overlap
from emseg.evaluation.report import ImageNumbers, Number, SegmentationReport, plain_values
from emseg.micrograph import LabelClass, LabelImage, Micrograph, label_dtype

SIZE = PixelSize(2.5, 2.5, "the user")
COLOURS = ((0, 114, 178), (230, 159, 0), (0, 158, 115))
NAMES = ("matrix", "small", "large")


def make_pair(
    name: str = "a",
    *,
    wrong: float = 0.1,
    names: Sequence[str] = NAMES,
    size: tuple[int, int] = (64, 96),
    pixel_size: PixelSize | None = SIZE,
    unlabelled: float = 0.0,
    seed: int = 0,
) -> ComparedPair:
    """Stripes of classes, of which a share of the pixels is wrong."""
    rng = np.random.default_rng(seed)
    classes = tuple(LabelClass(each, COLOURS[k % 3]) for k, each in enumerate(names))
    dtype = label_dtype(len(names))
    rows, columns = np.indices(size)
    true = ((rows // 8 + columns // 8) % len(names)).astype(dtype)
    found = np.where(rng.random(size) < wrong, (true + 1) % len(names), true).astype(dtype)
    nothing = np.iinfo(dtype).max
    true[rng.random(size) < unlabelled] = nothing
    sides = [LabelImage(each, classes, name, pixel_size=pixel_size) for each in (found, true)]
    return ComparedPair(name, *sides)


def make_micrograph(pair: ComparedPair, seed: int = 0) -> Micrograph:
    pixels = np.random.default_rng(seed).integers(0, 255, (1, *pair.reference.pixels.shape))
    return Micrograph(pixels.astype(np.uint8), pair.name, pixel_size=pair.pixel_size)


def description_of(*key: str) -> Description:
    """What the metric that computes a number says of it; a key that no metric has is an error."""
    classes, unit = ("", key[1] if key[0] == "classes" else "a"), "px" if "px" in key[-1] else "nm"
    settings = MetricSettings(classes, classes[1:], Distance(2, unit), unit, ANY_SIZE)
    found = {}
    for group in GROUPS.values():
        for metric in group(settings):
            found |= metric.numbers
    return found[key]


def make_report(
    pairs: Sequence[ComparedPair],
    extra: dict[Key, float | None] | None = None,
    *,
    unit: str = "image",
    units: int | None = None,
) -> SegmentationReport:
    """The overlap of pairs with intervals of 0.02 around, and further numbers without."""
    names = pairs[0].reference.names
    overlap, confusion = Overlap(names), Confusion(names)
    for each in pairs:
        confusion.update(each.prediction, each.reference)
    seen = [overlap.look(each) for each in pairs]
    values = plain_values(overlap.numbers, overlap.scores(seen, np.ones((1, len(seen))))[0])
    units = len(pairs) if units is None else units
    numbers = [
        Number(
            key,
            value,
            overlap.numbers[key],
            None
            if value is None or units < 2
            else Interval(
                value - 0.02, min(1.0, value + 0.02), 0.95, units, unit, "bootstrap", units < 10
            ),
        )
        for key, value in values.items()
    ]
    each_scores = overlap.scores(seen, np.eye(len(seen)))
    images = tuple(
        ImageNumbers(pair.name, int(pair.counted.sum()), plain_values(overlap.numbers, row))
        for pair, row in zip(pairs, each_scores, strict=True)
    )
    numbers += [Number(key, value, description_of(*key)) for key, value in (extra or {}).items()]
    notes = {"distance": "5 nm"}
    return SegmentationReport(
        names, tuple(numbers), images, confusion.counts, confusion.missed, notes
    )


class Page(HTMLParser):
    """What a page says, and whether its tags are balanced."""

    VOID = frozenset({"meta", "link", "img", "input", "br", "hr", "wbr"})
    SHAPES = frozenset({"rect", "line", "circle", "path"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> stays open" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if len(dict(attrs)) < len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.SHAPES:
            self.faults.append(f"<{tag}/> is no tag of HTML")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, kind: str = "") -> list[dict[str, str | None]]:
        """Attributes of the tags of a kind: ``all("figure", "exhibit")``."""
        return [
            attributes
            for name, attributes in self.tags
            if name == tag and (not kind or kind in (attributes.get("class") or "").split())
        ]


@pytest.fixture
def pair() -> Callable[..., ComparedPair]:
    return make_pair


@pytest.fixture
def micrograph() -> Callable[..., Micrograph]:
    return make_micrograph


@pytest.fixture
def report() -> Callable[..., SegmentationReport]:
    return make_report


@pytest.fixture
def parsed() -> Callable[[str], Page]:
    return Page


@pytest.fixture(scope="session")
def evaluation() -> tuple[Callable[..., Any], ...]:
    """How pairs, micrographs and reports are made, for fixtures that live longer than a test."""
    return make_pair, make_micrograph, make_report
