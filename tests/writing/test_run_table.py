"""Rows of several runs in one table, whoever writes at the same time or is killed."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from emseg.errors import NotWritableError
from emseg.writing import RunTable
from emseg.writing.leftovers import sweep

ROW = {"file": "in/a.png", "plane": None, "labels": "out/a.ome.tif", "pixels.x": 3}


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    return Path("out")


def read(out):
    with (out / "predictions.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def row(name, pixels, plane=None):
    return {**ROW, "labels": f"out/{name}.ome.tif", "plane": plane, "pixels.x": pixels}


def test_rows_of_other_results_stay_and_those_of_the_same_are_replaced(out):
    RunTable(out / "predictions.csv").add([row("a", 1, 0), row("a", 2, 1)])
    RunTable(out / "predictions.csv").add([row("b/a", 3)])
    replaced = RunTable(out / "predictions.csv").add([row("a", 4, 0)])
    found = [(each["labels"], each["plane"], each["pixels.x"]) for each in read(out)]
    assert found == [("out/b/a.ome.tif", "", "3"), ("out/a.ome.tif", "0", "4")]
    assert [each["pixels.x"] for each in replaced] == ["1", "2"]


def test_a_result_in_another_format_takes_the_place_of_the_first(out):
    table = RunTable(out / "predictions.csv")
    table.add([row("a", 1)])
    table.add([{**row("a", 2), "labels": "out/a.hspy"}])
    assert [(each["labels"], each["pixels.x"]) for each in read(out)] == [("out/a.hspy", "2")]
    assert table.stems() == {}
    (out / "a.hspy").touch()
    assert table.stems() == {"a": "in/a.png"}


def test_a_folder_in_its_place_is_refused(out):
    (out / "predictions.csv").mkdir()
    with pytest.raises(NotWritableError, match="is not as emseg writes it"):
        RunTable(out / "predictions.csv").rows()


def test_names_that_a_spreadsheet_would_run_stay_as_they_are(out):
    formula = {"file": "=1+1.png", "plane": None, "labels": "out/x.ome.tif", "class_1": "-a"}
    for _ in range(3):
        RunTable(out / "predictions.csv").add([{**formula, "labels": None}])
        RunTable(out / "predictions.csv").add([formula])
    assert [(each["file"], each["class_1"]) for each in read(out)] == [("'=1+1.png", "'-a")] * 2
    assert RunTable(out / "predictions.csv").results() == {"x.ome.tif": "=1+1.png"}


def test_the_folder_may_be_named_from_elsewhere(out, monkeypatch):
    RunTable(out / "predictions.csv").add([row("a", 1)])
    table = RunTable(out.resolve() / "predictions.csv")
    monkeypatch.chdir(out)
    table.add([{**ROW, "labels": str(Path.cwd() / "a.ome.tif"), "pixels.x": 2}])
    assert [each["pixels.x"] for each in read(Path())] == ["2"]


def test_text_that_is_no_formula_stays_as_it_is_however_often_rows_are_added(out):
    rows = [{**row("=a", -3), "file": "=in/a.png", "class": "-pore"}]
    for _ in range(3):
        RunTable(out / "predictions.csv").add([row("b", 1)])
        RunTable(out / "predictions.csv").add(rows)
    found = read(out)
    assert len(found) == 2
    assert found[1]["file"] == "'=in/a.png"
    assert (found[1]["class"], found[1]["pixels.x"]) == ("'-pore", "-3")
    RunTable(out / "predictions.csv").add([row("b", 2)])
    assert [(each["file"], each["pixels.x"]) for each in read(out)] == [
        ("'=in/a.png", "-3"),
        ("in/a.png", "2"),
    ]


def test_columns_of_another_model_are_added(out):
    table = RunTable(out / "predictions.csv")
    table.add([row("a", 1)])
    table.add([{"file": "b.png", "labels": "out/b.ome.tif", "pixels.y": 0.1}])
    assert [(each["pixels.x"], each["pixels.y"]) for each in read(out)] == [("1", ""), ("", "0.1")]


def test_answers_of_a_classifier_are_known_by_file_and_plane(out):
    table = RunTable(out / "predictions.csv")
    table.add([{"file": "s.tif", "plane": 0, "class_1": "x"}])
    table.add([{"file": "s.tif", "plane": 1, "class_1": "x"}])
    table.add([{"file": "s.tif", "plane": 0, "class_1": "y"}])
    assert [(each["plane"], each["class_1"]) for each in read(out)] == [("1", "x"), ("0", "y")]


def test_names_that_are_no_utf_8_are_known_again(out):
    strange = {**ROW, "file": "in/caf\udce9.png", "labels": "out/caf\udce9.ome.tif"}
    for pixels in (1, 2):
        RunTable(out / "predictions.csv").add([{**strange, "pixels.x": pixels}])
    assert [(each["file"], each["pixels.x"]) for each in read(out)] == [(r"in/caf\udce9.png", "2")]
    assert RunTable(out / "predictions.csv").results() == {r"caf\udce9.ome.tif": "in/caf\udce9.png"}


@pytest.mark.parametrize("text", [b"file;plane\na.png;0\n", b"my,own,table\n1,2,3\n", b"\xff\xfe"])
def test_a_table_of_somebody_else_is_not_lost(out, text):
    (out / "predictions.csv").write_bytes(text)
    with pytest.raises(NotWritableError, match=r"is not as emseg writes it.*choose another --out"):
        RunTable(out / "predictions.csv").rows()
    assert (out / "predictions.csv").read_bytes() == text


_ADD = """
import sys
from pathlib import Path
from emseg.writing.run_table import RunTable
table = RunTable(Path("out/predictions.csv"))
print("ready", flush=True)
sys.stdin.readline()
for number in range(25):
    name = f"{sys.argv[1]}{number}"
    table.add([{"file": name, "plane": None, "labels": f"out/{name}.ome.tif"}])
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
    for run in runs:
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        run.stdin.write("go\n")
        run.stdin.flush()
    for run in runs:
        run.communicate()
        assert run.returncode == 0
    found = {each["file"] for each in read(out)}
    assert found == {f"{name}{number}" for name in "ab" for number in range(25)}
    assert [each.name for each in out.iterdir()] == ["predictions.csv"]


_KILLED = """
import os, signal, sys
from pathlib import Path
from emseg.writing.run_table import RunTable
from emseg.writing.whole import whole_file
point, result = sys.argv[1], Path("out/a.ome.tif")
def die(at):
    if at == point:
        os.kill(os.getpid(), signal.SIGKILL)
table = RunTable(Path("out/predictions.csv"))
rows = [{"file": "in/a.png", "plane": None, "labels": str(result), "pixels.x": 7}]
with whole_file(result) as beside:
    beside.write_text("new")
    die("before it is announced")
    table.announce(result, rows)
    die("before it is there")
die("before its row is there")
table.add(rows)
die("afterwards")
"""


@pytest.mark.parametrize(
    ("point", "count"),
    [
        ("before it is announced", 0),
        ("before it is there", 0),
        ("before its row is there", 1),
        ("afterwards", 0),
    ],
)
@pytest.mark.parametrize("is_second", [False, True])
def test_wherever_a_run_is_killed_the_next_one_sees_to_it(out, point, count, is_second):
    table = RunTable(out / "predictions.csv")
    if is_second:
        (out / "a.ome.tif").write_text("old")
        table.add([row("a", 5)])
    said = subprocess.run([sys.executable, "-c", _KILLED, point], check=False)
    assert said.returncode == -9
    sweep.cache_clear()  # the next run is another process
    assert table.take_up() == count
    table.add([row("b", 1)])  # writes into the folder, which sweeps it
    assert not [each.name for each in out.iterdir() if each.name.startswith(".")]
    expected = {"out/b.ome.tif": "1"}
    if (out / "a.ome.tif").exists():
        is_new = (out / "a.ome.tif").read_text() == "new"
        expected["out/a.ome.tif"] = "7" if is_new else "5"
    assert {each["labels"]: each["pixels.x"] for each in read(out)} == expected


def test_the_announcement_of_a_live_run_is_left_alone(out):
    first, second = (RunTable(out / "predictions.csv") for _ in range(2))
    first.announce(out / "a.ome.tif", [row("a", 1)])
    (out / "a.ome.tif").touch()
    assert second.take_up() == 0
    first.withdraw()
    assert [each.name for each in out.iterdir()] == ["a.ome.tif"]
