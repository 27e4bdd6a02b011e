"""Runs that are killed again and again, and two at once: nothing is lost, nothing done twice."""

import hashlib
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile

from emseg.manifest import Made, Manifest

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals"),
]
_FILES, _KILLS = 40, 5


@pytest.fixture
def folder(emseg, tmp_path, monkeypatch, model):
    """Forty micrographs and three files that are none, and a model that starts fast."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for number in range(_FILES):
        pixels = np.random.default_rng(number).integers(0, 255, (64, 64), dtype=np.uint8)
        tifffile.imwrite(f"in/{number:02d}.tif", pixels)
    for name in ("a.tif", "b.dm4", "c.npy"):
        Path("in", name).write_text("no picture")
    assert emseg("export", model, "--to", "onnx").code == 0
    return tmp_path


def begin(out):
    command = [sys.executable, "-m", "emseg", "predict", "model", "in", "--out", out]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def states(out):
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in Path(out).glob("*.ome.tif")
    }


def entries(out):
    found = Manifest(Path(out), "predict", Made()).entries().values()
    return Counter(each.is_done for each in found)


def require_whole(out):
    assert entries(out) == {True: _FILES, False: 3}
    assert not [each.name for each in Path(out).rglob("*") if each.name.startswith(".")]
    assert not list(Path(out).glob("*-journal"))
    rows = Path(out, "predictions.csv").read_text().splitlines()
    assert len(rows) == 1 + _FILES


@pytest.mark.timeout(600)
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_never_was(folder):
    assert begin("clean").wait() == 3
    moments, before = random.Random(0), {}
    for _ in range(_KILLS):
        run = begin("out")
        until = len(states("out")) + moments.randrange(2, 9)
        while run.poll() is None and len(states("out")) < until:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.05))
        run.kill()
        run.wait()
        now = states("out")
        assert {name: now[name] for name in before} == before  # nothing that is there is done again
        before = now
    assert begin("out").wait() == 3
    now = states("out")
    assert {name: now[name] for name in before} == before
    expected = states("clean")
    assert {name: content for name, (content, _) in now.items()} == {
        name: content for name, (content, _) in expected.items()
    }
    require_whole("out")


@pytest.mark.timeout(600)
def test_two_runs_at_once_share_the_work(folder):
    runs = [begin("out") for _ in range(2)]
    codes = {run.wait() for run in runs}
    assert codes <= {0, 3}
    require_whole("out")
