"""What emseg makes of every file of a folder, beside what the folder's manifest says.

    python -m benchmarks.formats ../shared/data/microscope_files

Prints a row a file and writes ``benchmarks/results/formats.csv``: file names are relative to the
folder. A manifest is a ``MANIFEST.csv`` with the columns file, outcome (read, refuse, error, or
either), shape (as HyperSpy lays it out), dtype, pixel_y_nm and pixel_x_nm (a number, or unknown);
empty cells are not judged. Without one, every file that emseg knows by its suffix is tried, and
only defects count. Exit code 1 when a row disagrees.
"""

import argparse
import csv
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emseg.errors import ContentError, EmsegError
from emseg.reading import open_stack
from emseg.reading.formats import is_known

RESULTS = Path(__file__).parent / "results" / "formats.csv"
COLUMNS = (
    "file", "expected", "expected_shape", "expected_dtype", "expected_y_nm", "expected_x_nm",
    "outcome", "shape", "dtype", "y_nm", "x_nm", "source", "said", "agrees",
)  # fmt: skip
_NOT_READ = frozenset({"refuse", "error"})


@dataclass(frozen=True, slots=True)
class Expected:
    """A row of the manifest; empty cells are not judged."""

    file: str
    outcome: str = "either"
    shape: str = ""
    dtype: str = ""
    y_nm: str = ""
    x_nm: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What emseg made of a file: read, refused or defect."""

    outcome: str
    shape: tuple[int, ...] = ()
    channels: int = 0
    dtype: str = ""
    y_nm: float | None = None
    x_nm: float | None = None
    source: str = ""
    said: str = ""


def expectations(folder: Path) -> Iterator[Expected]:
    """Rows of the manifest, or every file that has a known suffix."""
    manifest = folder / "MANIFEST.csv"
    if not manifest.exists():
        for path in sorted(each for each in folder.rglob("*") if is_known(each)):
            yield Expected(path.relative_to(folder).as_posix())
        return
    with manifest.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            size = row["pixel_y_nm"], row["pixel_x_nm"]
            yield Expected(row["file"], row["outcome"], row["shape"], row["dtype"], *size)


def look_at(path: Path) -> Found:
    """Open a file and read all of its planes."""
    try:
        stack = open_stack(path)
        planes = [plane.pixels for plane in stack]
    except ContentError as error:
        said = str(error).replace(str(path), path.name)
        return Found("refused" if "\n" not in said else "defect", said=said)
    except EmsegError as error:  # no other branch is about what a file holds
        return Found(
            "defect", said=f"{type(error).__name__}: {error}".replace(str(path), path.name)
        )
    except Exception as error:
        return Found(
            "defect", said=f"{type(error).__name__}: {error}".replace(str(path), path.name)
        )
    size = stack.pixel_size
    return Found(
        "read",
        (len(stack), *stack.size) if len(stack) > 1 else stack.size,
        planes[0].shape[0],
        str(planes[0].dtype),
        *((size.y_nm, size.x_nm, size.source) if size else (None, None, "")),
    )


def agrees(expected: Expected, found: Found) -> bool:
    """Compare what was found with the cells that the manifest fills in."""
    if found.outcome == "defect":
        return False
    if expected.outcome in _NOT_READ or found.outcome == "refused":
        return found.outcome == "refused" and expected.outcome != "read"
    if expected.outcome != "read":
        return True
    shape = tuple(int(size) for size in expected.shape.split("x") if size)
    return (
        shape in ((), found.shape)
        and expected.dtype.removeprefix("rgb(a) of ") in ("", found.dtype)
        and _same_length(expected.y_nm, found.y_nm)
        and _same_length(expected.x_nm, found.x_nm)
    )


def _same_length(said: str, found: float | None) -> bool:
    if said in ("", "unknown"):
        return not said or found is None
    return found is not None and math.isclose(float(said), found, rel_tol=1e-4)


def row(expected: Expected, found: Found) -> dict[str, str]:
    """Lay out a line of the table."""
    shape = "x".join(str(size) for size in found.shape)
    cells = (
        expected.file, expected.outcome, expected.shape, expected.dtype, expected.y_nm,
        expected.x_nm, found.outcome, shape + (f" c{found.channels}" if found.channels > 1 else ""),
        found.dtype, _number(found.y_nm), _number(found.x_nm), found.source, found.said,
        "yes" if agrees(expected, found) else "NO",
    )  # fmt: skip
    return dict(zip(COLUMNS, cells, strict=True))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and write the table; the number of rows that disagree decides the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    rows = []
    for expected in expectations(given.folder):
        started = time.monotonic()
        rows.append(row(expected, look_at(given.folder / expected.file)))
        print(_line(rows[-1], time.monotonic() - started), flush=True)
    given.results.parent.mkdir(parents=True, exist_ok=True)
    with given.results.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    wrong = [each["file"] for each in rows if each["agrees"] == "NO"]
    print(f"{len(rows)} files, {len(wrong)} disagree{': ' if wrong else ''}{', '.join(wrong)}")
    return 1 if wrong or not rows else 0


def _line(cells: dict[str, str], seconds: float) -> str:
    size = " x ".join(dict.fromkeys(each for each in (cells["y_nm"], cells["x_nm"]) if each))
    calibrated = f"{size} nm, from {cells['source']}" if size else "no pixel size"
    read = f"{cells['shape']} {cells['dtype']}, {calibrated}"
    came_out = read if cells["outcome"] == "read" else cells["said"]
    verdict = "   " if cells["agrees"] == "yes" else "NO "
    return f"{verdict}{cells['file']:<55.55} {cells['expected']:<7} {seconds:5.1f} s  {came_out}"


if __name__ == "__main__":
    sys.exit(main())
