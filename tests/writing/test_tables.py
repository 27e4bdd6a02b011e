"""Tables that any program reads back."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emseg.writing import write_table


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
