"""What a reader of measurements should beware of."""

from collections.abc import Iterator

from emseg.survey.objects import TINY
from emseg.survey.summary import ClassSummary, ObjectsOfClass, Summary


def caveats(summary: Summary) -> Iterator[str]:
    """Say of all fields, and of each class, what its numbers may hide.

    Parameters
    ----------
    summary : Summary
        Of all fields.
    """
    yield from _of_all(summary)
    for each in summary.classes():
        if each.objects is not None:
            yield from _of_class(each, each.objects)


def _of_all(summary: Summary) -> Iterator[str]:
    fields = len(summary.fields)
    if summary.unit == "px":
        yield (
            "the pixel size is unknown: every length is in pixels; say --pixel-size to have "
            "nanometres"
        )
    fraction = next(summary.classes()).fraction
    if not fraction.fields:
        yield "no pixel is labelled, so there is nothing to measure"
    elif fields == 1:
        yield "1 field of view: no interval of the fractions; measure several fields"
    elif fraction.few:
        yield f"{fraction.fields} fields of view are few: the intervals are rough"
    if any(len(each.field.plane.stack) > 1 for each in summary.fields) and fields > 1:
        yield (
            "planes of a stack count as fields of view of their own: where neighbours look alike, "
            "the intervals are too narrow"
        )


def _of_class(summary: ClassSummary, objects: ObjectsOfClass) -> Iterator[str]:
    tally, sizes = objects.tally, objects.sizes
    if tally.count == 0:
        yield f"{summary.name}: no object"
    elif sizes.count == 0:
        if not tally.scattered:  # that is told of each file
            yield (
                f"{summary.name}: every object touches the border ({tally.count} of "
                f"{tally.count}), so that no size is known; take larger fields, or --border keep "
                "for what is seen"
            )
    elif tally.on_border > tally.count / 2 and sizes.count < tally.count:
        yield (
            f"{summary.name}: {tally.on_border} of {tally.count} objects touch the border: the "
            "fields are small for them, and their sizes uncertain"
        )
    elif sizes.few:
        count = "1 object is" if sizes.count == 1 else f"{sizes.count} objects are"
        yield f"{summary.name}: {count} few for a size distribution"
    if tally.tiny > tally.count / 10:
        yield (
            f"{summary.name}: {tally.tiny:,} of {tally.count:,} objects have fewer than {TINY} "
            f"pixels, noise as a rule; leave them out with --smallest {TINY}"
        )
