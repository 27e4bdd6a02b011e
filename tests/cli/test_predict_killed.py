"""A prediction that is killed leaves nothing that the next one does not put right."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

_KILLED = """
import os, signal, sys
from pathlib import Path
from emseg.cli import main
from emseg.manifest import Manifest
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "before the row":
    Manifest.finish = die
else:
    replace = Path.replace
    Path.replace = lambda a, b: die() if b.name == "a.ome.tif" else replace(a, b)
main(sys.argv[2:])
"""


@pytest.mark.parametrize("point", ["before the row", "before the label image"])
def test_the_next_run_sweeps_and_adds_the_row(tmp_path, emseg, model, point):
    pixels = np.arange(400, dtype=np.uint8).reshape(20, 20)
    for name in "ab":
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    options = ["--out", str(tmp_path / "out"), "--format", "ome.tif", "--quiet"]
    command = ["predict", str(model), str(tmp_path / "a.png"), *options]
    said = subprocess.run([sys.executable, "-c", _KILLED, point, *command], check=False)
    assert said.returncode == -9
    out = tmp_path / "out"
    assert bool(list(out.glob(".*"))) == (point == "before the label image")
    assert emseg("predict", model, tmp_path / "b.png", *options).code == 0
    assert not [each.name for each in out.rglob(".*")]
    with (out / "predictions.csv").open(newline="", encoding="utf-8") as file:
        labels = {row["labels"] for row in csv.DictReader(file)}
    assert labels == {str(each) for each in out.glob("*.ome.tif")}
    assert (out / "a.ome.tif").exists() == (point == "before the row")


def test_a_conversion_that_was_killed_goes_on_too(tmp_path, emseg):
    for name in "ab":
        Image.fromarray(np.zeros((20, 20), np.uint8)).save(tmp_path / f"{name}.png")
    command = ["convert", str(tmp_path), "--out", str(tmp_path / "out"), "--quiet", "--json"]
    said = subprocess.run([sys.executable, "-c", _KILLED, "before the row", *command], check=False)
    assert said.returncode == -9
    before = (tmp_path / "out" / "a.ome.tif").stat().st_mtime_ns
    shown = emseg(*command)
    assert shown.code == 0, shown.err
    assert [each["planes"] for each in json.loads(shown.out)] == [1, 1]
    assert (tmp_path / "out" / "a.ome.tif").stat().st_mtime_ns == before
