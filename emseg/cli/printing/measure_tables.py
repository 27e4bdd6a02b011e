"""Measurements on the terminal: tables, and where the files are."""

from collections.abc import Iterator

from rich.table import Table

from emseg.cli.terminal import console
from emseg.cli.terminal.tables import add_row, new_table
from emseg.config import Border
from emseg.measuring import Density, Fraction
from emseg.survey.summary import ObjectsOfClass, Summary

_MANY = 1e6  # nm2 in a µm2, pixels in a Mpx
_SMALL = 1e4  # nm2 below which an area is told in nm2, as of a lattice


def show(summary: Summary) -> None:
    """Print what was measured of each class, and where the files are.

    Parameters
    ----------
    summary : Summary
        Of all fields.
    """
    for table in (_fractions(summary), _objects(summary)):
        console.out.print(table)
        console.result("")
    for line in _lines(summary):
        console.result(line)


def _fractions(summary: Summary) -> Table:
    table = new_table("class", summary.fraction_name, "95 % interval")
    for each in summary.classes():
        fraction = each.fraction
        mean = "-" if fraction.mean is None else _percent(fraction.mean)
        add_row(table, each.name, mean, _between(fraction, 100, " %"))
    return table


def _objects(summary: Summary) -> Table:
    per, factor = _areal(summary)
    diameter, density = f"diameter ({summary.unit})", f"per {per}"
    columns = ("objects", diameter, "d10", "d50", "d90", density, "95 % interval")
    table = new_table("class", *columns)
    for each in summary.classes():
        if each.objects is not None:
            add_row(table, each.name, *_cells(each.objects, factor))
    return table


def _areal(summary: Summary) -> tuple[str, float]:
    """Choose the unit that areas and densities are told in: its name, and nm2 or pixels in it."""
    if summary.unit == "px":
        return "Mpx", _MANY
    return ("nm²", 1.0) if summary.labelled_area < _SMALL else ("µm²", _MANY)


def _cells(objects: ObjectsOfClass, factor: float) -> tuple[str, ...]:
    sizes, density = objects.sizes, objects.density
    mean = _number(sizes.mean) + ("" if sizes.std is None else f" ± {_number(sizes.std)}")
    percentiles = (_number(each) for each in (sizes.d10, sizes.d50, sizes.d90))
    per = _number(None if density.mean is None else density.mean * factor)
    return (f"{objects.tally.count:,}", mean, *percentiles, per, _between(density, factor))


def _between(found: Fraction | Density, factor: float, unit: str = "") -> str:
    if found.low is None or found.high is None:
        return "-"
    return f"{_number(found.low * factor)} to {_number(found.high * factor)}{unit}"


def _percent(fraction: float) -> str:
    """Write a share with two decimals, never rounded to nothing."""
    return "<0.01 %" if 0 < fraction < 0.00005 else f"{100 * fraction:.2f} %"


def _number(value: float | None) -> str:
    """Write four digits, never as a power of ten where people would not."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 999.95 else f"{value:.4g}"


def _lines(summary: Summary) -> Iterator[str]:
    out, fields = summary.config.out, len(summary.fields)
    per, factor = _areal(summary)
    area = _number(summary.labelled_area / factor)
    yield f"{fields} field{'s' if fields > 1 else ''} of view, {area} {per} of labelled area"
    empty = sum(each.phases.unlabelled for each in summary.fields)
    seen = sum(each.size[0] * each.size[1] for each in summary.fields)
    if empty:
        yield f"unlabelled, and in no fraction: {100 * empty / seen:.1f} % of the pixels"
    yield from _left_out(summary)
    count = sum(each.objects.tally.count for each in summary.classes() if each.objects)
    tables = ["objects.csv", *["objects.parquet"] * summary.config.parquet]
    objects = f"{count:,} object" + ("" if count == 1 else "s")
    yield f"in {out}: {', '.join(tables)} ({objects}), summary.csv, summary.json"
    if summary.config.pictures:
        sizes = [path.name for path, *_ in summary.pictures()]
        yield f"pictures: {', '.join([*sizes, 'overlays/'])}"


def _left_out(summary: Summary) -> Iterator[str]:
    """Say why a size distribution has fewer objects than the table."""
    for each in summary.classes():
        if each.objects is None:
            continue
        tally = each.objects.tally
        missing = tally.count - each.objects.sizes.count
        if not missing:
            continue
        touch = "touches" if tally.on_border == 1 else "touch"
        is_dropped = tally.on_border > 0 and summary.config.border is not Border.KEEP
        why = [f"{tally.on_border:,} {touch} the border"] if is_dropped else []
        why += [f"{tally.scattered:,} lie in pieces far apart"] if tally.scattered else []
        yield (
            f"{each.name}: sizes of {each.objects.sizes.count:,} of {tally.count:,} objects; "
            f"{' and '.join(why)}"
        )
