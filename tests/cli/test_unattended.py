"""A folder that emseg is left alone with: what is done stays done, what comes is taken once."""

import json
import os
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.commands import watching
from emseg.commands.watching import Arrivals, is_being_written
from emseg.config import ConvertConfig
from emseg.manifest import Made, Manifest
from emseg.reading import NO_LABELS

needs_leases = pytest.mark.skipif(not hasattr(os, "fork"), reason="leases are of Linux")


def events(path):
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return [each for each in lines if each["event"] == "file"]


def outcomes(path):
    return Counter(each["outcome"] for each in events(path))


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in Path(folder).glob("*.tif")}


def test_the_same_command_again_does_what_failed_and_nothing_else(emseg, folders, model):
    (folders / "images" / "bad.tif").write_text("no picture")
    command = ("predict", model, "images", "--out", "out")
    first = emseg(*command, "--log", "one.jsonl")
    before, table = times("out"), Path("out/predictions.csv").read_text()
    second = emseg(*command, "--log", "two.jsonl")
    assert (first.code, second.code) == (3, 3)
    assert outcomes("one.jsonl") == {"done": 6, "failed": 1}
    assert outcomes("two.jsonl") == {"done before": 6, "failed": 1}
    assert "6 of 7 files were done before and have not changed" in second.err
    assert "6 of 7 predicted, 1 failed" in second.err
    assert (times("out"), Path("out/predictions.csv").read_text()) == (before, table)
    assert second.out == first.out  # the table is of all files


@pytest.mark.parametrize("kind", ["predict", "convert to ome.tif"])
def test_files_that_another_run_has_are_not_those_that_failed(emseg, folders, model, kind):
    (folders / "images" / "bad.tif").write_text("no picture")
    command = ("predict", model) if kind == "predict" else ("convert",)
    Path("out").mkdir()
    with Manifest(Path("out"), kind, Made()) as other:
        for path in (folders / "images").glob("*.png"):
            assert other.claim(path)
        shown = emseg(*command, "images", "--out", "out")
        only = emseg(*command, "images/0.png", "--out", "out")
    assert shown.code == 3
    assert "6 of 7 files are left to another run into out" in shown.err
    assert "1 of 7 files failed" in shown.err
    assert (only.code, only.out) == (0, "")
    assert "1 of 1 files are left to another run into out" in only.err


def test_what_changed_and_what_was_removed_is_done_again(emseg, folders, model):
    command = ("predict", model, "images", "--out", "out")
    assert emseg(*command).code == 0
    Image.fromarray(np.zeros((64, 80), np.uint8)).save("images/0.png")
    os.utime("images/1.png", (1, 1))  # touched, not changed
    Path("out/2.ome.tif").unlink()
    assert emseg(*command, "--log", "log").code == 0
    done = [Path(each["file"]).name for each in events("log") if each["outcome"] == "done"]
    assert done == ["0.png", "2.png"]


def test_other_options_are_told_and_not_mixed(emseg, refused, folders, model):
    assert emseg("predict", model, "images", "--out", "out").code == 0
    line = refused(2, "predict", model, "images/0.png", "--out", "out", "--tta", "flips")
    assert "made otherwise (tta: nothing, now flips)" in line
    assert "--overwrite" in line
    shown = emseg("predict", model, "images", "--out", "out", "--tta", "flips")
    assert "done again: 6 of 6 files" in shown.err
    before = times("out")
    both = ("predict", model, "images/0.png", "--out", "out", "--overwrite")
    assert emseg(*both).code == 0
    changed = [name for name, when in times("out").items() if before[name] != when]
    assert changed == ["0.ome.tif"]


def test_a_log_holds_the_command_each_file_and_the_end(emseg, folders, model):
    emseg("predict", model, "images/0.png", "--out", "out", "--log", "deep/log.jsonl")
    lines = [json.loads(line) for line in Path("deep/log.jsonl").read_text().splitlines()]
    assert lines[0]["event"] == "start"
    assert lines[0]["command"][:2] == ["emseg", "predict"]
    assert lines[-1]["event"] == "end"
    assert lines[-1]["code"] == 0
    (file,) = [each for each in lines if each["event"] == "file"]
    assert (file["file"], file["outcome"]) == ("images/0.png", "done")
    assert emseg("info", "nowhere", "--log", "deep/log.jsonl").code == 2
    lines = [json.loads(line) for line in Path("deep/log.jsonl").read_text().splitlines()]
    assert (lines[-1]["code"], lines[-2]["level"]) == (2, "error")
    assert "nowhere" in lines[-2]["text"]


def test_a_log_that_cannot_be_written_is_refused_before_the_work(refused, folders, model):
    line = refused(2, "predict", model, "images", "--log", "images")
    assert "--log images cannot be written" in line


@pytest.fixture
def sessions(tmp_path, monkeypatch):
    """Three micrographs of two days, two of one name, and a hidden folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.tif", "monday/a.tif", "monday/late/b.tif", ".trash/c.tif"):
        Path("in", name).parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(Path("in", name), np.full((20, 20), len(name), np.uint8))
    return tmp_path


def found(folder, suffix="*.ome.tif"):
    return sorted(each.relative_to(folder).as_posix() for each in Path(folder).rglob(suffix))


def test_sub_folders_are_kept_in_the_results(emseg, sessions, model):
    for _ in range(2):  # results among the inputs are not taken for inputs
        shown = emseg("predict", model, "in", "--recursive", "--out", "in/out", "--quiet")
        assert shown.code == 0
        assert found("in/out") == ["a.ome.tif", "monday/a.ome.tif", "monday/late/b.ome.tif"]
    assert emseg("convert", "in", "--recursive", "--out", "png", "--to", "png").code == 0
    assert found("png", "*.png") == ["a.png", "monday/a.png", "monday/late/b.png"]
    again = ("convert", "in", "--recursive", "--out", "png", "--to", "png", "--log", "log")
    assert emseg(*again).code == 0
    assert outcomes("log") == {"done before": 3}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("{stem}_{model}", None),
        ("{folder}/{stem}_{model}", ["a_model", "monday/a_model", "monday/late/b_model"]),
        ("{model}/{folder}/x{stem}", ["model/monday/late/xb", "model/monday/xa", "model/xa"]),
    ],
)
def test_results_are_called_as_a_pattern_says(emseg, sessions, model, pattern, names):
    shown = emseg("predict", model, "in", "--recursive", "--out", "out", "--name", pattern)
    if names is None:
        assert shown.code == 2
        assert "both 'a_model'; add {folder}" in shown.err
    else:
        assert found("out") == [f"{each}.ome.tif" for each in names]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("all", "one name for all results; add {stem}"),
        ("{stem}_{modle}", "did you mean 'model'?"),
        ("{stem", "expected '}'"),
        ("../{stem}", "no name in the output folder"),
    ],
)
def test_a_pattern_that_gives_no_names_is_refused(refused, sessions, model, pattern, said):
    assert said in refused(2, "predict", model, "in", "--name", pattern)


def test_a_name_of_a_model_is_none_of_a_conversion(refused, sessions):
    assert "{model} is for emseg predict" in refused(2, "convert", "in", "--name", "{stem}{model}")


def test_files_that_come_are_each_taken_once(emseg, tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(watching, "_LOOK_S", 0.05)
    Path("in").mkdir()
    tifffile.imwrite("away.tif", np.full((20, 20), 7, np.uint8))
    content = Path("away.tif").read_bytes()

    def write():
        for number in range(5):
            with Path(f"in/{number}.tif").open("wb") as file:
                for at in range(0, len(content), 100):
                    file.write(content[at : at + 100])
                    file.flush()
                    time.sleep(0.02)
        Path("away.tif").rename("in/renamed.tif")
        for at in range(0, len(content), 100):  # as a program that opens it anew each time
            with Path("in/growing.tif").open("ab") as file:
                file.write(content[at : at + 100])
            time.sleep(0.1)

    writer = threading.Thread(target=write)
    writer.start()
    words = ("--watch", "--settle", "0.6", "--idle", "0.03", "--log", "log")
    shown = emseg("predict", model, "in", "--out", "out", *words)
    writer.join()
    assert shown.code == 0, shown.err
    names = [*(f"{number}.tif" for number in range(5)), "growing.tif", "renamed.tif"]
    assert sorted(Path(each["file"]).name for each in events("log")) == names
    assert outcomes("log") == {"done": 7}
    assert "watched: 7 files predicted, 0 failed" in shown.err


def test_a_conversion_watches_too(emseg, sessions, monkeypatch):
    monkeypatch.setattr(watching, "_LOOK_S", 0.01)
    words = ("--watch", "--settle", "0", "--idle", "0.001", "--out", "out")
    assert emseg("convert", "in", "--recursive", *words).code == 0
    assert found("out", "*.tif") == ["a.ome.tif", "monday/a.ome.tif", "monday/late/b.ome.tif"]


def test_what_only_a_run_that_watches_has_is_refused(refused, sessions, model):
    assert "add --watch" in refused(2, "predict", model, "in", "--idle", "5")
    assert "--slices" in refused(2, "predict", model, "in", "--watch", "--slices", "0:2")
    assert "nowhere" in refused(2, "predict", model, "nowhere/x.tif", "--watch")
    assert "leave out --watch" in refused(2, "predict", model, "in", "--watch", "--dry-run")


def arrivals(folder, **settings):
    config = ConvertConfig(inputs=(folder,), watch=True, settle=0, idle=0.001, **settings)
    return Arrivals(config, config.inputs, NO_LABELS)


def test_a_file_is_taken_again_only_once_it_is_another(tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "_LOOK_S", 0.001)
    path = tmp_path / "a.png"
    path.write_text("1")
    taken = []
    for paths in arrivals(tmp_path):
        taken += [each.read_text() for each in paths]
        if len(taken) == 1:
            path.write_text("22")
    assert taken == ["1", "22"]


def test_files_of_one_image_are_taken_together_and_again_when_one_is_added(tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "_LOOK_S", 0.001)
    for number in range(2):
        (tmp_path / f"a_{number:03d}.tvips").write_text("1")
    taken = []
    for paths in arrivals(tmp_path):
        taken += [each.name for each in paths]
        if len(taken) == 1:
            (tmp_path / "a_002.tvips").write_text("1")
    assert taken == ["a_000.tvips", "a_000.tvips"]


@needs_leases
def test_a_file_that_somebody_still_writes_is_told(tmp_path):
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.write(b"half")
        file.flush()
        assert is_being_written(path)
    assert not is_being_written(path)
    with path.open("rb"):
        assert not is_being_written(path)
