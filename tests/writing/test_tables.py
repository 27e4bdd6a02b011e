"""Tables that any program reads back."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emseg.reading.finding.file_table import plain_text, read_file_table
from emseg.writing import write_table
from emseg.writing.growing_tables import growing_csv


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_every_value_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_table(
        path,
        [
            {"file": 'a, "b"\nγ′.tif', "pixels": 3, "fraction": 0.1 + 0.2},
            {"file": "c.tif", "pixels": None, "score": np.float64(1 / 3)},
        ],
    )
    assert read(path) == [
        {"file": 'a, "b"\nγ′.tif', "pixels": "3", "fraction": "0.30000000000000004", "score": ""},
        {"file": "c.tif", "pixels": "", "fraction": "", "score": "0.3333333333333333"},
    ]


def test_pandas_reads_the_same_numbers(tmp_path: Path) -> None:
    rows = [{"x": value} for value in np.random.default_rng(0).random(50)]
    write_table(tmp_path / "table.csv", rows)
    frame = pd.read_csv(tmp_path / "table.csv")
    assert frame["x"].tolist() == pytest.approx([row["x"] for row in rows], rel=1e-12)


def test_a_table_without_rows_is_an_empty_file(tmp_path: Path) -> None:
    write_table(tmp_path / "table.csv", [])
    assert (tmp_path / "table.csv").read_bytes() == b""


def test_a_file_name_that_is_no_text_does_not_lose_the_table(tmp_path: Path) -> None:
    write_table(tmp_path / "table.csv", [{"file": "scan\udcff.tif"}])
    assert read(tmp_path / "table.csv") == [{"file": r"scan\udcff.tif"}]


def test_a_row_that_fails_leaves_the_old_table(tmp_path: Path) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    path = tmp_path / "table.csv"
    write_table(path, [{"x": 1}])
    with pytest.raises(RuntimeError, match="no text"):
        write_table(path, [{"x": 2}, {"x": Broken()}])
    assert read(path) == [{"x": "1"}]


FORMULAE = ["=1+1", "+1+1", "-1-1", "-a.tif", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''@x"]
FORMULAE += ["\N{FULLWIDTH EQUALS SIGN}1"]


@pytest.mark.parametrize("kind", ["whole", "growing"])
def test_text_is_never_a_formula_and_numbers_stay_numbers(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "table.csv"
    rows = [
        {"=class": name, "error": -0.5, "count": np.int64(-3), "off": np.float32(-1)}
        for name in FORMULAE
    ]
    if kind == "whole":
        write_table(path, rows)
    else:
        with growing_csv(path) as table:
            table.add(list(rows[0]), rows)
    with path.open(encoding="utf-8", newline="") as handle:
        header, *found = csv.reader(handle)
    assert header == ["'=class", "error", "count", "off"]
    assert [row[0] for row in found] == [f"'{name}" for name in FORMULAE]
    assert [plain_text(row[0]) for row in found] == FORMULAE
    assert {tuple(row[1:]) for row in found} == {("-0.5", "-3", "-1.0")}


def test_other_text_is_written_as_it_is(tmp_path: Path) -> None:
    names = ["a=b.tif", "'quoted'", "1-2", "-1.5e-3", "+1", "-.5", "\N{MINUS SIGN}1", ""]
    write_table(tmp_path / "table.csv", [{"file": name} for name in names])
    found = [row["file"] for row in read(tmp_path / "table.csv")]
    assert found == names
    assert [plain_text(each) for each in found] == names


def test_what_is_written_is_read_back_as_a_table_of_files(tmp_path: Path) -> None:
    rows = [{"file": "=a.tif", "label": "-b"}, {"file": "'+c.tif", "label": "@"}]
    write_table(tmp_path / "table.csv", rows)
    found = read_file_table(tmp_path / "table.csv", "label")
    assert found == [(2, "=a.tif", "-b"), (3, "'+c.tif", "@")]
