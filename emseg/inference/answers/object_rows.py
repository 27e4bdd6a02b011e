"""Tables of predicted objects: a row an object, some thousand at a time."""

from collections.abc import Iterator, Sequence

from emseg.calibration import PixelSize
from emseg.measuring.joining import JoinedObjects
from emseg.writing.growing_tables import GrowingTable

_COLUMNS = (
    "plane", "object", "class", "score", "area_px", "area_nm2", "centroid_row", "centroid_column",
    "top", "bottom", "left", "right",
)  # fmt: skip
_ROWS = 4096  # that are Python values at a time


def add_objects(
    table: GrowingTable,
    objects: JoinedObjects,
    names: Sequence[str],
    pixel_size: PixelSize | None,
    plane: int | None = None,
) -> None:
    """Append the objects of a plane to a table.

    Parameters
    ----------
    table : GrowingTable
        Takes the rows.
    objects : JoinedObjects
        Numbered from 1; positions are in pixels of the plane, the ends of boxes not included.
    names : sequence of str
        Of the classes.
    pixel_size : PixelSize or None
        None leaves the areas in nm² empty.
    plane : int or None
        Index in its stack.
    """
    table.add(_COLUMNS, [])
    for start in range(0, len(objects), _ROWS):
        some = _rows(objects, slice(start, start + _ROWS), start + 1, names, pixel_size)
        table.add(
            _COLUMNS,
            [{"plane": plane, **dict(zip(_COLUMNS[1:], row, strict=True))} for row in some],
        )


def _rows(
    objects: JoinedObjects,
    some: slice,
    first: int,
    names: Sequence[str],
    pixel_size: PixelSize | None,
) -> Iterator[tuple[object, ...]]:
    columns = (objects.value, objects.score, objects.pixels, objects.row, objects.column)
    lists = [column[some].tolist() for column in columns]
    boxes = objects.box[some].tolist()
    for number, (value, score, pixels, row, column, box) in enumerate(
        zip(*lists, boxes, strict=True), start=first
    ):
        known = score if score == score else None  # NaN where nothing is known
        area = pixels * pixel_size.area_nm2 if pixel_size else None
        yield (number, names[value], known, pixels, area, row, column, *box)
