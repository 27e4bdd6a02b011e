"""What ``emseg measure`` refuses, and what a file that fails leaves behind."""

import json
import os
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from emseg.commands.measure_overlays import Overlay
from emseg.errors import ContentError
from emseg.micrograph import LabelImage
from emseg.writing import growing_tables, write_label_images

from .test_measure import CLASSES, NM, QUIET, squares, summary, table

ODD = os.fsdecode(b"caf\xe9.tif")  # no valid UTF-8, as in archives of the nineties


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two label images of emseg, 2 and 10, of one particle each."""
    monkeypatch.chdir(tmp_path)
    for name in ("2", "10"):
        image = LabelImage(squares((50, 80), (10, 20)), CLASSES, name, None, NM)
        write_label_images(tmp_path / "predictions" / f"{name}.ome.tif", [image], count=1)
    return tmp_path


def test_a_broken_file_costs_only_itself(emseg, here):
    (here / "predictions" / "3.tif").write_text("this is no picture")
    run = emseg("measure", "predictions", "--no-pictures")
    assert run.code == 3
    assert "failed: " in run.err
    assert [each["image"] for each in summary()["images"]] == ["2", "10"]
    assert summary()["failed"][0]["file"].endswith("3.tif")


def test_a_field_that_fails_late_is_in_no_table(emseg, here, monkeypatch):
    write = Overlay.write

    def failing(self, path, title):
        if title == "2":
            raise ContentError("this field fails")
        write(self, path, title)

    monkeypatch.setattr(Overlay, "write", failing)
    assert emseg("measure", "predictions").code == 3
    assert [Path(each["file"]).name for each in summary()["failed"]] == ["2.ome.tif"]
    assert {row["image"] for row in table(here / "measurements" / "objects.csv")} == {"10"}


def test_a_field_too_large_for_the_second_table_is_not_in_the_first(emseg, here, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    add = growing_tables._Parquet.add

    def failing(self, columns, rows):
        if rows[0]["image"] == "10":
            raise MemoryError
        add(self, columns, rows)

    monkeypatch.setattr(growing_tables._Parquet, "add", failing)
    assert emseg("measure", "predictions", "--parquet", *QUIET).code == 3
    rows = parquet.read_table(here / "measurements" / "objects.parquet").to_pylist()
    assert [row["image"] for row in rows] == ["2"]
    assert [row["image"] for row in table(here / "measurements" / "objects.csv")] == ["2"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names that are no UTF-8")
def test_a_file_name_that_is_no_utf_8_loses_nothing(emseg, here):
    Path("masks").mkdir()
    with Path("masks", ODD).open("wb") as file:
        tifffile.imwrite(file, squares((40, 50), (10, 10)))
    run = emseg("measure", Path("masks", ODD), "--json", "--no-pictures")
    assert run.code == 0
    assert run.out == Path("measurements", "summary.json").read_text(encoding="utf-8")
    assert summary()["images"][0]["file"] == str(Path("masks", ODD))
    settings = tomllib.loads(Path("measurements", "measure.toml").read_text(encoding="utf-8"))
    assert settings["inputs"] == ["masks/caf?.tif"]  # a glob that finds it


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names that are no UTF-8")
def test_a_folder_name_that_is_no_utf_8_is_compared_too(emseg, here):
    Path("predictions").rename(os.fsdecode(b"caf\xe9"))
    Path("masks").mkdir()
    for name in ("2", "10"):
        tifffile.imwrite(f"masks/{name}.tif", squares((50, 80), (10, 20)))
    rivals = (os.fsdecode(b"caf\xe9"),) * 2
    run = emseg("evaluate", "masks", "--compare", *rivals, "--json", "--quiet")
    assert run.code == 0
    assert run.out == Path("evaluation", "comparison.json").read_text(encoding="utf-8")
    assert json.loads(run.out)["a"] == os.fsdecode(b"caf\xe9")
    settings = tomllib.loads(Path("evaluation", "evaluate.toml").read_text(encoding="utf-8"))
    assert settings["compare"] == ["caf?", "caf?"]


def test_numbers_beyond_63_bits_are_refused_or_left_out(refused, emseg, here):
    plane = squares((40, 50), (10, 10)).astype(np.uint64)
    plane[0, :5] = 2**64 - 1
    tifffile.imwrite("a.tif", plane)
    line = refused(4, "measure", "a.tif", "--instances", *QUIET)
    assert "holds the value 18446744073709551615" in line
    options = ("--unlabelled", "18446744073709551615", *QUIET)
    assert "--unlabelled 18446744073709551615" in line
    assert emseg("measure", "a.tif", "--instances", *options).code == 0
    assert [row["object"] for row in table(here / "measurements" / "objects.csv")] == ["1"]


def test_parquet_without_pyarrow_is_refused_before_any_work(refused, here, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "pyarrow" else find(name)
    )
    assert "pip install 'emseg[parquet]'" in refused(2, "measure", "predictions", "--parquet")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["prediction"], 2, "did you mean 'predictions'?"),
        (["predictions", "--class", "partcle"], 2, "did you mean 'particle'?"),
        (["predictions", "--out", "predictions"], 2, "choose another"),
        (["predictions", "--labels", "0=a,1=b"], 2, "--labels says what the values"),
        (["predictions", "--instances"], 2, "--instances says what the values"),
        (["predictions", "--border", "dorp"], 2, "did you mean 'drop'?"),
        (["predictions", "--smallest", "5 bananas"], 2, "--smallest 5 bananas: write a number"),
        (["predictions", "--smallest", "0"], 2, "--smallest 0: write a number"),
        (["predictions", "--slices", "7:9"], 2, "--slices 7:9 picks none of the 2 files"),
        (["predictions", "--channels", "1"], 2, "name them with --images"),
        (["predictions", "--pixel-size", "2"], 2, "is no pixel size"),
        (["predictions", "--images", "nowhere"], 2, "nowhere"),
        (["mixed"], 4, "1 of the label images has no pixel size (b.tif)"),
        (["apart"], 4, "measure them apart"),
        (["masks", "--labels", "0=a,1=b", "--instances"], 2, "keep one of them"),
        (["masks", "--smallest", "5nm"], 2, "say --pixel-size"),
        (["masks", "--labels", "0=a,2=b"], 4, "hold the value 1, which --labels"),
        (["grey"], 4, "add --instances"),
        (["broken"], 4, "a.tif"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_one_line_and_leaves_nothing(refused, here, arguments, code, words):
    for name in ("mixed", "apart", "masks", "grey", "broken"):
        Path(name).mkdir()
    for name, pixel in (("a", {"resolution": (1e6, 1e6), "resolutionunit": 3}), ("b", {})):
        tifffile.imwrite(f"mixed/{name}.tif", squares((20, 30), (5, 5)), **pixel)
    image = LabelImage(squares((20, 30), (5, 5)), CLASSES, "a", None, NM)
    write_label_images(here / "apart" / "a.ome.tif", [image], count=1)
    other = replace(image, classes=(CLASSES[0], replace(CLASSES[1], name="pore")))
    write_label_images(here / "apart" / "b.ome.tif", [other], count=1)
    tifffile.imwrite("masks/a.tif", squares((20, 30), (5, 5)))
    tifffile.imwrite("grey/a.tif", np.arange(600, dtype=np.uint8).reshape(20, 30))
    Path("broken/a.tif").write_text("this is no picture")
    assert words in refused(code, "measure", *arguments, "--quiet")


def test_a_file_in_the_place_of_the_output_folder_is_refused_and_kept(emseg, here):
    (here / "measurements").write_text("mine")
    assert emseg("measure", "predictions", *QUIET).code == 2
    assert (here / "measurements").read_text() == "mine"
