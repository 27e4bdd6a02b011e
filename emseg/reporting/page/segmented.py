"""What the page of a segmentation shows."""

from dataclasses import dataclass

from emseg.evaluation.metrics.calibration import BinnedCalibration
from emseg.evaluation.report import Number, SegmentationReport
from emseg.micrograph import LabelClass
from emseg.reporting.page.gallery import Gallery, GalleryPicture, TileExhibit
from emseg.reporting.page.matrix import confusion_table
from emseg.reporting.page.plots import ForestPlot, Histogram, Whisker, forest, histogram, whisker
from emseg.reporting.page.quantities import QuantityTable, quantity_tables
from emseg.reporting.page.reliability import Reliability, reliability
from emseg.reporting.page.sentences import about_intervals, summary, verdict, warnings
from emseg.reporting.page.tables import Table, class_tables, image_table, overall_table

_MOST_CARDS = 8
_MOST_LISTED = 24
_NOTES = {"distance": "distance of boundaries"}


@dataclass(frozen=True, slots=True)
class Legend:
    """Classes with the places of their colours; how many more there are."""

    classes: tuple[tuple[int, str], ...]
    more: int


@dataclass(frozen=True, slots=True)
class SegmentedPage:
    """The content of the page, in the order in which it stands."""

    verdict: str
    summary: str
    warnings: tuple[str, ...]
    cards: tuple[Whisker, ...]
    tables: tuple[Table, ...]
    forest: ForestPlot | None
    overall: Table | None
    quantities: tuple[QuantityTable, ...]
    exhibits: tuple[GalleryPicture, ...]
    legend: Legend
    tiles: tuple[TileExhibit, ...]
    histogram: Histogram | None
    images: Table
    confusion: Table
    reliability: Reliability | None
    settings: tuple[tuple[str, str], ...]
    colours: tuple[LabelClass, ...]


def segmented_page(
    report: SegmentationReport, gallery: Gallery, calibration: BinnedCalibration | None
) -> SegmentedPage:
    """Put a report and its pictures into the order of a page."""
    exhibits = gallery.exhibits
    cards, others = _over_classes(report)
    targets = {each.name: f"image-{place}" for place, each in enumerate(exhibits, 1)}
    return SegmentedPage(
        verdict=verdict(report),
        summary=summary(report),
        warnings=warnings(report),
        cards=tuple(whisker(each) for each in cards),
        tables=class_tables(report),
        forest=forest(report),
        overall=overall_table(others),
        quantities=quantity_tables(report),
        exhibits=exhibits,
        legend=_legend(gallery.classes),
        tiles=gallery.tiles,
        histogram=histogram(report),
        images=image_table(report, targets),
        confusion=confusion_table(report.names, report.confusion, report.missed),
        reliability=reliability(calibration),
        settings=_settings(report),
        colours=gallery.classes,
    )


def _over_classes(report: SegmentationReport) -> tuple[list[Number], list[Number]]:
    """Part the numbers over all classes into those of the cards, best at 1, and the others."""
    numbers = [each for each in report.numbers if each.key[0] != "classes"]
    scores = [each for each in numbers if each.description.is_score and each.value is not None]
    cards = scores[:_MOST_CARDS]
    shown = {each.key for each in cards}
    others = [each for each in numbers if each.key not in shown and each.value is not None]
    return cards, others


def _legend(classes: tuple[LabelClass, ...]) -> Legend:
    listed = tuple((place, each.name) for place, each in enumerate(classes[:_MOST_LISTED]))
    return Legend(listed, len(classes) - len(listed))


def _settings(report: SegmentationReport) -> tuple[tuple[str, str], ...]:
    """Say what the numbers were made with, and how sure they are by what method."""
    lines = [
        (_NOTES.get(name, name.replace("_", " ")), text) for name, text in report.notes.items()
    ]
    return (*lines, *about_intervals(report.confidence))
