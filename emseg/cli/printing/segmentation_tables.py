"""Scores of label images on the terminal: a table a family of numbers, intervals beside them."""

from collections.abc import Mapping
from types import MappingProxyType

from emseg.cli.terminal import console
from emseg.cli.terminal.tables import add_row, basis, between, new_table, score
from emseg.evaluation import ImageNumbers, SegmentationReport
from emseg.evaluation.report import OF_IMAGES
from emseg.reporting.page.words import change, percent

_MOST_IMAGES = 10
_Columns = tuple[tuple[str, str], ...]
_FAMILIES: Mapping[str, _Columns] = MappingProxyType(
    {  # what stands over the class names; then heading and number of each further column
        "boundaries": (
            ("boundary F1", "boundary_f1"),
            ("mean distance", "surface_distance_*"),
            ("Hausdorff 95 %", "hausdorff_95_*"),
        ),
        "objects": (
            ("in masks", "objects_reference"),
            ("predicted", "objects_prediction"),
            ("precision", "object_precision"),
            ("recall", "object_recall"),
            ("F1", "object_f1"),
            ("AP", "object_average_precision"),
            ("PQ", "panoptic_quality"),
        ),
        "partitions": (
            ("adapted Rand error", "adapted_rand_error"),
            ("VI split", "vi_split"),
            ("VI merge", "vi_merge"),
            ("V_rand", "v_rand"),
            ("V_info", "v_info"),
        ),
        "quantities": (
            ("area in masks", "area_fraction_reference"),
            ("predicted", "area_fraction"),
            ("count", "count_error"),
            ("diameter in masks", "mean_diameter_reference_*"),
            ("predicted", "mean_diameter_*"),
            ("sizes apart", "size_distance_*"),
        ),
        "probabilities": (("average precision", "average_precision"), ("ROC area", "roc_auc")),
    }
)


def show_segmentation(report: SegmentationReport) -> None:
    """Print a report of label images as tables on stdout.

    Parameters
    ----------
    report : SegmentationReport
        What an evaluation found.
    """
    _show_overlap(report)
    for family, columns in _FAMILIES.items():
        _show_family(report, family, columns)
    _show_basis(report)
    if len(report.images) > 1:
        _show_images(report)


def _show_overlap(report: SegmentationReport) -> None:
    interval = ["95 % interval"] if report.confidence else []
    headings = ("IoU", *interval, "Dice", "precision", "recall", "in masks", "predicted")
    table = new_table("class", *headings)
    true = report.confusion.sum(axis=1) + report.missed
    for name, *pixels in zip(report.names, true, report.confusion.sum(axis=0), strict=True):
        iou = report.number("classes", name, "iou")
        others = (report.value("classes", name, kind) for kind in ("dice", "precision", "recall"))
        cells = [score(iou.value), *(between(iou.interval) for _ in interval), *map(score, others)]
        cells += [percent(part / report.pixels) if report.pixels else "-" for part in pixels]
        add_row(table, name, *cells, style="dim" if iou.value is None else "")
    mean, dice = report.number("mean", "iou"), report.value("mean", "dice")
    cells = [score(mean.value), *(between(mean.interval) for _ in interval), score(dice)]
    add_row(table, "mean", *cells, style="bold")
    console.out.print(table)


def _show_family(report: SegmentationReport, family: str, columns: _Columns) -> None:
    """Print the numbers of a family that were asked for; the unit of lengths stands on top."""
    asked = dict.fromkeys(each.key[2] for each in report.numbers if each.key[0] == "classes")
    found = [(heading, kind) for heading, like in columns for kind in asked if _fits(kind, like)]
    if not found:
        return
    units = {kind[-2:] for _, kind in found if kind.endswith(("_nm", "_px"))}
    table = new_table(", ".join([family, *units]), *(heading for heading, _ in found))
    for name in report.names:
        if any(report.has("classes", name, kind) for _, kind in found):
            cells = [_cell(report, name, kind) for _, kind in found]
            add_row(table, name, *cells)
    console.result("")
    console.out.print(table)


def _fits(kind: str, like: str) -> bool:
    return kind == like or (like.endswith("*") and kind in (like[:-1] + "nm", like[:-1] + "px"))


def _cell(report: SegmentationReport, name: str, kind: str) -> str:
    """Write a number of a class; an error relative to nothing says so."""
    value = report.value("classes", name, kind)
    has_objects = report.has("classes", name, kind) and report.value(
        "classes", name, "area_fraction"
    )
    if kind == "count_error" and value is None and has_objects:
        return "none in masks"
    return _value(kind, value)


def _value(kind: str, value: float | None) -> str:
    """Write a number as its kind asks for: a count, a share, a length, a score."""
    if value is None:
        return "-"
    if kind.startswith("objects_"):
        return f"{value:,.0f}"
    if kind.startswith("area_fraction"):
        return "<0.01 %" if 0 < value < 0.00005 else f"{100 * value:.2f} %"
    if kind == "count_error":
        return change(value)
    return f"{value:.4g}" if kind.endswith(("_nm", "_px")) else f"{value:.3f}"


def _show_basis(report: SegmentationReport) -> None:
    """Say what the numbers are of, and how sure they are."""
    console.result("")
    for name, key in (
        ("pixel accuracy", "pixel_accuracy"),
        ("calibration error", "calibration_error"),
        ("Brier score", "brier_score"),
    ):
        if report.value(key) is not None or key == "pixel_accuracy":
            console.result(f"{name} {score(report.value(key))}")
    count = f"{len(report.images)} image" + ("s" if len(report.images) != 1 else "")
    console.result(
        f"Pooled over {report.pixels:,} labelled pixels in {count}; shares are of these."
    )
    if report.has("mean", "boundary_f1"):
        console.result(f"Boundaries are right within {report.notes['distance']}.")
    _show_confidence(report)
    if report.absent:
        absent = ", ".join(report.absent)
        console.result(f"Neither in the truth nor predicted, so the mean leaves out: {absent}")


def _show_confidence(report: SegmentationReport) -> None:
    about = report.confidence
    if about is None:
        if len(report.images) == 1 and report.pixels:
            console.result("No intervals: --draws 0, or one image too small to be cut into blocks.")
        else:
            console.result("No intervals.")
        return
    console.result(basis(about))


def _show_images(report: SegmentationReport) -> None:
    """List the images with the lowest mean IoU, those without labelled pixels last."""

    def worth(image: ImageNumbers) -> float:
        value = image.values["mean", "iou"]
        return 2.0 if value is None else value

    worst = sorted(report.images, key=worth)[:_MOST_IMAGES]
    table = new_table("image, worst first", "mean IoU", "mean Dice", "pixel accuracy")
    for each in worst:
        keys = (("mean", "iou"), ("mean", "dice"), ("pixel_accuracy",))
        add_row(table, each.name, *(score(each.values[key]) for key in keys))
    console.result("")
    console.out.print(table)
    console.result(OF_IMAGES)
    if len(worst) < len(report.images):
        console.result(f"and {len(report.images) - len(worst)} better ones")
