"""The confusion matrix as a table that can be read in black and white."""

import numpy as np
from numpy.typing import NDArray

from emseg.reporting.page.tables import Cell, Column, Table, TableRow
from emseg.reporting.page.words import percent

_MOST_CLASSES = 20
_MOST_CONFUSIONS = 40
_NO_CLASS = "no class"


def confusion_table(
    names: tuple[str, ...],
    counts: NDArray[np.int64],
    missed: NDArray[np.int64] | None = None,
    *,
    of: str = "pixels",
) -> Table:
    """Write a confusion matrix as shares of its rows; of many classes the largest confusions.

    Parameters
    ----------
    names : tuple of str
        The K classes.
    counts : array of int64, shape (K, K)
        By [reference class, predicted class].
    missed : array of int64, shape (K,), optional
        Those of each reference class that have no predicted class.
    of : str
        What is counted.
    """
    columns = names
    if missed is not None and missed.any():
        counts, columns = np.column_stack([counts, missed]), (*names, _NO_CLASS)
    totals = counts.sum(axis=1)
    if len(names) > _MOST_CLASSES:
        return _largest(names, columns, counts, totals, of)
    heads = (
        Column("Reference", is_text=True),
        *(Column(name) for name in columns),
        Column(f"All {of}"),
    )
    rows = tuple(
        TableRow(name, (*_row_cells(row, total, of), Cell(f"{total:,}", value=float(total))), place)
        for place, (name, row, total) in enumerate(zip(names, counts, totals, strict=True))
    )
    remark = (
        f"Each row is a class of the reference: the share of its {of} that was given each class."
    )
    return Table("Confusion matrix", heads, rows, remark=remark)


def _row_cells(row: NDArray[np.int64], total: int, of: str) -> tuple[Cell, ...]:
    return tuple(
        Cell(
            "·" if count == 0 else percent(count / total),
            f"{count:,} {of}" if count else "",
            level=_level(count, total),
        )
        for count in row.tolist()
    )


def _level(count: int, total: int) -> int:
    return 0 if count == 0 else max(1, round(10 * count / total))


def _largest(
    names: tuple[str, ...],
    columns: tuple[str, ...],
    counts: NDArray[np.int64],
    totals: NDArray[np.int64],
    of: str,
) -> Table:
    """List the largest confusions."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_CONFUSIONS]
    places = np.column_stack(np.unravel_index(order, wrong.shape)).tolist()
    rows = tuple(
        TableRow(
            names[true],
            (
                Cell(columns[found]),
                Cell(f"{wrong[true, found]:,}", value=float(wrong[true, found])),
                Cell(percent(float(wrong[true, found] / totals[true]))),
            ),
            true,
        )
        for true, found in places
        if wrong[true, found]
    )
    heads = (
        Column("Reference", is_text=True),
        Column("Called", is_text=True),
        Column(of.capitalize(), order="descending"),
        Column("Of the class"),
    )
    kinds = int(np.count_nonzero(wrong))
    remark = (
        f"A matrix of {len(names)} classes does not fit a page: these are the {len(rows)} largest "
        f"of {kinds:,} kinds of confusion, and all of them are in metrics.json."
    )
    return Table("Largest confusions", heads, rows, remark=remark)
