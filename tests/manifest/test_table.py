"""The table of a folder of results: what people open, and may change."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from emseg.errors import NotWritableError
from emseg.manifest import Made, Manifest
from emseg.writing.texts import as_utf8

TABLE = "predictions.csv"


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    return Path("out")


def run(out, rows, made=Made()):  # noqa: B008 - frozen
    """Enter results as a run does: rows by the name of an input."""
    with Manifest(out, "predict", made, TABLE) as manifest:
        for name, each in rows.items():
            path = Path(name)
            labels = out / f"{path.stem}.ome.tif"
            assert manifest.claim(path, labels)
            manifest.announce(path, labels, each)
            labels.touch()
            manifest.finish(path, [{"file": name, **row} for row in each], 0.1)


def read(out):
    with (out / TABLE).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rows_of_other_inputs_stay_and_those_of_the_same_are_replaced(out):
    run(out, {"a.png": [{"plane": 0, "x": 1}, {"plane": 1, "x": 2}]})
    run(out, {"b.png": [{"x": 3}]})
    run(out, {"a.png": [{"plane": 0, "x": 4}]}, Made({"model": 2}))
    assert [(row["file"], row["x"]) for row in read(out)] == [("b.png", "3"), ("a.png", "4")]


def test_columns_of_another_model_are_added(out):
    run(out, {"a.png": [{"pixels.x": 1}]})
    run(out, {"b.png": [{"pixels.y": 0.1}]})
    assert [(row["pixels.x"], row["pixels.y"]) for row in read(out)] == [("1", ""), ("", "0.1")]


def test_text_that_a_spreadsheet_would_run_is_harmless_and_comes_back(out):
    run(out, {"=1+1.png": [{"pixels.x": 1}]})
    assert read(out)[0]["file"] == "'=1+1.png"
    (out / "manifest.sqlite").unlink()  # as of a folder of emseg before there was a manifest
    (entry,) = Manifest(out, "predict", Made(), TABLE).entries().values()
    assert entry.path == Path("=1+1.png").resolve()


def test_a_name_that_is_no_utf_8_is_kept(out):
    run(out, {"caf\udce9.png": [{"pixels.x": 1}]})
    run(out, {"caf\udce9.png": [{"pixels.x": 2}]})
    assert [(row["file"], row["pixels.x"]) for row in read(out)] == [(r"caf\udce9.png", "2")]
    (entry,) = Manifest(out, "predict", Made(), TABLE).entries().values()
    assert as_utf8(entry.result) == r"caf\udce9.ome.tif"


def test_rows_from_before_there_was_a_manifest_stay(out):
    (out / "old.ome.tif").touch()
    (out / TABLE).write_text("file,plane,labels,pixels.x\nold.png,,out/old.ome.tif,7\n")
    run(out, {"new.png": [{"pixels.x": 1}]})
    assert [(row["file"], row["pixels.x"]) for row in read(out)] == [
        ("old.png", "7"),
        ("new.png", "1"),
    ]
    entries = Manifest(out, "predict", Made(), TABLE).entries()
    assert {each.name for each in entries.values()} == {"old", "new"}
    assert not list(out.glob("*edited*"))


def test_what_another_program_made_of_the_table_is_kept_beside_it(out, caplog):
    run(out, {"a.png": [{"x": 1}]})
    text = (out / TABLE).read_text() + "remark of the head of the laboratory,,\n"
    (out / TABLE).write_text(text)
    run(out, {"b.png": [{"x": 2}]})
    assert [row["x"] for row in read(out)] == ["1", "2"]
    assert (out / "predictions-edited-1.csv").read_text() == text
    assert "predictions-edited-1.csv" in caplog.text


def test_what_another_program_made_of_it_is_left_alone_while_nothing_is_added(out):
    run(out, {"a.png": [{"x": 1}]})
    (out / TABLE).write_text("mine")
    run(out, {})
    assert (out / TABLE).read_text() == "mine"


def test_a_table_that_was_removed_comes_back(out):
    run(out, {"a.png": [{"x": 1}]})
    (out / TABLE).unlink()
    run(out, {})
    assert [row["x"] for row in read(out)] == ["1"]


@pytest.mark.parametrize("text", [b"file;plane\na.png;0\n", b"my,own,table\n1,2,3\n", b"\xff\xfe"])
def test_a_table_of_somebody_else_is_not_lost(out, text):
    (out / TABLE).write_bytes(text)
    with pytest.raises(NotWritableError, match=r"is not as emseg writes it.*choose another --out"):
        run(out, {"a.png": [{"x": 1}]})
    assert (out / TABLE).read_bytes() == text
    assert [each.name for each in out.iterdir()] == [TABLE]


def test_a_folder_in_its_place_is_refused(out):
    (out / TABLE).mkdir()
    with pytest.raises(NotWritableError):
        run(out, {"a.png": [{"x": 1}]})


_ADD = """
import sys
from pathlib import Path
from emseg.manifest import Made, Manifest
with Manifest(Path("out"), "predict", Made(), "predictions.csv") as manifest:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(25):
        path = Path(f"{sys.argv[1]}{number}")
        assert manifest.claim(path)
        manifest.finish(path, [{"file": path.name}], 0)
"""


def test_two_runs_at_once_lose_no_row(out):
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", _ADD, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    for each in runs:
        assert each.stdout.readline() == "ready\n"
    for each in runs:
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in runs:
        each.communicate()
        assert each.returncode == 0
    found = sorted(row["file"] for row in read(out))
    assert found == sorted(f"{name}{number}" for name in "ab" for number in range(25))
    assert sorted(each.name for each in out.iterdir()) == ["manifest.sqlite", TABLE]
